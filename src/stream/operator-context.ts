import { HeadwaterError } from "../errors/index.js";
import type { InspectionObserver, ProcessingTimeService } from "../mailbox/index.js";
import type { ProcessFunctionContext } from "./process.js";
import { StandaloneTimers } from "./standalone-timers.js";

/** How the subtask lets a stateful operator take part in checkpoints, and work later in its loop. */
export interface OperatorContext extends ProcessFunctionContext {
  /** The subtask's; for the inspector. */
  readonly address: string;
  readonly inspect: InspectionObserver | undefined;
  /** Timers whose callbacks run in the subtask's loop. */
  readonly processingTime: ProcessingTimeService;
  /** Runs the action in the subtask's loop, soon: how the result of a promise comes back. */
  runInLoop(action: () => void): void;
  /** Has the listener called in the loop when the subtask hears that a checkpoint was aborted. */
  onCheckpointAborted(listener: (checkpointId: number) => void): void;
  /**
   * Called when the barrier passes, and with checkpoint −1 for the final state at the end of data; the
   * state is JSON, or a `StateSnapshot` that becomes bytes later.
   */
  acknowledge(checkpointId: number, operator: string, state: unknown): void;
  /** Called instead when the state could not be taken: the checkpoint is aborted, the job goes on. */
  decline(checkpointId: number, error: HeadwaterError): void;
}

/**
 * State at a barrier that becomes bytes a slice at a time, between readings; what the operator does
 * meanwhile must not change it. Called in the subtask's loop.
 */
export interface StateSnapshot {
  /** Of the bytes. */
  readonly version: number;
  readonly isSerialized: boolean;
  /** About a millisecond's work; throws what is wrong with the state. */
  serializeSome(): void;
  /** Everything, once it is serialized. */
  readonly bytes: Uint8Array;
  /** Nobody wants it any more. */
  cancel(): void;
}

/** Tells a snapshot from a state that is JSON: JSON has no functions. */
export function isStateSnapshot(state: unknown): state is StateSnapshot {
  return (
    typeof state === "object" &&
    state !== null &&
    typeof (state as Partial<StateSnapshot>).serializeSome === "function"
  );
}

/** The checkpoint id of a subtask's final state. */
export const FINAL_STATE = -1;

/** Outside a job: no state, no checkpoints, and the loop is that of Node. */
export const STANDALONE: OperatorContext = {
  indexOfSubtask: 0,
  currentParallelism: 1,
  restoredStates: [],
  address: "standalone",
  inspect: undefined,
  processingTime: new StandaloneTimers(),
  runInLoop: (action) => action(),
  onCheckpointAborted() {},
  acknowledge() {},
  decline(_checkpointId, error) {
    throw error;
  },
};

export function snapshotFailed(operator: string, cause: unknown): HeadwaterError {
  return new HeadwaterError(
    "OPERATOR_FAILED",
    `operator ${operator} could not snapshot its state`,
    {
      domain: "user",
      retry: "backoff",
      scope: "reader",
      cause,
    },
  );
}
