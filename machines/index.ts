import type { AnyStateMachine } from "xstate";
import { asyncOperatorMachine } from "./async-operator.machine.js";
import { checkpointMachine } from "./checkpoint.machine.js";
import { committerMachine } from "./committer.machine.js";
import { connectionMachine } from "./connection.machine.js";
import { fetcherManagerMachine } from "./fetcher-manager.machine.js";
import { jobMachine } from "./job.machine.js";
import { sourceCoordinatorMachine } from "./source-coordinator.machine.js";
import { sourceOperatorMachine } from "./source-operator.machine.js";
import { splitFetcherMachine } from "./split-fetcher.machine.js";
import { subtaskMachine } from "./subtask.machine.js";

export { type AsyncOperatorEvent, asyncOperatorMachine } from "./async-operator.machine.js";
export { type CheckpointEvent, checkpointMachine } from "./checkpoint.machine.js";
export type {
  CheckpointContext,
  CheckpointInput,
  CheckpointPipeline,
  CheckpointSubtask,
  PendingCheckpointFacts,
} from "./checkpoint-facts.js";
export {
  type CommitterEvent,
  type CommitterInput,
  type CommitterMachineContext,
  commitRetryDelay,
  committerMachine,
} from "./committer.machine.js";
export {
  type ConnectionContext,
  type ConnectionEvent,
  type ConnectionPolicy,
  connectionMachine,
  retryDelayOf,
} from "./connection.machine.js";
export type * from "./fetcher-event.js";
export {
  type FetcherManagerContext,
  type FetcherManagerEvent,
  type FetcherView,
  fetcherManagerMachine,
  type ManagerEvent,
} from "./fetcher-manager.machine.js";
export { type JobMachineContext, type JobMachineEvent, jobMachine } from "./job.machine.js";
export {
  type CoordinatorRefusal,
  type SourceCoordinatorEvent,
  type SourceCoordinatorState,
  sourceCoordinatorMachine,
} from "./source-coordinator.machine.js";
export {
  type SourceOperatorAvailability,
  type SourceOperatorEvent,
  type SourceOperatorMeta,
  sourceOperatorMachine,
} from "./source-operator.machine.js";
export {
  type QueuedTask,
  type SplitFetcherContext,
  splitFetcherMachine,
} from "./split-fetcher.machine.js";
export {
  type SubtaskMachineEvent,
  type SubtaskOutcome,
  subtaskMachine,
} from "./subtask.machine.js";

/**
 * Every machine of Headwater by the name of its file, from the job down to a connection: what the
 * inspector, the generated documents and the model tests go through.
 *
 * Their effects are named actions that do nothing here; the runtime gives them with `provide`.
 */
export const machines: Readonly<Record<string, AnyStateMachine>> = {
  job: jobMachine,
  checkpoint: checkpointMachine,
  "source-coordinator": sourceCoordinatorMachine,
  subtask: subtaskMachine,
  "source-operator": sourceOperatorMachine,
  "fetcher-manager": fetcherManagerMachine,
  "split-fetcher": splitFetcherMachine,
  "async-operator": asyncOperatorMachine,
  committer: committerMachine,
  connection: connectionMachine,
};
