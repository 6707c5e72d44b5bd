import * as v from "valibot";
import type { DurationInput, Timestamp } from "../api/watermark.js";
import { duration, parseOptions, wholeNumber } from "../options/parse-options.js";
import type { AsyncRetryStrategy } from "./async-retry.js";
import { operatorName } from "./operator-name.js";

/** Whether results keep the order of their records, or may overtake each other between watermarks. */
export type AsyncMode = "ordered" | "unordered";

/** What a call may know of itself. */
export interface AsyncAttempt {
  /** Aborts when the record times out, the operator fails or its subtask closes. */
  readonly signal: AbortSignal;
  readonly timestamp: Timestamp;
  /** 1 for the first attempt with this record, one more for each retry. */
  readonly attempt: number;
}

/** When and how a call is tried again. */
export interface AsyncRetryOptions<B> {
  readonly strategy: AsyncRetryStrategy;
  /** Whether these results are a reason to try again; default: none are. */
  onResult?(results: readonly B[]): boolean;
  /** Whether this error is a reason to try again; default: every one is. */
  onError?(error: unknown): boolean;
}

/** What `asyncMap` takes. */
export interface AsyncMapOptions<A, B> {
  /** Unique within the pipeline and the same in every release of the job: state is found by it. */
  readonly name: string;
  readonly mode: AsyncMode;
  /** Records and watermarks of one subtask that may wait for results at once; default 100. */
  readonly capacity?: number;
  /** How long a record may take, all retries and their delays included; default: for ever. */
  readonly timeout?: DurationInput;
  /** The results of a record that has timed out; default: the job fails. */
  onTimeout?(record: A): B | readonly B[];
  readonly retry?: AsyncRetryOptions<B>;
  /** The result of a record, or an array of its results; called in the subtask's loop. */
  fn(record: A, attempt: AsyncAttempt): Promise<B | readonly B[]>;
}

/** Options that have been checked; times in milliseconds. */
export interface AsyncMapSettings<A, B> {
  readonly name: string;
  readonly mode: AsyncMode;
  readonly capacity: number;
  readonly timeout: number | undefined;
  readonly onTimeout: ((record: A) => B | readonly B[]) | undefined;
  readonly retry: AsyncRetryOptions<B> | undefined;
  readonly fn: AsyncMapOptions<A, B>["fn"];
}

const Schema = v.strictObject({
  name: operatorName(),
  mode: v.picklist(["ordered", "unordered"]),
  capacity: v.optional(wholeNumber(1), 100),
  timeout: v.optional(
    v.pipe(
      duration(),
      v.check((ms) => ms > 0, "a duration > 0"),
    ),
  ),
  onTimeout: v.optional(v.function()),
  retry: v.optional(
    v.strictObject({
      strategy: v.looseObject({ name: v.string(), delayOf: v.function() }),
      onResult: v.optional(v.function()),
      onError: v.optional(v.function()),
    }),
  ),
  fn: v.function(),
});

/** Throws OPTION_INVALID. */
export function parseAsyncMapOptions<A, B>(options: AsyncMapOptions<A, B>): AsyncMapSettings<A, B> {
  const { name, mode, capacity, timeout } = parseOptions("asyncMap", Schema, options);
  // The user's own objects: their functions may be methods.
  return {
    name,
    mode,
    capacity,
    timeout,
    onTimeout: options.onTimeout?.bind(options),
    retry: options.retry,
    fn: options.fn.bind(options),
  };
}
