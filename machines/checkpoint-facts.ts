/** Where a subtask stands, as far as checkpoints care. */
export type SubtaskStatus = "MISSING" | "RUNNING" | "FINISHED";

/** A subtask with the highest attempt that was heard of; -1: none yet. */
export interface CheckpointSubtask {
  readonly attempt: number;
  readonly status: SubtaskStatus;
}

/** One pipeline's subtasks, by their index. */
export interface CheckpointPipeline {
  readonly id: string;
  readonly subtasks: readonly CheckpointSubtask[];
}

/** The one checkpoint that is being taken (Flink `PendingCheckpoint`). */
export interface PendingCheckpointFacts {
  readonly checkpointId: number;
  readonly kind: "CHECKPOINT" | "SAVEPOINT";
  readonly stop: boolean;
  /** Pipelines whose coordinators have still to acknowledge. */
  readonly awaitedCoordinators: readonly string[];
  readonly awaitedSubtasks: readonly SubtaskOf[];
}

export interface CheckpointContext {
  readonly nextCheckpointId: number;
  readonly tolerableFailures: number;
  /** Counted failures since the last completed checkpoint. */
  readonly consecutiveFailures: number;
  readonly pipelines: readonly CheckpointPipeline[];
  readonly pending: PendingCheckpointFacts | undefined;
}

export interface CheckpointInput {
  readonly firstCheckpointId: number;
  readonly tolerableFailures: number;
  readonly pipelines: readonly { readonly id: string; readonly parallelism: number }[];
}

/** Which subtask. */
export interface SubtaskOf {
  readonly pipeline: string;
  readonly subtask: number;
}
