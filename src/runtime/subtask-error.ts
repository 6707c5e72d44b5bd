import { HeadwaterError } from "../errors/index.js";
import type { AttemptId } from "./subtask-event.js";

/** Where something failed, for people. */
export type SubtaskName = Pick<AttemptId, "pipeline" | "subtask">;

function nameOf({ pipeline, subtask }: SubtaskName): string {
  return `subtask ${subtask} of pipeline ${pipeline}`;
}

/** What a sink writer threw, with the sink and the subtask; an error that says so itself passes. */
export function sinkFailed(
  sink: string,
  where: SubtaskName,
  doing: string,
  cause: unknown,
): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  return new HeadwaterError("SINK_FAILED", `sink ${sink} failed ${doing} in ${nameOf(where)}`, {
    domain: "user",
    retry: "backoff",
    scope: "reader",
    cause,
  });
}

/** What an operator behind the source threw. */
export function operatorFailed(
  operator: string,
  where: SubtaskName,
  cause: unknown,
): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  return new HeadwaterError("OPERATOR_FAILED", `${operator} failed in ${nameOf(where)}`, {
    domain: "user",
    retry: "backoff",
    scope: "reader",
    cause,
  });
}

/** Anything else that escaped in the subtask's loop, such as from a watermark generator's timer. */
export function subtaskFailed(where: SubtaskName, cause: unknown): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  return new HeadwaterError("OPERATOR_FAILED", `${nameOf(where)} failed`, {
    domain: "user",
    retry: "backoff",
    scope: "reader",
    cause,
  });
}

/** A savepoint that stops the job was aborted when it was too late to read on. */
export function drainedInVain(checkpointId: number, cause?: unknown): HeadwaterError {
  return new HeadwaterError(
    "CHECKPOINT_ABORTED",
    `savepoint ${checkpointId} was aborted after the subtask had drained`,
    {
      domain: "external",
      retry: "backoff",
      scope: "job",
      cause,
      hint: "The job goes back to its last checkpoint; ask for the savepoint again.",
    },
  );
}
