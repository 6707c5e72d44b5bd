import type { Actor, ActorContext } from "../mailbox/actor.js";
import type { Address } from "../mailbox/address.js";
import type { Availability } from "../mailbox/availability.js";
import type { ActorEvent } from "../mailbox/envelope.js";
import type { InspectionObserver } from "../mailbox/machine-host.js";
import type { ProcessingTimeService } from "../mailbox/ports.js";
import type { UnreadableInput } from "./bad-record.js";
import type { InputStatus } from "./boundedness.js";
import type { MetricGroup } from "./metrics.js";
import type { SourceEvent } from "./source-event.js";
import type { SourceSplit } from "./source-split.js";
import type { Timestamp, WatermarkOutput } from "./watermark.js";

/**
 * Steps through a split's records; unlike a JavaScript iterator it allocates nothing per record and
 * can be asked for its position in between.
 */
export interface SplitIterator<E> {
  hasNext(): boolean;
  /** Called only after `hasNext` said true. */
  next(): E;
  /**
   * The same as `next` for each of the next records, at most so many and at least one, put into
   * `records` from `at` on; says how many. Optional: worth it where a record costs nanoseconds. Records
   * with timestamps of their own (`timestamp`) have them put into the same places of `timestamps`.
   */
  fill?(records: E[], at: number, atMost: number, timestamps: Timestamp[]): number;
  /** The own timestamp of what `next` gave last; absent: these records have none. */
  timestamp?(): Timestamp;
}

/** Where a reader puts the records of one split (Flink `SourceOutput`); called in the operator's loop. */
export interface SourceOutput<T> extends WatermarkOutput {
  /** Emits a record; without a timestamp the strategy's assigner sees -Infinity. */
  collect(record: T, timestamp?: Timestamp): void;
  /**
   * Collects the iterator's next record, which there is, and those behind it while the budget lasts,
   * and takes them off the budget. The same as `collect` for each; an output that has it is faster.
   */
  collectFrom?(records: SplitIterator<T>, budget: PollBudget): number;
}

/** Where a reader puts records that belong to no split, and gets an output for each split (Flink `ReaderOutput`). */
export interface ReaderOutput<T> extends SourceOutput<T> {
  /** The split's own output, with its own watermark; the same split gives the same output until released. */
  createOutputForSplit(splitId: string): SourceOutput<T>;
  /** Forgets a finished split, so that it no longer holds the watermark back. */
  releaseOutputForSplit(splitId: string): void;
}

/**
 * How a reader runs actors of its own, such as split fetchers, beside the operator's loop.
 *
 * They live below the subtask's address and stop with the attempt. They talk to the reader by
 * posting to `self`; what they post reaches `onEvent` in the operator's loop.
 */
export interface ReaderActors {
  /** The subtask's own address. */
  readonly self: Address;
  spawn(name: string, create: (context: ActorContext) => Actor): Address;
  post<E extends ActorEvent>(to: Address, event: E): void;
  /** The one listener for events whose type the operator itself does not know. */
  onEvent(listener: (event: ActorEvent) => void): void;
}

/**
 * How many records the current `pollNext` may still emit.
 *
 * A reader that emits several in one poll counts each, and stops at 0; whatever must be seen to at
 * once sets it to 0 in between. A reader may leave it alone and emit one record a poll.
 */
export interface PollBudget {
  remaining: number;
}

/** What a reader may use of its operator (Flink `SourceReaderContext`). */
export interface SourceReaderContext {
  readonly indexOfSubtask: number;
  readonly currentParallelism: number;
  readonly localHostName: string;
  readonly metricGroup: MetricGroup;
  readonly processingTime: ProcessingTimeService;
  readonly actors: ReaderActors;
  /** One object for the reader's life; set anew before each `pollNext`. */
  readonly pollBudget: PollBudget;
  /** The timestamp of the last record that was emitted, -Infinity for none; for metrics. */
  readonly lastEmittedTimestamp?: (() => Timestamp) | undefined;
  /** Sees the machines of the reader's parts; undefined while nobody looks. */
  readonly inspect?: InspectionObserver | undefined;
  /** True when per-split alignment may go on for readers that cannot pause splits. */
  readonly allowUnalignedSourceSplits: boolean;
  /** Asks the enumerator for one more split (posts RequestSplit). */
  sendSplitRequest(): void;
  sendSourceEventToCoordinator(event: SourceEvent): void;
  /**
   * Hands over an input that is no record; its place in the stream is behind what was emitted so far.
   * Counts it and does what the pipeline's `badRecords` says; call it in the operator's loop. Throws
   * BAD_RECORD when the job is to fail of it: let that error pass.
   */
  reportBadRecord(input: UnreadableInput): void;
  /**
   * Runs the action later in the operator's own loop, between two polls; the way back from async
   * I/O. The action is dropped when the operator has been closed.
   */
  runInOperatorLoop(action: () => void): void;
}

/**
 * Reads the splits that are assigned to one subtask (FLIP-27 `SourceReader`).
 *
 * Every method is called in the operator's loop, one at a time, and returns without waiting.
 */
export interface SourceReader<T, SplitT extends SourceSplit> {
  start(): void;
  /** Emits one record, a few that belong together, or as many as `context.pollBudget` allows. */
  pollNext(output: ReaderOutput<T>): InputStatus;
  /** The reader's splits, each at the position after the last emitted record. */
  snapshotState(checkpointId: number): SplitT[];
  /** Done when `pollNext` is worth calling; asked after NOTHING_AVAILABLE. */
  isAvailable(): Availability;
  addSplits(splits: readonly SplitT[]): void;
  /** No further split will be added: END_OF_INPUT may follow. */
  notifyNoMoreSplits(): void;
  handleSourceEvents?(event: SourceEvent): void;
  /** Throws `UnsupportedOperationError` when the reader cannot pause single splits (FLIP-217). */
  pauseOrResumeSplits?(splitsToPause: readonly string[], splitsToResume: readonly string[]): void;
  notifyCheckpointComplete?(checkpointId: number): void;
  notifyCheckpointAborted?(checkpointId: number): void;
  /**
   * Whether the completion of a checkpoint would commit something outside. When it says so at the end of the
   * input, the subtask waits for one more checkpoint, if there are periodic ones (FLIP-147).
   */
  hasUncommitted?(): boolean;
  /** Frees everything; resolves when no I/O of the reader goes on. */
  close(): void | Promise<void>;
}
