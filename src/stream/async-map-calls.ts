import type { Timestamp } from "../api/watermark.js";
import type { Cancel } from "../mailbox/index.js";
import { AsyncCall, Attempt } from "./async-map-call.js";
import type { AsyncMapSettings } from "./async-map-options.js";
import type { OperatorContext } from "./operator-context.js";
import { SparseList } from "./sparse-list.js";

/** What becomes of the calls, told in the subtask's loop. */
export interface AsyncCallsListener<A, B> {
  completed(call: AsyncCall<A, B>): void;
  /** One or more have completed. */
  progressed(): void;
  failed(error: unknown): void;
}

interface Settled<A, B> {
  readonly call: AsyncCall<A, B>;
  readonly value?: B | readonly B[];
  readonly rejected?: { readonly error: unknown };
}

/**
 * Owns: the calls under way with their timeouts and retries. Called by: the operator, its timers and
 * the actions that it has run, all in the subtask's loop; only a promise that settles comes from
 * outside, and it waits in a list until an action in the loop takes it.
 * Invariants: the first completion of a record is the only one; calls are in the order of their
 * deadlines, so one timer serves all.
 */
export class AsyncCalls<A, B> {
  readonly #settings: AsyncMapSettings<A, B>;
  readonly #context: OperatorContext;
  readonly #listener: AsyncCallsListener<A, B>;
  readonly #underWay = new SparseList<AsyncCall<A, B>>((call) => call.isOver);
  #settled: Settled<A, B>[] = [];
  #cancelTimer: Cancel | undefined;

  constructor(
    settings: AsyncMapSettings<A, B>,
    context: OperatorContext,
    listener: AsyncCallsListener<A, B>,
  ) {
    this.#settings = settings;
    this.#context = context;
    this.#listener = listener;
  }

  start(record: A, timestamp: Timestamp): AsyncCall<A, B> {
    const { timeout } = this.#settings;
    const deadline =
      timeout === undefined
        ? Number.POSITIVE_INFINITY
        : this.#context.processingTime.relativeTime() + timeout;
    const call = new AsyncCall<A, B>(record, timestamp, deadline);
    this.#underWay.push(call);
    if (timeout !== undefined && this.#cancelTimer === undefined) this.#startTimer(timeout);
    this.#attempt(call);
    return call;
  }

  /** Gives up every call under way. */
  close(reason: unknown): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#settled = [];
    for (const call of [...this.#underWay]) this.#end(call, { reason });
  }

  #attempt(call: AsyncCall<A, B>): void {
    call.attempts++;
    call.cancelRetry = undefined;
    let promise: Promise<B | readonly B[]>;
    try {
      promise = Promise.resolve(this.#settings.fn(call.record, new Attempt(call)));
    } catch (error) {
      promise = Promise.reject(error);
    }
    promise.then(
      (value) => this.#settle({ call, value }),
      (error: unknown) => this.#settle({ call, rejected: { error } }),
    );
  }

  #settle(settled: Settled<A, B>): void {
    if (settled.call.isOver) return;
    this.#settled.push(settled);
    if (this.#settled.length === 1) this.#context.runInLoop(() => this.#takeSettled());
  }

  #takeSettled(): void {
    const batch = this.#settled;
    this.#settled = [];
    this.#guarded(() => {
      for (const settled of batch) if (!settled.call.isOver) this.#take(settled);
    });
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#listener.failed(error);
      return;
    }
    this.#listener.progressed();
  }

  #take({ call, value, rejected }: Settled<A, B>): void {
    const { retry } = this.#settings;
    if (rejected !== undefined) {
      const mayRetry = (): boolean => retry?.onError?.(rejected.error) ?? true;
      if (this.#retry(call, "retry.onError", mayRetry)) return;
      const attempts = call.attempts === 1 ? "" : ` at attempt ${call.attempts}`;
      throw new Error(`fn failed${attempts}`, { cause: rejected.error });
    }
    const results = arrayOf(value as B | readonly B[]);
    const mustRetry = (): boolean => retry?.onResult?.(results) ?? false;
    if (!this.#retry(call, "retry.onResult", mustRetry)) this.#complete(call, results);
  }

  /** Whether the call is tried again. */
  #retry(call: AsyncCall<A, B>, name: string, isReason: () => boolean): boolean {
    const { retry } = this.#settings;
    if (retry === undefined) return false;
    const delay = named("retry.strategy", () => retry.strategy.delayOf(call.attempts));
    if (delay === undefined || !named(name, isReason)) return false;
    if (!(delay >= 0)) throw new Error(`retry.strategy ${retry.strategy.name} gave delay ${delay}`);
    const again = (): void => this.#attempt(call);
    call.cancelRetry = this.#context.processingTime.registerTimer(delay, again);
    return true;
  }

  #complete(call: AsyncCall<A, B>, results: readonly B[]): void {
    call.results = results;
    this.#end(call);
    this.#listener.completed(call);
  }

  #end(call: AsyncCall<A, B>, aborted?: { readonly reason: unknown }): void {
    if (!call.isOver) {
      call.isOver = true;
      this.#underWay.oneWent();
    }
    call.cancelRetry?.();
    if (aborted !== undefined) call.abort(aborted.reason);
  }

  #startTimer(delay: number): void {
    const { processingTime } = this.#context;
    this.#cancelTimer = processingTime.registerTimer(delay, () => {
      this.#cancelTimer = undefined;
      this.#guarded(() => this.#expire(processingTime.relativeTime()));
    });
  }

  #expire(now: number): void {
    for (const call of this.#underWay) {
      if (call.deadline > now) {
        this.#startTimer(call.deadline - now);
        return;
      }
      this.#timeOut(call);
    }
  }

  #timeOut(call: AsyncCall<A, B>): void {
    const { onTimeout, timeout } = this.#settings;
    const error = new Error(`a record got no result within ${timeout} ms`);
    error.name = "TimeoutError";
    this.#end(call, { reason: error });
    if (onTimeout === undefined) throw error;
    this.#complete(call, arrayOf(named("onTimeout", () => onTimeout(call.record))));
  }
}

function arrayOf<B>(value: B | readonly B[]): readonly B[] {
  return Array.isArray(value) ? value : [value as B];
}

/** Says which of the user's functions threw. */
function named<R>(name: string, call: () => R): R {
  try {
    return call();
  } catch (cause) {
    throw new Error(`${name} threw`, { cause });
  }
}
