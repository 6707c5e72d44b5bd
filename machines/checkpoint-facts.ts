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

/** Which attempt of which subtask. */
export interface AttemptOf extends SubtaskOf {
  readonly attempt: number;
}

export function allTasksRunning({ pipelines }: CheckpointContext): boolean {
  return pipelines.every(({ subtasks }) => subtasks.every(({ status }) => status !== "MISSING"));
}

export function unfinishedSubtasks({ id, subtasks }: CheckpointPipeline): readonly SubtaskOf[] {
  return subtasks.flatMap(({ status }, subtask) =>
    status === "FINISHED" ? [] : [{ pipeline: id, subtask }],
  );
}

export function isSame(a: SubtaskOf, b: SubtaskOf): boolean {
  return a.pipeline === b.pipeline && a.subtask === b.subtask;
}

function find(context: CheckpointContext, of: AttemptOf): CheckpointSubtask | undefined {
  return context.pipelines.find(({ id }) => id === of.pipeline)?.subtasks[of.subtask];
}

export function isCurrent(context: CheckpointContext, of: AttemptOf): boolean {
  const subtask = find(context, of);
  return subtask?.status === "RUNNING" && subtask.attempt === of.attempt;
}

export function isFinished(context: CheckpointContext, of: AttemptOf): boolean {
  const subtask = find(context, of);
  return subtask?.status === "FINISHED" && subtask.attempt === of.attempt;
}

export function isNew(context: CheckpointContext, of: AttemptOf): boolean {
  const subtask = find(context, of);
  return subtask !== undefined && of.attempt > subtask.attempt;
}

/** The pipelines, one subtask of which has this status in this attempt. */
export function withSubtask(
  pipelines: readonly CheckpointPipeline[],
  { pipeline, subtask, attempt }: AttemptOf,
  status: SubtaskStatus,
): readonly CheckpointPipeline[] {
  const index = pipelines.findIndex(({ id }) => id === pipeline);
  const found = pipelines[index];
  if (found === undefined) return pipelines;
  const subtasks = found.subtasks.with(subtask, { attempt, status });
  return pipelines.with(index, { ...found, subtasks });
}
