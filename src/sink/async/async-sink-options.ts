import * as v from "valibot";
import type { SinkWriterContext } from "../../api/sink.js";
import type { DurationInput, Timestamp } from "../../api/watermark.js";
import { optionInvalid } from "../../errors/index.js";
import { duration, parseOptions, wholeNumber } from "../../options/parse-options.js";
import {
  aimdScaling,
  congestionControl,
  fraction,
  type RateLimitingStrategy,
} from "./rate-limiting.js";

/** How often and after which delays a request is sent again; `exponentialBackoffRetry` gives one. */
export interface SendRetryStrategy {
  readonly name: string;
  /** Milliseconds before the retry with this number, from 1; undefined: no such retry. */
  delayOf(retry: number): number | undefined;
}

/** What to do when a batch does not go through. */
export interface SendRetryOptions {
  /** Default: 10 retries after 100 ms, 200 ms and so on up to 10 s. */
  readonly strategy?: SendRetryStrategy;
  /**
   * Whether this error would come again however often the batch is sent: it ends the job. Default: a
   * HeadwaterError with `retry: "never"` would.
   */
  isFatal?(error: unknown): boolean;
}

/** How the limit on requests in flight moves. */
export interface AimdOptions {
  /** Default 10. */
  readonly increaseRate?: number;
  /** Default 0.5. */
  readonly decreaseFactor?: number;
}

/** What a call may know of itself. */
export interface SendContext<Client = undefined> {
  /** Aborts when the call times out, the sink fails or its subtask closes. */
  readonly signal: AbortSignal;
  /** 1 as long as nothing in the batch has been sent before, one more for each time. */
  readonly attempt: number;
  /** What `createClient` gave. */
  readonly client: Client;
}

/** Requests that did not go through and are to be sent again; nothing: all went through. */
export type SendResult<Request> = void | { readonly retry: readonly Request[] };

/** What all sinks that send in batches take (Flink `AsyncSinkWriterConfiguration`); limits are a subtask's. */
export interface BatchingOptions<Client = undefined> {
  /** The sink in errors. */
  readonly name: string;
  /** Requests a batch; default 500. */
  readonly maxBatchSize?: number;
  /** Bytes a batch; default 5 MiB. Needs `sizeInBytes`. */
  readonly maxBatchSizeInBytes?: number;
  /** Bytes a request; a larger one ends the job. Default 1 MiB or a batch's. Needs `sizeInBytes`. */
  readonly maxRecordSizeInBytes?: number;
  /** Batches in flight; default 50. */
  readonly maxInFlightRequests?: number;
  /** Requests that wait; more than a batch's. No record is taken while so many wait. Default 10,000 or two batches. */
  readonly maxBufferedRequests?: number;
  /** A request that has waited this long does not wait for a full batch; default 5 s. */
  readonly maxTimeInBuffer?: DurationInput;
  /** How long a call may take; default 10 min. */
  readonly requestTimeout?: DurationInput;
  /** Whether a call that takes longer fails the subtask instead of being sent again; default false. */
  readonly failOnTimeout?: boolean;
  readonly retry?: SendRetryOptions;
  /** Numbers for Flink's AIMD, or a strategy of one's own for each writer. */
  readonly rateLimiting?: AimdOptions | (() => RateLimitingStrategy);
  /** Made once a writer, before it takes records. */
  createClient?(context: SinkWriterContext): Client | Promise<Client>;
  /** Called once for each client, when none of its calls runs any more or 5 s after they were aborted. */
  closeClient?(client: Client): void | Promise<void>;
}

/** What `toRequest` may know of its record; the same object for each, so keep none. */
export interface RequestContext {
  /** -Infinity when the record has none. */
  readonly timestamp: Timestamp;
}

/** What `asyncBatchSink` takes. */
export interface AsyncBatchSinkOptions<T, Request, Client = undefined>
  extends BatchingOptions<Client> {
  /** A record in the form that is sent (Flink `ElementConverter`). */
  toRequest(record: T, context: RequestContext): Request;
  /** Bytes that a request takes on its way; without it there are no limits in bytes. */
  sizeInBytes?(request: Request): number;
  /**
   * Sends a batch; called in the subtask's loop, so work before its first `await` holds up
   * everything else. A rejection sends the whole batch again, unless it is fatal. The list is the
   * call's own.
   */
  send(
    batch: readonly Request[],
    context: SendContext<Client>,
  ): SendResult<Request> | Promise<SendResult<Request>>;
}

/** Batching options that have been checked; times in milliseconds. */
export interface BatchingSettings<Client> {
  readonly name: string;
  readonly maxBatchSize: number;
  readonly maxBatchSizeInBytes: number;
  readonly maxRecordSizeInBytes: number;
  readonly maxInFlightRequests: number;
  readonly maxBufferedRequests: number;
  readonly maxTimeInBuffer: number;
  readonly requestTimeout: number;
  readonly failOnTimeout: boolean;
  readonly retryStrategy: SendRetryStrategy;
  readonly isFatal: ((error: unknown) => boolean) | undefined;
  readonly createRateLimiting: () => RateLimitingStrategy;
  readonly createClient: ((context: SinkWriterContext) => Client | Promise<Client>) | undefined;
  readonly closeClient: ((client: Client) => void | Promise<void>) | undefined;
}

