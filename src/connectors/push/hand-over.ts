import type { Timestamp } from "../../api/watermark.js";
import { HeadwaterError } from "../../errors/index.js";
import type { Cancel } from "../../mailbox/ports.js";
import type { PushControl } from "./push-batch.js";

/** What happens to a record that finds the buffer full. */
export type Overflow = "block" | "drop-oldest" | "fail";

/** What a hand-over is made of. */
export interface HandOverOptions {
  readonly bufferSize: number;
  readonly overflow: Overflow;
  /** Calls back in a later turn of the event loop. */
  readonly inLaterTurn: (callback: () => void) => Cancel;
  readonly dropped: () => void;
  /** Nothing is taken any more. */
  readonly refusing: () => void;
}

/** Records that were taken together, each with its timestamp and position, and what stands between them. */
export interface HandedOver<T> {
  readonly values: readonly T[];
  readonly timestamps: readonly Timestamp[];
  readonly positions: readonly unknown[];
  /** In order; `at` counts from the first of the values. */
  readonly controls: readonly PushControl[];
}

interface Pause {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The buffer between a producer, which pushes when it likes, and the split reader.
 *
 * Owns: what was pushed and not taken. Called by: the producer, from anywhere, and one split reader.
 * Invariants: never more than `bufferSize` records, with "block" never more than twice as many; the
 * error or the end comes after the last record; `add` never throws, and what it returns may be ignored.
 */
export class HandOver<T> {
  readonly #options: HandOverOptions;
  readonly #hardLimit: number;
  #values: T[] = [];
  #timestamps: Timestamp[] = [];
  #positions: unknown[] = [];
  #controls: PushControl[] = [];
  /** Where the oldest record stands in the arrays. */
  #head = 0;
  #addedSinceTake = 0;
  #ended = false;
  #error: { readonly thrown: unknown } | undefined;
  #refusal: Promise<void> | undefined;
  #pause: Pause | undefined;
  #cancelTurn: Cancel | undefined;
  #onNews: (() => void) | undefined;

  constructor(options: HandOverOptions) {
    this.#options = options;
    this.#hardLimit = options.overflow === "block" ? 2 * options.bufferSize : options.bufferSize;
  }

  get size(): number {
    return this.#values.length - this.#head;
  }

  get isDone(): boolean {
    return this.#ended && this.#error === undefined && this.#isEmpty;
  }

