import type { SinkWriterContext } from "../../api/sink.js";
import {
  describeValue,
  type ErrorDomain,
  type ErrorRetry,
  HeadwaterError,
} from "../../errors/index.js";

/** What is known of a failure, beside what happened; the rest is as its cause has it. */
export interface SendFailure {
  readonly domain?: ErrorDomain;
  readonly retry?: ErrorRetry;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Makes one writer's errors: SINK_FAILED with the sink and its subtask. */
export class SendErrors {
  readonly #sink: string;
  readonly #context: SinkWriterContext;

  constructor(sink: string, context: SinkWriterContext) {
    this.#sink = sink;
    this.#context = context;
  }

  failed(what: string, { domain, retry, hint, cause }: SendFailure = {}): HeadwaterError {
    const { indexOfSubtask, jobName } = this.#context;
    const known = cause instanceof HeadwaterError ? cause : undefined;
    const advice = hint ?? known?.hint;
    return new HeadwaterError(
      "SINK_FAILED",
      `sink ${this.#sink} in subtask ${indexOfSubtask} of job ${jobName} ${what}`,
      {
        domain: known?.domain ?? domain ?? "external",
        retry: retry ?? known?.retry ?? "backoff",
        scope: known?.scope ?? "reader",
        ...(advice !== undefined && { hint: advice }),
        cause,
      },
    );
  }

  wrongSize(size: number, maxRecordSizeInBytes: number): HeadwaterError {
    if (size >= 0) {
      return this.failed(
        `cannot send a record of ${size} bytes: maxRecordSizeInBytes is ${maxRecordSizeInBytes}`,
        {
          domain: "user",
          retry: "never",
          hint: "Filter or shorten such records before the sink, or raise maxRecordSizeInBytes if the service takes them.",
        },
      );
    }
    return this.failed(`cannot send a record: sizeInBytes gave ${describeValue(size)}`, {
      domain: "user",
      retry: "never",
      hint: "sizeInBytes has to give a number ≥ 0.",
    });
  }

  /** `ms`: how long the call has gone on after its signal had aborted. */
  stuck(batchSize: number, ms: number): HeadwaterError {
    return this.failed(
      `has a batch of ${batchSize} that did not end within ${ms} ms after its signal had aborted`,
      {
        hint: "Let the call end when its signal aborts: until then records of the same keys cannot be sent.",
      },
    );
  }
}

/** Why the signal of a call that took too long aborts. */
export function timeoutError(batchSize: number, ms: number): Error {
  const error = new Error(`a batch of ${batchSize} got no answer within ${ms} ms`);
  error.name = "TimeoutError";
  return error;
}
