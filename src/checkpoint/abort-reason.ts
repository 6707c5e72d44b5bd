import { type ErrorInfo, fromErrorInfo, HeadwaterError } from "../errors/index.js";
import type { CheckpointCoordinatorEvent } from "./checkpoint-event.js";

/** Why a checkpoint was aborted, as an error for whoever asked for it. */
export function checkpointAborted(
  checkpointId: number,
  event: CheckpointCoordinatorEvent,
  storeError: unknown,
): HeadwaterError {
  return abortError(
    `checkpoint ${checkpointId} was aborted: ${reason(event)}`,
    causeOf(event, storeError),
  );
}

/** A request that no checkpoint could be started for. */
export function requestRefused(reason: string, cause?: unknown): HeadwaterError {
  return abortError(`no checkpoint was taken: ${reason}`, cause);
}

/**
 * The failure that is one too many; `last` is its cause.
 *
 * As Flink's `CheckpointFailureManager`, these count: a subtask declines (savepoints too), a source
 * coordinator declines, the timeout, the storage (checkpoints only; a savepoint's target is its
 * user's). These do not: a subtask is gone or replaced, a pipeline starts again, the job suspends or
 * ends, a request is refused. A subtask that declines a savepoint which stops the job always fails
 * the job, since others may have stopped at its barrier.
 */
export function checkpointFailuresExceeded(
  failures: number,
  tolerable: number,
  last: HeadwaterError | undefined,
): HeadwaterError {
  return new HeadwaterError(
    "CHECKPOINT_FAILURES_EXCEEDED",
    `${failures} checkpoint${failures === 1 ? " has" : "s in a row have"} failed, ${tolerable} may`,
    {
      domain: "external",
      retry: "backoff",
      scope: "job",
      cause: last,
      hint: "Mend what the cause says, or allow more with checkpoint.tolerableFailures.",
    },
  );
}

function abortError(message: string, cause: unknown): HeadwaterError {
  return new HeadwaterError("CHECKPOINT_ABORTED", message, {
    domain: "external",
    retry: "backoff",
    scope: "job",
    cause,
    hint: "Ask again when the job runs and the cause is mended.",
  });
}

function reason(event: CheckpointCoordinatorEvent): string {
  switch (event.type) {
    case "CoordinatorDeclined":
      return `the source coordinator of pipeline ${event.pipeline} could not snapshot its enumerator`;
    case "CheckpointDeclined":
      return `subtask ${event.subtask} of pipeline ${event.pipeline} declined it`;
    case "CheckpointTimedOut":
      return "it took longer than the timeout";
    case "StoreSettled":
      return "it could not be stored";
    case "SubtaskGone":
      return `subtask ${event.subtask} of pipeline ${event.pipeline} is gone`;
    case "SubtaskRunning":
    case "SubtaskFinished":
      return `subtask ${event.subtask} of pipeline ${event.pipeline} was replaced`;
    case "CoordinatorReplaced":
      return `pipeline ${event.pipeline} starts again`;
    case "Suspend":
      return "the job restarts";
    default:
      return "the job has ended";
  }
}

function causeOf(event: CheckpointCoordinatorEvent, storeError: unknown): unknown {
  if (event.type === "StoreSettled") return storeError;
  const info: ErrorInfo | undefined = "error" in event ? event.error : undefined;
  return info === undefined ? undefined : fromErrorInfo(info);
}
