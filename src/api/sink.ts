import type { ProcessingTimeService } from "../mailbox/ports.js";
import type { MetricGroup } from "./metrics.js";
import type { SimpleVersionedSerializer } from "./source-split.js";
import type { Timestamp, Watermark } from "./watermark.js";

/** What a sink writer may use of its subtask. */
export interface SinkWriterContext {
  readonly jobName: string;
  readonly indexOfSubtask: number;
  readonly currentParallelism: number;
  readonly metricGroup: MetricGroup;
  /** Timers whose callbacks run in the subtask's loop. */
  readonly processingTime: ProcessingTimeService;
  /** Runs the action in the subtask's loop, soon: how the result of a promise comes back. */
  runInLoop(action: () => void): void;
  /** The checkpoint that the subtask was restored from; undefined on a fresh start. */
  readonly restoredCheckpointId?: number | undefined;
}

/**
 * Writes the records of one subtask (FLIP-143 `SinkWriter`); called in the subtask's loop.
 *
 * `write` gets a whole chunk: records and timestamps have the same length. When it returns a
 * promise, the next chunk waits for it: that is the back-pressure.
 */
export interface SinkWriter<T, WriterStateT = unknown, CommT = unknown> {
  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void>;
  writeWatermark?(watermark: Watermark): void | Promise<void>;
  /**
   * Everything written so far must be outside when this resolves, be it only prepared for a commit;
   * before a checkpoint and at the end.
   */
  flush?(endOfInput: boolean): void | Promise<void>;
  /**
   * What is to become visible once the checkpoint is durable; after `flush`, for a sink with a
   * committer (FLIP-191 `TwoPhaseCommittingSinkWriter.prepareCommit`). What is written later belongs to
   * the next checkpoint.
   */
  prepareCommit?(): readonly CommT[] | Promise<readonly CommT[]>;
  /** The writer's own state at the barrier; after `prepareCommit` (`StatefulSinkWriter.snapshotState`). */
  snapshotState?(checkpointId: number): readonly WriterStateT[];
  close?(): void | Promise<void>;
}

/**
 * Where a job's records go (FLIP-143 `Sink`): a factory, one writer a subtask and attempt.
 *
 * Exactly once: a sink with `committer` prepares what it has written, the checkpoint holds that, and
 * it is committed when the checkpoint is durable; after a failure what a checkpoint holds is
 * committed again, so a commit must take that (FLIP-191 `TwoPhaseCommittingSink`).
 */
export interface Sink<T, WriterStateT = unknown, CommT = unknown> {
  readonly name: string;
  /** Looks at the job before anything of it runs; throws OPTION_INVALID where they do not fit together. */
  verify?(job: SinkJob): void;
  /** `restored`: what writers of the restored checkpoint had as state; none on a fresh start. */
  createWriter(
    context: SinkWriterContext,
    restored?: readonly WriterStateT[],
  ): SinkWriter<T, WriterStateT, CommT> | Promise<SinkWriter<T, WriterStateT, CommT>>;
  /** Needed when writers have state. */
  readonly writerStateSerializer?: SimpleVersionedSerializer<WriterStateT>;
  readonly committer?: SinkCommitter<CommT>;
}

/** A job as its sinks see it before it starts. */
export interface SinkJob {
  readonly jobName: string;
  /** The longest time that is planned between two checkpoints, milliseconds; undefined: there are no periodic ones. */
  readonly checkpointInterval: number | undefined;
  /** False when another sink of the job has claimed that name, of something that only one sink may use. */
  claim(name: string): boolean;
}

/** How a sink makes visible what its writers have prepared. */
export interface SinkCommitter<CommT> {
  readonly serializer: SimpleVersionedSerializer<CommT>;
  /** How often a commit is put off in a row before the subtask fails; default 10. */
  readonly maxRetries?: number;
  /** One a subtask and attempt; before any writer of the attempt. */
  create(context: CommitterContext): Committer<CommT> | Promise<Committer<CommT>>;
}

/** What a committer may know of its subtask. */
export interface CommitterContext {
  readonly jobName: string;
  readonly indexOfSubtask: number;
  readonly currentParallelism: number;
  readonly metricGroup: MetricGroup;
}

/**
 * Commits what checkpoints hold (Flink `Committer`); called outside the loop, one call at a time.
 *
 * A request is done unless it says otherwise. A rejected `commit` fails the subtask; the checkpoint
 * still holds the committables, and they are committed again when it is restored.
 */
export interface Committer<CommT> {
  commit(requests: readonly CommitRequest<CommT>[]): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** One committable on its way (Flink `Committer.CommitRequest`). */
export interface CommitRequest<CommT> {
  readonly committable: CommT;
  /** How often it has been tried before. */
  readonly numberOfRetries: number;
  /** It had been committed before: nothing is to be done. */
  alreadyCommitted(): void;
  /** It can never be committed, and this is known and accepted: it is counted and dropped. */
  failedWithKnownReason(reason: unknown): void;
  /** It can never be committed and nobody knows why: the subtask fails. */
  failedWithUnknownReason(reason: unknown): void;
  /** Not now: try again later, with a growing delay and a limit. */
  retryLater(): void;
  /** As `retryLater`, with what is left of it. */
  updateAndRetryLater(committable: CommT): void;
}
