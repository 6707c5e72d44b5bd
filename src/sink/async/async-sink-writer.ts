import type { SinkWriter, SinkWriterContext } from "../../api/sink.js";
import type { Timestamp } from "../../api/watermark.js";
import { HeadwaterError } from "../../errors/index.js";
import type { BatchingSettings, RequestContext } from "./async-sink-options.js";
import type { RateLimitingStrategy } from "./rate-limiting.js";
import { type Batch, highest, type RequestBuffer } from "./request-buffer.js";
import { SendCalls, type SendCallsOptions } from "./send-calls.js";
import { SendErrors } from "./send-error.js";
import { SendMetrics } from "./send-metrics.js";
import { requestsToRetry, retryDelay, type SendOutcome } from "./send-outcome.js";

/** What a writer is made of, beside its batching. */
export interface AsyncSinkWriterParts<T, Request, Client> {
  readonly context: SinkWriterContext;
  readonly settings: BatchingSettings<Client>;
  readonly client: Client;
  readonly strategy: RateLimitingStrategy;
  readonly buffer: RequestBuffer<Request>;
  readonly toRequest: (record: T, context: RequestContext) => Request;
  readonly sizeInBytes: ((request: Request) => number) | undefined;
  readonly send: SendCallsOptions<Request, Client>["send"];
  readonly awaitsTimedOut: boolean;
}

/** How soon a strategy that blocks with nothing in flight is asked again. */
const ASK_AGAIN = 10;

/** A call of `write` or `flush` that waits. */
interface Waiting {
  /** Whether what it waits for has come. */
  isOver(): boolean;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Gathers requests into batches and has them sent, several at a time (FLIP-171 `AsyncSinkWriter`).
 *
 * Owns: the buffer, the rate limiting and the timers that say when the buffer is due.
 * Called by: the subtask's loop.
 * Invariants: a request is in the buffer, in flight, or done. A record is taken only when the buffer
 * has a place; what comes back from a call is put in front even beyond that, so the buffer and what
 * is in flight are bounded together. After the first failure nothing is sent any more, and each call
 * throws that failure.
 */
export class AsyncSinkWriter<T, Request, Client> implements SinkWriter<T> {
  readonly #context: SinkWriterContext;
  readonly #settings: BatchingSettings<Client>;
  readonly #errors: SendErrors;
  readonly #parts: AsyncSinkWriterParts<T, Request, Client>;
  readonly #buffer: RequestBuffer<Request>;
  readonly #calls: SendCalls<Request, Batch<Request>, Client>;
  readonly #strategy: RateLimitingStrategy;
  readonly #metrics: SendMetrics;
  readonly #requestContext: { timestamp: Timestamp } = { timestamp: Number.NEGATIVE_INFINITY };
  /** As many of the buffer do not wait for a full batch. */
  #due = 0;
  #isFlushing = false;
  #cancelDueTimer: (() => void) | undefined;
  /** Set while nothing is sent because of a retry's delay. */
  #pause: { readonly until: number; readonly cancel: () => void } | undefined;
  #cancelAskAgain: (() => void) | undefined;
  #waiting: Waiting | undefined;
  #failure: HeadwaterError | undefined;