  /** A promise: wait for it before the next record. It rejects when nothing is taken any more. */
  add(value: T, timestamp: Timestamp, position: unknown): void | Promise<void> {
    if (this.#refusal !== undefined) return this.#refusal;
    const { bufferSize, overflow } = this.#options;
    if (this.size >= this.#hardLimit) {
      if (overflow !== "drop-oldest") return this.fail(overflown(overflow, this.size));
      this.#dropOldest();
    }
    this.#values.push(value);
    this.#timestamps.push(timestamp);
    this.#positions.push(position);
    this.#addedSinceTake++;
    this.#notify();
    if (overflow === "block") return this.size >= bufferSize ? this.#waitForRoom() : undefined;
    if (overflow === "fail" || this.#addedSinceTake < bufferSize) return;
    return this.#waitForTurn();
  }

  /** A promise that no record with a timestamp up to `watermark` follows. */
  addWatermark(watermark: Timestamp): void {
    const control = this.#control();
    control.watermark = Math.max(control.watermark ?? watermark, watermark);
    control.isIdle = false;
    this.#notify();
  }

  addIdle(): void {
    this.#control().isIdle = true;
    this.#notify();
  }

  end(): void {
    this.#refuse(new Error("the source has ended"));
  }

  /** What came before stays readable. */
  fail(thrown: unknown): Promise<void> {
    this.#error ??= { thrown };
    return this.#refuse(thrown);
  }

  /** Drops everything. */
  close(): void {
    this.#refuse(new Error("the source has been closed"));
    this.#values = [];
    this.#timestamps = [];
    this.#positions = [];
    this.#controls = [];
    this.#head = 0;
  }

  /** At most `limit` records. Throws what it failed with, after them. */
  take(limit: number): HandedOver<T> {
    if (this.#error !== undefined && this.#isEmpty) throw this.#error.thrown;
    const [from, to] = [this.#head, Math.min(this.#head + limit, this.#values.length)];
    let passed = 0;
    while (passed < this.#controls.length && (this.#controls[passed] as PushControl).at <= to) {
      (this.#controls[passed++] as PushControl).at -= from;
    }
    const taken = {
      values: this.#values.slice(from, to),
      timestamps: this.#timestamps.slice(from, to),
      positions: this.#positions.slice(from, to),
      controls: this.#controls.splice(0, passed),
    };
    this.#head = to;
    this.#addedSinceTake = 0;
    this.#compact();
    if (this.size < this.#options.bufferSize) this.#endPause();
    return taken;
  }

  wait(): Promise<void> | undefined {
    if (this.#ended || !this.#isEmpty) return undefined;
    return new Promise((resolve) => {
      this.#onNews = resolve;
    });
  }

  get #isEmpty(): boolean {
    return this.size === 0 && this.#controls.length === 0;
  }

  /** The control behind the newest record: one is enough for all that are pushed there. */
  #control(): PushControl {
    const at = this.#values.length;
    const last = this.#controls.at(-1);
    if (last?.at === at) return last;
    const control: PushControl = { at, watermark: undefined, isIdle: false };
    if (this.#refusal === undefined) this.#controls.push(control);
    return control;
  }

  #dropOldest(): void {
    // So that the record is not kept alive.
    this.#values[this.#head] = undefined as T;
    this.#head++;
    this.#options.dropped();
    const [first, second] = this.#controls;
    if (first !== undefined && second !== undefined && second.at <= this.#head) {
      this.#controls.shift();
      if (first.watermark !== undefined) second.watermark ??= first.watermark;
    }
    this.#compact();
  }

  /** Moves the rest to the front, rarely enough that a record is moved about once. */
  #compact(): void {
    if (this.#head === 0 || this.#head < this.size) return;
    this.#values.splice(0, this.#head);
    this.#timestamps.splice(0, this.#head);
    this.#positions.splice(0, this.#head);
    for (const control of this.#controls) control.at -= this.#head;
    this.#head = 0;
  }

  #waitForRoom(): Promise<void> {
    this.#pause ??= newPause();
    return this.#pause.promise;
  }

  /** A producer that never waits for anything would let nobody else have a turn. */
  #waitForTurn(): Promise<void> {
    if (this.#pause === undefined) {
      this.#pause = newPause();
      this.#cancelTurn = this.#options.inLaterTurn(() => this.#endPause());
    }
    return this.#pause.promise;
  }

  #endPause(): void {
    this.#addedSinceTake = 0;
    this.#cancelTurn?.();
    this.#cancelTurn = undefined;
    this.#pause?.resolve();
    this.#pause = undefined;
  }

  #refuse(reason: unknown): Promise<void> {
    this.#ended = true;
    if (this.#refusal === undefined) {
      this.#refusal = Promise.reject(reason);
      // A producer need not look at it: the reader knows.
      this.#refusal.catch(() => {});
      this.#cancelTurn?.();
      this.#pause?.reject(reason);
      this.#pause = undefined;
      this.#options.refusing();
    }
    this.#notify();
    return this.#refusal;
  }

  #notify(): void {
    const onNews = this.#onNews;
    this.#onNews = undefined;
    onNews?.();
  }
}

function newPause(): Pause {
  let settle: Omit<Pause, "promise"> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => {});
  return { promise, ...(settle as Omit<Pause, "promise">) };
}

function overflown(overflow: Overflow, waiting: number): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `records are pushed faster than the job reads: ${waiting} wait already`,
    {
      domain: "user",
      retry: "backoff",
      scope: "job",
      hint:
        overflow === "block"
          ? "Wait for the promise that ctx.collect returns before the next record."
          : 'Raise bufferSize, thin the records out before, or set overflow to "drop-oldest" if losing some does no harm.',
    },
  );
}
