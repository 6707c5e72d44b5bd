import type { SinkWriterContext } from "../../api/sink.js";
import type { SendContext, SendResult } from "./async-sink-options.js";
import type { Batch } from "./request-buffer.js";
import { timeoutError } from "./send-error.js";
import type { SendOutcome } from "./send-outcome.js";

/** What becomes of the calls, told in the subtask's loop. */
export interface SendCallsListener<Request, B extends Batch<Request>> {
  /** Once for each batch; `startedAt` on the monotonic clock. */
  completed(batch: B, outcome: SendOutcome<Request>, startedAt: number): void;
  /** A call has taken too long twice over: it does not end when its signal aborts. */
  stuck(batch: B): void;
  /** Some have completed. */
  progressed(): void;
}

export interface SendCallsOptions<Request, Client> {
  readonly context: SinkWriterContext;
  readonly client: Client;
  readonly requestTimeout: number;
  /** A call that has timed out counts as in flight until its promise has settled. */
  readonly awaitsTimedOut: boolean;
  send(
    batch: readonly Request[],
    context: SendContext<Client>,
  ): SendResult<Request> | Promise<SendResult<Request>>;
}

interface Call<B> {
  readonly batch: B;
  readonly controller: AbortController;
  readonly startedAt: number;
  cancelTimeout: () => void;
  hasTimedOut: boolean;
  /** Its outcome is known, at least outside of the loop: what comes now is too late. */
  isOver: boolean;
}

/** What a writer waits for at its end, for calls that do not heed their signals. */
const CLOSE_GRACE = 5000;

/**
 * Owns: the calls under way with their timeouts. Called by: the writer and its timers, in the
 * subtask's loop; only a promise that settles comes from outside, and its outcome waits in a list
 * until the loop takes it.
 * Invariants: each batch completes once, with whatever comes first.
 */
export class SendCalls<Request, B extends Batch<Request>, Client> {
  readonly #options: SendCallsOptions<Request, Client>;
  readonly #listener: SendCallsListener<Request, B>;
  readonly #inFlight = new Set<Call<B>>();
  /** With those that were given up and still run. */
  readonly #running = new Set<Promise<void>>();
  #settled: { readonly call: Call<B>; readonly outcome: SendOutcome<Request> }[] = [];
  #isClosed = false;

  constructor(options: SendCallsOptions<Request, Client>, listener: SendCallsListener<Request, B>) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Batches in flight. */
  get size(): number {
    return this.#inFlight.size;
  }

  start(batch: B, attempt: number): void {
    const { context, requestTimeout, send, client } = this.#options;
    const controller = new AbortController();
    const call: Call<B> = {
      batch,
      controller,
      startedAt: context.processingTime.relativeTime(),
      cancelTimeout: context.processingTime.registerTimer(requestTimeout, () => this.#expire(call)),
      hasTimedOut: false,
      isOver: false,
    };
    this.#inFlight.add(call);
    const { signal } = controller;
    // A copy: a user who takes out what he has sent must not take it from what is sent again.
    const requests = [...batch.requests];
    const run = async (): Promise<SendResult<Request>> =>
      send(requests, { signal, attempt, client });
    const running = run().then(
      (result) => this.#settle(call, { result }),
      (error: unknown) => this.#settle(call, { error, isTimeout: call.hasTimedOut }),
    );
    this.#running.add(running);
    running.then(() => this.#running.delete(running));
  }

  /** Aborts every call; nothing is told of them any more. */
  abort(reason: unknown): void {
    this.#isClosed = true;
    this.#settled = [];
    for (const call of this.#inFlight) {
      call.isOver = true;
      call.cancelTimeout();
      call.controller.abort(reason);
    }
    this.#inFlight.clear();
  }

  /** Resolves when no aborted call runs any more, or when it has waited long enough. */
  async ended(): Promise<void> {
    if (this.#running.size === 0) return;
    let cancel = (): void => {};
    const grace = new Promise<void>((resolve) => {
      cancel = this.#options.context.processingTime.registerTimer(CLOSE_GRACE, resolve);
    });
    await Promise.race([Promise.all(this.#running), grace]);
    cancel();
  }

  #settle(call: Call<B>, outcome: SendOutcome<Request>): void {
    if (call.isOver) return;
    call.isOver = true;
    call.cancelTimeout();
    this.#settled.push({ call, outcome });
    if (this.#settled.length > 1) return;
    this.#options.context.runInLoop(() => this.#takeSettled());
  }

  #takeSettled(): void {
    const settled = this.#settled;
    this.#settled = [];
    for (const { call, outcome } of settled) {
      if (this.#isClosed) return;
      this.#complete(call, outcome);
    }
    if (this.#isClosed) return;
    this.#listener.progressed();
  }

  #complete(call: Call<B>, outcome: SendOutcome<Request>): void {
    this.#inFlight.delete(call);
    this.#listener.completed(call.batch, outcome, call.startedAt);
  }

  #expire(call: Call<B>): void {
    const { context, requestTimeout, awaitsTimedOut } = this.#options;
    if (call.isOver) return;
    if (call.hasTimedOut) {
      this.#listener.stuck(call.batch);
      return;
    }
    const error = timeoutError(call.batch.requests.length, requestTimeout);
    call.hasTimedOut = true;
    call.isOver = !awaitsTimedOut;
    call.controller.abort(error);
    if (awaitsTimedOut) {
      call.cancelTimeout = context.processingTime.registerTimer(requestTimeout, () =>
        this.#expire(call),
      );
      return;
    }
    this.#complete(call, { error, isTimeout: true });
    if (!this.#isClosed) this.#listener.progressed();
  }
}