  constructor(parts: AsyncSinkWriterParts<T, Request, Client>) {
    const { context, settings, client, send, awaitsTimedOut, buffer, strategy } = parts;
    this.#context = context;
    this.#settings = settings;
    this.#errors = new SendErrors(settings.name, context);
    this.#parts = parts;
    this.#buffer = buffer;
    this.#strategy = strategy;
    const { requestTimeout } = settings;
    this.#calls = new SendCalls(
      { context, client, requestTimeout, awaitsTimedOut, send },
      {
        completed: (batch, outcome, startedAt) =>
          this.#guarded(() => this.#completed(batch, outcome, startedAt)),
        stuck: (batch) => this.#fail(this.#errors.stuck(batch.requests.length, requestTimeout)),
        progressed: () => this.#goOn(),
      },
    );
    this.#metrics = new SendMetrics(context.metricGroup, {
      buffered: () => buffer.size,
      inFlight: () => this.#calls.size,
    });
  }

  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void> {
    let taken = 0;
    return this.#begin(() => {
      taken = this.#take(records, timestamps, taken);
      return taken === records.length;
    });
  }

  /** All that has been written is outside when it resolves, retries included. */
  flush(): void | Promise<void> {
    return this.#begin(() => {
      this.#isFlushing = true;
      this.#pump();
      if (this.#buffer.size > 0 || this.#calls.size > 0) return false;
      this.#isFlushing = false;
      return true;
    });
  }

  async close(): Promise<void> {
    this.#stop(this.#errors.failed("is closed"));
    await this.#calls.ended();
    await this.#settings.closeClient?.(this.#parts.client);
  }

  // Taking records ------------------------------------------------------------------------------

  /** Takes records from `from` on as long as there is a place; gives the first that it has not taken. */
  #take(records: readonly T[], timestamps: readonly Timestamp[], from: number): number {
    const { maxBufferedRequests, maxTimeInBuffer } = this.#settings;
    const buffer = this.#buffer;
    for (let i = from; i < records.length; i++) {
      if (buffer.size >= maxBufferedRequests) {
        this.#pump();
        if (buffer.size >= maxBufferedRequests) return i;
      }
      this.#add(records[i] as T, timestamps[i] as Timestamp);
      if (this.#hasFullBatch()) this.#pump();
    }
    if (buffer.size > 0 && this.#cancelDueTimer === undefined) {
      this.#cancelDueTimer = this.#context.processingTime.registerTimer(maxTimeInBuffer, () => {
        this.#cancelDueTimer = undefined;
        this.#due = buffer.size;
        this.#goOn();
      });
    }
    return records.length;
  }

  #add(record: T, timestamp: Timestamp): void {
    const { toRequest, sizeInBytes } = this.#parts;
    const { maxRecordSizeInBytes } = this.#settings;
    this.#requestContext.timestamp = timestamp;
    let request: Request;
    let size: number;
    try {
      request = toRequest(record, this.#requestContext);
      size = sizeInBytes?.(request) ?? 0;
    } catch (cause) {
      throw this.#errors.failed("cannot make a request of a record", { domain: "user", cause });
    }
    if (!(size >= 0 && size <= maxRecordSizeInBytes)) {
      throw this.#errors.wrongSize(size, maxRecordSizeInBytes);
    }
    this.#buffer.add(request, size);
  }

  // Sending -------------------------------------------------------------------------------------

  get #batchLimit(): number {
    const allowed = Math.floor(this.#strategy.maxBatchSize);
    if (!(allowed >= 1)) throw new Error(`rateLimiting gave maxBatchSize ${allowed}`);
    return Math.min(this.#settings.maxBatchSize, allowed);
  }

  #hasFullBatch(): boolean {
    const { sendable, sendableBytes } = this.#buffer;
    return (
      sendable >= this.#batchLimit ||
      (sendable > 0 && sendableBytes >= this.#settings.maxBatchSizeInBytes)
    );
  }

  /** Sends all that is due and may go. */
  #pump(): void {
    while (this.#maySend()) this.#send();
  }

  #maySend(): boolean {
    const { sendable } = this.#buffer;
    if (this.#failure !== undefined || this.#pause !== undefined || sendable === 0) return false;
    if (this.#calls.size >= this.#settings.maxInFlightRequests) return false;
    if (!this.#isFlushing && this.#due === 0 && !this.#hasFullBatch()) return false;
    if (!this.#strategy.shouldBlock(Math.min(this.#batchLimit, sendable))) return true;
    if (this.#calls.size === 0) this.#askAgain();
    return false;
  }

  #send(): void {
    const batch = this.#buffer.take(this.#batchLimit, this.#settings.maxBatchSizeInBytes);
    const size = batch.requests.length;
    this.#due = Math.max(0, this.#due - size);
    this.#strategy.registerInFlightRequest(size);
    this.#metrics.sent(size, batch.sizeInBytes);
    this.#calls.start(batch, highest(batch.retries ?? []) + 1);
  }

  /** A strategy that goes by time says nothing when it changes its mind. */
  #askAgain(): void {
    this.#cancelAskAgain ??= this.#context.processingTime.registerTimer(ASK_AGAIN, () => {
      this.#cancelAskAgain = undefined;
      this.#goOn();
    });
  }

  #completed(batch: Batch<Request>, outcome: SendOutcome<Request>, startedAt: number): void {
    const settings = this.#settings;
    const size = batch.requests.length;
    this.#metrics.answered(this.#context.processingTime.relativeTime() - startedAt);
    if ("error" in outcome) this.#metrics.failed(size);
    const retry = requestsToRetry(batch, outcome, settings, this.#errors);
    if ("result" in outcome) this.#metrics.failed(retry.length);
    this.#strategy.registerCompletedRequest(size, retry.length);
    const retries = this.#buffer.release(batch, retry);
    if (retries === 0) return;
    this.#due = Math.min(this.#due + retry.length, this.#buffer.size);
    this.#rest(retryDelay(retries, outcome, settings, this.#errors));
  }

  /** Sends nothing before the delay is over. */
  #rest(delay: number): void {
    const { processingTime } = this.#context;
    const until = processingTime.relativeTime() + delay;
    if (delay === 0 || (this.#pause !== undefined && this.#pause.until >= until)) return;
    this.#pause?.cancel();
    const cancel = processingTime.registerTimer(delay, () => {
      this.#pause = undefined;
      this.#goOn();
    });
    this.#pause = { until, cancel };
  }

  // Waiting and failing -------------------------------------------------------------------------

  /** Does what a call asks for, and waits as long as it is not over. */
  #begin(isOver: () => boolean): void | Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      if (isOver()) return;
    } catch (error) {
      const failure = this.#failureOf(error);
      this.#stop(failure);
      throw failure;
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { isOver, resolve, reject };
    });
  }

  /** Something has changed: sends what may go now, and lets who waits go on. */
  #goOn(): void {
    this.#guarded(() => {
      this.#pump();
      const waiting = this.#waiting;
      if (waiting === undefined || !waiting.isOver()) return;
      this.#waiting = undefined;
      waiting.resolve();
    });
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(this.#failureOf(error));
    }
  }

  #failureOf(error: unknown): HeadwaterError {
    if (error instanceof HeadwaterError && error.code === "SINK_FAILED") return error;
    return this.#errors.failed("failed", { cause: error });
  }

  /** In a timer's callback: fails the subtask at once, whether or not it waits for the sink. */
  #fail(error: HeadwaterError): void {
    const waiting = this.#waiting;
    this.#stop(error);
    if (waiting === undefined) throw error;
    waiting.reject(error);
  }

  #stop(reason: HeadwaterError): void {
    this.#failure ??= reason;
    this.#waiting = undefined;
    this.#cancelDueTimer?.();
    this.#cancelAskAgain?.();
    this.#pause?.cancel();
    this.#calls.abort(reason);
  }
}
