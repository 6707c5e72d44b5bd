import type { SourceReader, SourceReaderContext } from "../../../api/source-reader.js";
import type { Cancel } from "../../../mailbox/ports.js";
import { SingleThreadFetcherManager, SourceReaderBase } from "../../../reader/index.js";
import type { KafkaClient } from "../client/kafka-client.js";
import { RecordCodecs } from "../records/index.js";
import { isColumnDeserializer } from "./deserialization.js";
import { KafkaReadState, KafkaRecordEmitter } from "./kafka-record-emitter.js";
import { KafkaSourceMetrics } from "./kafka-source-metrics.js";
import type { KafkaReaderOptions } from "./kafka-source-options.js";
import type { KafkaPartitionSplit } from "./kafka-split.js";
import { KafkaSplitReader } from "./kafka-split-reader.js";
import { type CommittableOffset, OffsetCommits } from "./offset-commits.js";
import type { RecordPlace } from "./record-place.js";

/** Bytes that a reader holds at most, fetched and not yet read. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
/** Bytes that one batch may take when it is decompressed. */
const MAX_UNCOMPRESSED_BYTES = 128 * 1024 * 1024;

/** What a reader uses besides its options. */
interface ReaderParts {
  readonly loadCodecs?: () => Promise<RecordCodecs>;
  readonly maxBufferedBytes?: number;
}

/** A reader for the partitions of one subtask. */
export function createKafkaSourceReader<T>(
  context: SourceReaderContext,
  options: KafkaReaderOptions<T>,
): SourceReader<T, KafkaPartitionSplit> {
  return new KafkaSourceReader(context, options);
}

/** What all parts of a reader use: its client, made when it is first needed, and the codecs. */
class ReaderConnection {
  readonly #create: () => Promise<KafkaClient>;
  readonly #load: () => Promise<RecordCodecs>;
  #client: Promise<KafkaClient> | undefined;
  #codecs: Promise<RecordCodecs> | undefined;

  constructor(create: () => Promise<KafkaClient>, load: () => Promise<RecordCodecs>) {
    this.#create = create;
    this.#load = load;
  }

  readonly client = (): Promise<KafkaClient> => {
    this.#client ??= this.#create().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  };

  readonly codecs = (): Promise<RecordCodecs> => {
    this.#codecs ??= this.#load();
    return this.#codecs;
  };

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }
}

/**
 * Reads partitions through one fetcher and commits offsets when checkpoints complete (Flink
 * `KafkaSourceReader`).
 *
 * Owns: the client of the subtask. Called by: the operator's loop.
 */
export class KafkaSourceReader<T> extends SourceReaderBase<
  RecordPlace,
  T,
  KafkaPartitionSplit,
  KafkaReadState
> {
  readonly #connection: ReaderConnection;
  readonly #metrics: KafkaSourceMetrics;
  readonly #commits: OffsetCommits | undefined;
  readonly #commitsOnCheckpoint: boolean;
  readonly #cancelAutoCommit: Cancel | undefined;
  readonly #states = new Map<string, KafkaReadState>();

  constructor(
    context: SourceReaderContext,
    options: KafkaReaderOptions<T>,
    { loadCodecs = RecordCodecs.load, maxBufferedBytes = MAX_BUFFERED_BYTES }: ReaderParts = {},
  ) {
    const metrics = new KafkaSourceMetrics(context.metricGroup);
    const connection = new ReaderConnection(
      () => options.clients.create(`reader-${context.indexOfSubtask}`),
      loadCodecs,
    );
    const { client, codecs } = connection;
    const { deserializer } = options;
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<RecordPlace, KafkaPartitionSplit>({
        context,
        splitReaderFactory: () =>
          new KafkaSplitReader(
            {
              isolation: options.isolation,
              groupId: options.groupId,
              committedReset: options.committedReset === "none" ? "fail" : options.committedReset,
              outOfRange: options.outOfRange,
              maxWait: options.maxWait,
              maxBytes: options.maxBytes,
              maxPartitionBytes: options.maxPartitionBytes,
              maxBufferedBytes: Math.max(maxBufferedBytes, options.maxPartitionBytes),
              reusesBytes: isColumnDeserializer(deserializer) && deserializer.copies === true,
            },
            { checkCrcs: options.checkCrcs, maxUncompressedBytes: MAX_UNCOMPRESSED_BYTES },
            { client, codecs, timers: context.processingTime, counts: metrics },
            isColumnDeserializer(deserializer) ? deserializer.prepare : undefined,
          ),
      }),
      recordEmitter: new KafkaRecordEmitter(context, deserializer),
      ...(options.evaluator === undefined ? {} : { eofRecordEvaluator: options.evaluator }),
    });
    this.#connection = connection;
    this.#metrics = metrics;
    const { groupId, autoCommitInterval } = options;
    this.#commitsOnCheckpoint = options.commitOffsetsOnCheckpoint;
    if (groupId === undefined) return;
    const commits = new OffsetCommits(groupId, client, metrics);
    this.#commits = commits;
    if (autoCommitInterval === undefined) return;
    this.#cancelAutoCommit = context.processingTime.scheduleWithFixedDelay(
      () => commits.commitNow(this.#states.values()),
      autoCommitInterval,
      autoCommitInterval,
    );
  }

  /** By checkpoint that has not completed: the offsets that its completion commits. */
  get offsetsToCommit(): ReadonlyMap<number, ReadonlyMap<string, CommittableOffset>> {
    return this.#commits?.offsetsToCommit ?? new Map();
  }

  override snapshotState(checkpointId: number): KafkaPartitionSplit[] {
    if (this.#commitsOnCheckpoint) this.#commits?.snapshot(checkpointId, this.#states.values());
    return super.snapshotState(checkpointId);
  }

  override notifyCheckpointComplete(checkpointId: number): void {
    super.notifyCheckpointComplete(checkpointId);
    if (!this.#commitsOnCheckpoint) return;
    this.#commits?.checkpointComplete(checkpointId, this.#states.size === 0);
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.#commits?.checkpointAborted(checkpointId);
  }

  /** Some offset of a finished split waits for a checkpoint. */
  hasUncommitted(): boolean {
    return this.#commitsOnCheckpoint && this.#commits?.hasUncommitted === true;
  }

  /** Waits for a commit that is under way; rejects with FETCHER_FAILED as the base does. */
  override async close(): Promise<void> {
    this.#cancelAutoCommit?.();
    try {
      await Promise.all([super.close(), this.#commits?.close()]);
    } finally {
      await this.#connection.close();
    }
  }

  protected override initializedState(split: KafkaPartitionSplit): KafkaReadState {
    const state = new KafkaReadState(split);
    this.#states.set(split.splitId, state);
    this.#commits?.splitAdded(split.splitId);
    this.#metrics.addPartition(state);
    return state;
  }

  protected override toSplitType(_splitId: string, state: KafkaReadState): KafkaPartitionSplit {
    return state.toSplit();
  }

  protected override onSplitFinished(finished: ReadonlyMap<string, KafkaReadState>): void {
    for (const [splitId, state] of finished) {
      this.#states.delete(splitId);
      this.#metrics.removePartition(splitId);
      this.#commits?.splitFinished(state);
    }
  }
}
