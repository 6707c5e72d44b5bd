import type { SinkWriterContext } from "../api/sink.js";
import { HeadwaterError } from "../errors/index.js";

/** What went wrong in a sink's writer, with the subtask; keeps hint and retry of a HeadwaterError. */
export function sinkFailed(
  sink: string,
  context: SinkWriterContext,
  what: string,
  cause: unknown,
): HeadwaterError {
  const known = cause instanceof HeadwaterError ? cause : undefined;
  return new HeadwaterError(
    "SINK_FAILED",
    `${sink} in subtask ${context.indexOfSubtask} of job ${context.jobName} ${what}`,
    {
      domain: known?.domain ?? "user",
      retry: known?.retry ?? "backoff",
      scope: known?.scope ?? "reader",
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
      cause,
    },
  );
}