const positiveDuration = v.pipe(
  duration(),
  v.check((ms) => ms > 0, "a duration > 0"),
);

/** The keys that every batching sink takes. */
const batchingEntries = {
  name: v.pipe(
    v.string(),
    v.check((name) => name !== "", "a name"),
  ),
  sizeInBytes: v.optional(v.function()),
  maxBatchSize: v.optional(wholeNumber(1), 500),
  maxBatchSizeInBytes: v.optional(wholeNumber(1)),
  maxRecordSizeInBytes: v.optional(wholeNumber(1)),
  maxInFlightRequests: v.optional(wholeNumber(1), 50),
  maxBufferedRequests: v.optional(wholeNumber(2)),
  maxTimeInBuffer: v.optional(positiveDuration, "5s"),
  requestTimeout: v.optional(positiveDuration, "10min"),
  failOnTimeout: v.optional(v.boolean(), false),
  retry: v.optional(
    v.strictObject({
      strategy: v.optional(v.looseObject({ name: v.string(), delayOf: v.function() })),
      isFatal: v.optional(v.function()),
    }),
  ),
  rateLimiting: v.optional(
    v.union([
      v.function(),
      v.strictObject({
        increaseRate: v.optional(wholeNumber(1)),
        decreaseFactor: v.optional(fraction()),
      }),
    ]),
  ),
  createClient: v.optional(v.function()),
  closeClient: v.optional(v.function()),
};

const MEBIBYTE = 1024 * 1024;

/** Ten retries, each after twice the delay of the one before, 10 s at most. */
const DEFAULT_RETRY: SendRetryStrategy = {
  name: "exponential-backoff",
  delayOf: (retry) => (retry <= 10 ? Math.min(100 * 2 ** (retry - 1), 10_000) : undefined),
};

/** Throws OPTION_INVALID; `sink` is the function whose options they are, `entries` what only it takes. */
export function parseBatchingOptions<Client>(
  sink: string,
  entries: v.ObjectEntries,
  options: BatchingOptions<Client> & { readonly sizeInBytes?: unknown },
): BatchingSettings<Client> {
  const schema = v.strictObject({ ...batchingEntries, ...entries });
  const parsed = parseOptions(sink, schema, options) as v.InferOutput<
    v.StrictObjectSchema<typeof batchingEntries, undefined>
  >;
  const { maxBatchSize, maxInFlightRequests } = parsed;
  const hasSizes = parsed.sizeInBytes !== undefined;
  for (const key of ["maxBatchSizeInBytes", "maxRecordSizeInBytes"] as const) {
    if (!hasSizes && parsed[key] !== undefined) {
      throw optionInvalid(`${sink}.${key}`, parsed[key], "sizeInBytes beside it");
    }
  }
  const maxBatchSizeInBytes =
    parsed.maxBatchSizeInBytes ?? (hasSizes ? 5 * MEBIBYTE : Number.POSITIVE_INFINITY);
  const maxRecordSizeInBytes =
    parsed.maxRecordSizeInBytes ??
    (hasSizes ? Math.min(MEBIBYTE, maxBatchSizeInBytes) : Number.POSITIVE_INFINITY);
  if (maxRecordSizeInBytes > maxBatchSizeInBytes) {
    const expected = `at most maxBatchSizeInBytes, ${maxBatchSizeInBytes}`;
    throw optionInvalid(`${sink}.maxRecordSizeInBytes`, maxRecordSizeInBytes, expected);
  }
  const maxBufferedRequests = parsed.maxBufferedRequests ?? Math.max(10_000, maxBatchSize * 2);
  if (maxBufferedRequests <= maxBatchSize) {
    const expected = `more than maxBatchSize, ${maxBatchSize}`;
    throw optionInvalid(`${sink}.maxBufferedRequests`, maxBufferedRequests, expected);
  }
  const { retry, rateLimiting } = options;
  const aimd = (): RateLimitingStrategy =>
    congestionControl({
      maxInFlightRequests,
      initialMaxInFlightMessages: maxBatchSize,
      scaling: aimdScaling({
        ...(rateLimiting as AimdOptions | undefined),
        rateThreshold: maxBatchSize * maxInFlightRequests,
      }),
    });
  // The user's own objects: their functions may be methods.
  return {
    name: parsed.name,
    maxBatchSize,
    maxBatchSizeInBytes,
    maxRecordSizeInBytes,
    maxInFlightRequests,
    maxBufferedRequests,
    maxTimeInBuffer: parsed.maxTimeInBuffer,
    requestTimeout: parsed.requestTimeout,
    failOnTimeout: parsed.failOnTimeout,
    retryStrategy: retry?.strategy ?? DEFAULT_RETRY,
    isFatal: retry?.isFatal?.bind(retry),
    createRateLimiting: typeof rateLimiting === "function" ? rateLimiting.bind(options) : aimd,
    createClient: options.createClient?.bind(options),
    closeClient: options.closeClient?.bind(options),
  };
}
