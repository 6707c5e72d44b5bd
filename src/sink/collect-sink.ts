import * as v from "valibot";
import type { Sink } from "../api/sink.js";
import { HeadwaterError } from "../errors/index.js";
import { parseOptions, wholeNumber } from "../options/parse-options.js";

/** What `collectSink` takes. */
export interface CollectSinkOptions {
  /** Records that it keeps at most; default one million. */
  readonly limit?: number;
}

/** A sink with its records at hand. */
export interface CollectSink<T> extends Sink<T> {
  /** What has been written so far, by all subtasks, each one's in order; the same array all the time. */
  readonly records: readonly T[];
}

const schema = v.strictObject({ limit: v.optional(wholeNumber(1), 1_000_000) });

/**
 * A sink that keeps records in memory, for tests and small results; in this process only.
 *
 * At-least-once: what was written between the last checkpoint and a failure is there twice after
 * the job has gone back. Throws LIMIT_EXCEEDED when more records come than `limit`.
 */
export function collectSink<T>(options: CollectSinkOptions = {}): CollectSink<T> {
  const { limit } = parseOptions("collectSink", schema, options);
  const records: T[] = [];
  return {
    name: "collect",
    records,
    createWriter: () => ({
      write(chunk) {
        for (const record of chunk) {
          if (records.length >= limit) throw limitExceeded(limit);
          records.push(record);
        }
      },
    }),
  };
}

function limitExceeded(limit: number): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `collectSink holds ${limit} records and got another`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Raise collectSink's limit, filter before it, or write to a sink outside of the process.",
    },
  );
}
