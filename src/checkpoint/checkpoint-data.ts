import type { SerializedSplits } from "../api/operator-event.js";
import type { Watermark } from "../api/watermark.js";

/** The format that this release writes; an older one is read, a newer one refused by name. */
export const CHECKPOINT_FORMAT_VERSION = 2;

/** Why it was taken: a checkpoint belongs to the running job, a savepoint to its user. */
export type CheckpointKind = "CHECKPOINT" | "SAVEPOINT";

/** State of one stateful operator or sink of a subtask: bytes with the version of who wrote them. */
export interface OperatorState {
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** What one subtask contributes to a checkpoint. */
export interface SubtaskState {
  /** The subtask had read everything: it is restored with its operator state and no splits. */
  readonly finished: boolean;
  /** The reader's splits, each at the position after the last record before the barrier. */
  readonly splits: SerializedSplits;
  /** By the operator's name within the pipeline. */
  readonly operators: Readonly<Record<string, OperatorState>>;
  /**
   * The last watermark before the barrier, for people: a restore starts with none. Undefined when the
   * subtask has finished, and in checkpoints of release 0.1.0.
   */
  readonly watermark?: Watermark | undefined;
}

/** State of one pipeline: its enumerator and its subtasks, taken at one cut. */
export interface PipelineState {
  readonly sourceName: string;
  readonly parallelism: number;
  /** The enumerator's checkpoint in the coordinator's own versioned frame. */
  readonly coordinator: Uint8Array;
  readonly subtasks: readonly SubtaskState[];
}

/** Everything a job needs to go on from a cut. */
export interface CheckpointData {
  readonly formatVersion: number;
  readonly jobName: string;
  readonly checkpointId: number;
  readonly kind: CheckpointKind;
  /** Wall clock when the checkpoint was triggered, milliseconds since the epoch. */
  readonly triggeredAt: number;
  /** By the pipeline's id. */
  readonly pipelines: Readonly<Record<string, PipelineState>>;
}

/** Where a finished checkpoint lies. */
export interface CompletedCheckpoint {
  readonly checkpointId: number;
  readonly kind: CheckpointKind;
  readonly triggeredAt: number;
  /** A path, or a name in memory: what `--from-savepoint` takes. */
  readonly location: string;
  readonly bytes: number;
}

/** Something that a job may be restored from, known by its name only. */
export interface RestoreCandidate {
  readonly checkpointId: number;
  readonly kind: CheckpointKind;
  readonly location: string;
}

/**
 * Keeps checkpoints. `store` resolves only when the checkpoint is durable; a checkpoint that was not
 * stored whole is never listed and never loaded.
 */
export interface CheckpointStorage {
  /** Where savepoints go for which no target is given; undefined: `savepoints` in the working directory. */
  readonly savepointTarget?: string;
  /** Stores a checkpoint among the job's own; older ones than the last n are deleted afterwards. */
  store(data: CheckpointData): Promise<CompletedCheckpoint>;
  /** Stores a savepoint at a place of the user's choice; it is never deleted by the job. */
  storeSavepoint(data: CheckpointData, target: string): Promise<CompletedCheckpoint>;
  /** The job's own checkpoints, oldest first. */
  list(): Promise<readonly CompletedCheckpoint[]>;
  /** The job's own checkpoints and the savepoints that lie beside them, newest first, unread. */
  restoreCandidates(): Promise<readonly RestoreCandidate[]>;
  /**
   * Deletes one of the job's own checkpoints that became durable only after it was aborted; never
   * rejects, and leaves savepoints and whatever is not the job's alone.
   */
  discard(location: string): Promise<void>;
  /**
   * Deletes a savepoint that became durable only after it was aborted: nobody was told of it, and a
   * resumed job must not go back to it. Never rejects; a storage without it leaves them.
   */
  discardSavepoint?(savepoint: CompletedCheckpoint): Promise<void>;
  /** Reads and verifies one; throws CHECKPOINT_NOT_FOUND, CHECKPOINT_CORRUPT or CHECKPOINT_VERSION_UNSUPPORTED. */
  load(location: string): Promise<CheckpointData>;
}
