import type { Timestamp } from "../api/watermark.js";
import type { AsyncCall } from "./async-map-call.js";
import { HeldInput, type InputTaker } from "./async-map-input.js";
import type { AsyncMapSettings } from "./async-map-options.js";
import { AsyncMapOutput } from "./async-map-output.js";
import {
  type AsyncMapQueue,
  OrderedQueue,
  type QueueOutput,
  UnorderedQueue,
} from "./async-map-queue.js";
import type { InFlight } from "./async-map-state.js";
import { type Chunk, type Control, creditsOf } from "./chunk.js";

/** What the buffer needs of its operator. */
export interface AsyncMapBufferListener<A, B> {
  start(record: A, timestamp: Timestamp): AsyncCall<A, B>;
  /** A control leaves in its place. */
  controlLeaves(control: Control): void;
}

/**
 * Owns: everything that is on its way through the operator: the input that finds no place yet, the
 * queue of records in flight, and the next chunk out. Called by: the operator, in the subtask's loop.
 * Invariants: the queue holds no more than the capacity.
 */
export class AsyncMapBuffer<A, B> implements InputTaker<A>, QueueOutput<A, B> {
  readonly output = new AsyncMapOutput<B>();
  readonly #capacity: number;
  readonly #listener: AsyncMapBufferListener<A, B>;
  readonly #input = new HeldInput<A>();
  readonly #queue: AsyncMapQueue<A, B>;

  constructor({ mode, capacity }: AsyncMapSettings<A, B>, listener: AsyncMapBufferListener<A, B>) {
    this.#capacity = capacity;
    this.#listener = listener;
    this.#queue = mode === "ordered" ? new OrderedQueue() : new UnorderedQueue();
  }

  /** Some input finds no place. */
  get holdsInput(): boolean {
    return !this.#input.isEmpty;
  }

  get isEmpty(): boolean {
    return this.#queue.size === 0 && this.#input.isEmpty;
  }

  get hasRoom(): boolean {
    return this.#queue.size < this.#capacity;
  }

  /** A chunk without an element does not wait for those before it. */
  push(chunk: Chunk<A>): void {
    if (chunk.records.length > 0 || chunk.controls.length > 0) this.#input.push(chunk);
    else this.output.credits(creditsOf(chunk));
  }

  completed(call: AsyncCall<A, B>): void {
    this.#queue.completed(call);
  }

  /** Starts and gives out as much as it can. */
  advance(): void {
    do {
      this.#input.drainTo(this);
      this.#queue.release(this);
    } while (this.holdsInput && this.hasRoom);
  }

  /** What has not been given out, in the order of the input. */
  inFlight(): readonly InFlight<A>[] {
    return [...this.#queue.calls(), ...this.#input.records()];
  }

  /** The credits of held input go out before it does. */
  releaseCredits(): void {
    this.output.credits(this.#input.takeCredits());
  }

  /** Drops everything but credits. */
  clear(): void {
    this.releaseCredits();
    this.#queue.clear();
    this.#input.clear();
  }

  record(record: A, timestamp: Timestamp): void {
    this.#queue.putCall(this.#listener.start(record, timestamp));
  }

  control(control: Control): void {
    this.#queue.putControl(control);
  }

  credits(credits: number): void {
    this.output.credits(credits);
  }

  callLeaves(call: AsyncCall<A, B>): void {
    this.output.results(call);
  }

  controlLeaves(control: Control): void {
    this.#listener.controlLeaves(control);
  }
}
