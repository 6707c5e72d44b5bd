import type { Timestamp } from "../api/watermark.js";
import type { Cancel } from "../mailbox/index.js";
import type { AsyncAttempt } from "./async-map-options.js";
import type { Control } from "./chunk.js";

/** The records between two controls of a queue in which they leave in any order. */
export interface Segment<A, B> {
  waiting: number;
  done: AsyncCall<A, B>[];
  /** Undefined: the last segment. */
  end: Control | undefined;
}

/** One record in flight. */
export class AsyncCall<A, B> {
  readonly record: A;
  readonly timestamp: Timestamp;
  /** On the monotonic clock. */
  readonly deadline: number;
  attempts = 0;
  /** Undefined as long as the record has none. */
  results: readonly B[] | undefined;
  /** It has its results or is given up: what comes now is too late. */
  isOver = false;
  cancelRetry: Cancel | undefined;
  /** Where it is in an unordered queue; undefined before and after. */
  segment: Segment<A, B> | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(record: A, timestamp: Timestamp, deadline: number) {
    this.record = record;
    this.timestamp = timestamp;
    this.deadline = deadline;
  }

  /** Made when it is asked for: a controller costs more than all else here. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}

/** What the function sees of its call. */
export class Attempt implements AsyncAttempt {
  readonly attempt: number;
  readonly timestamp: Timestamp;
  readonly #call: AsyncCall<unknown, unknown>;

  constructor(call: AsyncCall<unknown, unknown>) {
    this.attempt = call.attempts;
    this.timestamp = call.timestamp;
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }
}
