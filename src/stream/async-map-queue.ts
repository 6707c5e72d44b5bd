import { AsyncCall, type Segment } from "./async-map-call.js";
import type { Control } from "./chunk.js";
import { SparseList } from "./sparse-list.js";

/** Takes what leaves the queue, in stream order. */
export interface QueueOutput<A, B> {
  callLeaves(call: AsyncCall<A, B>): void;
  controlLeaves(control: Control): void;
}

/**
 * The records and controls that have been taken and not emitted (Flink `StreamElementQueue`); called
 * in the subtask's loop.
 */
export interface AsyncMapQueue<A, B> {
  /** Records and controls; those with results among them. */
  readonly size: number;
  putCall(call: AsyncCall<A, B>): void;
  putControl(control: Control): void;
  /** The call has its results now. */
  completed(call: AsyncCall<A, B>): void;
  /** Gives away all that may leave. */
  release(output: QueueOutput<A, B>): void;
  /** In the order of the input. */
  calls(): Iterable<AsyncCall<A, B>>;
  clear(): void;
}

/** Taken places at the front are given up when there are so many, and as many behind them. */
const COMPACT_AT = 1024;

/** First in, first out (Flink `OrderedStreamElementQueue`). */
export class OrderedQueue<A, B> implements AsyncMapQueue<A, B> {
  #places: (AsyncCall<A, B> | Control)[] = [];
  #head = 0;

  get size(): number {
    return this.#places.length - this.#head;
  }

  putCall(call: AsyncCall<A, B>): void {
    this.#places.push(call);
  }

  putControl(control: Control): void {
    this.#places.push(control);
  }

  completed(): void {}

  release(output: QueueOutput<A, B>): void {
    while (this.#head < this.#places.length) {
      const first = this.#places[this.#head] as AsyncCall<A, B> | Control;
      if (isControl(first)) {
        this.#head++;
        output.controlLeaves(first);
      } else {
        if (first.results === undefined) break;
        this.#head++;
        output.callLeaves(first);
      }
    }
    if (this.#head === this.#places.length) this.clear();
    else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#places.length) {
      this.#places = this.#places.slice(this.#head);
      this.#head = 0;
    }
  }

  *calls(): Iterable<AsyncCall<A, B>> {
    for (let i = this.#head; i < this.#places.length; i++) {
      const place = this.#places[i] as AsyncCall<A, B> | Control;
      if (!isControl(place)) yield place;
    }
  }

  clear(): void {
    this.#places = [];
    this.#head = 0;
  }
}

function isControl(place: unknown): place is Control {
  return !(place instanceof AsyncCall);
}

/** Any order between two controls (Flink `UnorderedStreamElementQueue`). */
export class UnorderedQueue<A, B> implements AsyncMapQueue<A, B> {
  readonly #calls = new SparseList<AsyncCall<A, B>>((call) => call.segment === undefined);
  #segments: Segment<A, B>[] = [{ waiting: 0, done: [], end: undefined }];
  #controls = 0;

  get size(): number {
    return this.#calls.size + this.#controls;
  }

  putCall(call: AsyncCall<A, B>): void {
    const last = this.#segments.at(-1) as Segment<A, B>;
    last.waiting++;
    call.segment = last;
    this.#calls.push(call);
  }

  putControl(control: Control): void {
    (this.#segments.at(-1) as Segment<A, B>).end = control;
    this.#segments.push({ waiting: 0, done: [], end: undefined });
    this.#controls++;
  }

  completed(call: AsyncCall<A, B>): void {
    const { segment } = call;
    if (segment === undefined) return;
    segment.waiting--;
    segment.done.push(call);
  }

  release(output: QueueOutput<A, B>): void {
    while (true) {
      const first = this.#segments[0] as Segment<A, B>;
      const { done } = first;
      first.done = [];
      for (const call of done) {
        call.segment = undefined;
        this.#calls.oneWent();
        output.callLeaves(call);
      }
      if (first.waiting > 0 || first.end === undefined) return;
      this.#segments.shift();
      this.#controls--;
      output.controlLeaves(first.end);
    }
  }

  calls(): Iterable<AsyncCall<A, B>> {
    return this.#calls;
  }

  clear(): void {
    this.#calls.clear();
    this.#segments = [{ waiting: 0, done: [], end: undefined }];
    this.#controls = 0;
  }
}
