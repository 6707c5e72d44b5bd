import type { ProcessingTimeService } from "../../../mailbox/ports.js";
import type { FetchedPartition, FetchRequest, KafkaClient } from "../client/kafka-client.js";
import type { RecordCodecs, UncompressedBatches } from "../records/index.js";
import { AssignedPartition, type PartitionRecords, sizeOf } from "./assigned-partition.js";
import {
  isRetried,
  logTruncated,
  mayRetry,
  noWholeBatch,
  offsetOutOfRange,
  partitionFailed,
} from "./fetch-errors.js";
import { FetchPlan, type PlannedFetch } from "./fetch-plan.js";
import { findPositions, type PositionOptions } from "./fetch-positions.js";
import { lastBatchOf } from "./fetched-offset.js";
import { EARLIEST_OFFSET, type KafkaPartitionSplit, LATEST_OFFSET } from "./kafka-split.js";
import { findTruncations, type Truncation } from "./log-truncation.js";
import { PartitionRests } from "./partition-rests.js";
import { UncompressAhead } from "./uncompress-ahead.js";

/** How partitions are read. */
export interface PartitionConsumerOptions extends PositionOptions {
  /** Where to go on when the offset is not in the log any more. */
  readonly outOfRange: "fail" | "earliest" | "latest";
  /** How long a broker waits for new records, milliseconds. */
  readonly maxWait: number;
  /** Bytes of one fetch at most. */
  readonly maxBytes: number;
  /** Bytes of one partition in one fetch at most. */
  readonly maxPartitionBytes: number;
  /** Bytes that may be under way or wait to be read, as they are fetched; half as many uncompressed. */
  readonly maxBufferedBytes: number;
  /** Nobody keeps views of records that were given back: their bytes may be used again. */
  readonly reusesBytes?: boolean;
}

/** What a consumer counts. */
export interface ConsumerCounts {
  fetched(bytes: number): void;
  fetchFailed(): void;
  offsetReset(): void;
}

/** What a consumer is made of. */
export interface PartitionConsumerParts {
  readonly client: () => Promise<KafkaClient>;
  readonly codecs: () => Promise<RecordCodecs>;
  readonly timers: ProcessingTimeService;
  readonly counts: ConsumerCounts;
}

/** What one poll gives. */
export interface Polled {
  readonly records: readonly PartitionRecords[];
  /** Partitions of which everything has been handed out. */
  readonly ended: readonly string[];
}

/**
 * Reads assigned partitions from the brokers that lead them, ahead of whoever takes what has arrived
 * (Kafka's consumer with `assign`, without a group).
 *
 * Owns: the partitions, the fetches under way and what has arrived. Called by: one split reader; answers
 * and timers come in between.
 * Invariants: each partition's records are handed out once and in order; at most `maxBufferedBytes` and a
 * batch a fetch are held; whoever is tried again waits before, 50 ms to 1 s, as long as it takes.
 */
export class PartitionConsumer {
  readonly #options: PartitionConsumerOptions;
  readonly #parts: PartitionConsumerParts;
  readonly #partitions = new Map<string, AssignedPartition>();
  readonly #plan: FetchPlan;
  readonly #rests: PartitionRests;
  readonly #ahead: UncompressAhead;
  /** Bytes that were handed out and not given back. */
  #handedOut = 0;
  #client: KafkaClient | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isWokenUp = false;
  #isClosed = false;
  #onChange: (() => void) | undefined;

  constructor(options: PartitionConsumerOptions, parts: PartitionConsumerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#plan = new FetchPlan(options);
    this.#rests = new PartitionRests(parts.timers, () => this.#pump());
    this.#ahead = new UncompressAhead(options.maxBufferedBytes / 2);
  }

  assign(splits: readonly KafkaPartitionSplit[]): void {
    for (const split of splits) {
      this.unassign(split.splitId);
      this.#partitions.set(split.splitId, new AssignedPartition(split));
    }
    this.#pump();
  }

  unassign(splitId: string): void {
    const partition = this.#partitions.get(splitId);
    if (partition === undefined) return;
    partition.isRemoved = true;
    this.#partitions.delete(splitId);
  }

  setPaused(splitIds: readonly string[], isPaused: boolean): void {
    for (const splitId of splitIds) {
      const partition = this.#partitions.get(splitId);
      if (partition === undefined) continue;
      partition.isPaused = isPaused;
      partition.isIdle = false;
    }
    this.#pump();
    this.#onChange?.();
  }

  /** Ends the poll that waits, or the next one. */
  wakeUp(): void {
    this.#isWokenUp = true;
    this.#onChange?.();
  }

  /**
   * What has arrived of partitions that are not paused; waits until there is something or it is woken up.
   * Throws what no waiting helps against.
   */
  async poll(): Promise<Polled> {
    for (;;) {
      const polled = this.#take();
      if (polled !== undefined) return polled;
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
      this.#onChange = undefined;
    }
  }

  /** What was handed out has been read. */
  release(records: PartitionRecords): void {
    this.#handedOut -= sizeOf(records);
    this.#ahead.givenBack(records);
    const bytes = records.fetched?.records;
    if (this.#options.reusesBytes && bytes !== undefined) this.#client?.recycle?.(bytes);
    this.#pump();
  }

  /** What comes later is dropped; the client is its owner's to close. */
  close(): void {
    this.#isClosed = true;
    this.#rests.close();
    for (const splitId of [...this.#partitions.keys()]) this.unassign(splitId);
    this.wakeUp();
  }

  #take(): Polled | undefined {
    const records: PartitionRecords[] = [];
    const ended: string[] = [];
    for (const partition of this.#partitions.values()) {
      if (partition.isPaused) continue;
      for (const taken of partition.take()) {
        this.#handedOut += sizeOf(taken);
        this.#ahead.handedOut(taken);
        records.push(taken);
      }
      if (partition.isAtEnd) ended.push(partition.splitId);
    }
    for (const splitId of ended) this.unassign(splitId);
    if (records.length === 0 && ended.length === 0) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (!this.#isWokenUp) return undefined;
    }
    this.#isWokenUp = false;
    this.#pump();
    return { records, ended };
  }

  /** Starts whatever can be started: look-ups and fetches. */
  #pump(): void {
    if (this.#isClosed || this.#failure !== undefined) return;
    const lost: AssignedPartition[] = [];
    for (const partition of this.#partitions.values()) {
      if (partition.isLocating || partition.isBackingOff || partition.isFetchedToEnd) continue;
      if (!partition.hasPosition || partition.leader === undefined) lost.push(partition);
    }
    if (lost.length > 0) this.#run(lost, this.#locate(lost));
    if (this.#client === undefined) return;
    for (const planned of this.#plan.next(this.#partitions.values(), this.#handedOut)) {
      this.#run(planned.partitions, this.#fetch(this.#client, planned));
    }
  }

  #run(partitions: readonly AssignedPartition[], work: Promise<void>): void {
    work
      .catch((error: unknown) => {
        if (this.#isClosed) return;
        if (!mayRetry(error)) {
          this.#fail(error);
          return;
        }
        this.#parts.counts.fetchFailed();
        for (const partition of partitions) this.#rests.tryLater(partition);
      })
      .finally(() => {
        this.#pump();
        this.#onChange?.();
      });
  }

  async #locate(partitions: readonly AssignedPartition[]): Promise<void> {
    for (const partition of partitions) partition.isLocating = true;
    try {
      this.#client ??= await this.#parts.client();
      const client = this.#client;
      const stale = this.#rests.takeStaleTopics(partitions);
      if (stale.length > 0) await client.refreshMetadata(stale);
      await findPositions(
        client,
        partitions.filter(({ hasPosition }) => !hasPosition),
        this.#options,
      );
      await Promise.all(
        partitions.map(async (partition) => {
          partition.leader = await client.leaderOf(partition);
          partition.leaderEpoch = await client.leaderEpochOf(partition);
        }),
      );
      const truncations = await findTruncations(client, partitions);
      for (const truncation of truncations) this.#truncated(truncation);
    } finally {
      for (const partition of partitions) partition.isLocating = false;
    }
    for (const partition of partitions) {
      if (partition.hasPosition && partition.leader !== undefined) continue;
      if (!partition.isFetchedToEnd) this.#rests.tryLater(partition);
    }
  }

  async #fetch(client: KafkaClient, planned: PlannedFetch): Promise<void> {
    const { broker, partitions, maxBytes, maxWait } = planned;
    const epochs = partitions.map(({ epoch }) => epoch);
    const request: FetchRequest = {
      isolation: this.#options.isolation,
      maxWait,
      minBytes: 1,
      maxBytes,
      positions: partitions.map(({ topic, partition, fetchOffset, leaderEpoch }) => ({
        topic,
        partition,
        offset: fetchOffset,
        leaderEpoch,
        maxBytes: this.#options.maxPartitionBytes,
      })),
    };
    for (const partition of partitions) partition.isFetching = true;
    const start = this.#parts.timers.relativeTime();
    try {
      const answers = await client.fetch(broker, request);
      const codecs = await this.#preparedCodecs(answers);
      const ahead = await this.#ahead.run(answers, codecs, this.#partitions.values());
      this.#moveBack(partitions);
      const byPartition = new Map(answers.map((one) => [`${one.topic}-${one.partition}`, one]));
      for (const [i, partition] of partitions.entries()) {
        if (partition.isRemoved || partition.epoch !== epochs[i]) continue;
        const answer = byPartition.get(`${partition.topic}-${partition.partition}`);
        if (answer === undefined) this.#rests.tryLater(partition);
        else await this.#arrived(client, partition, answer, ahead.get(answer));
      }
      // A broker that does not wait, as under a quota, is not asked again at once.
      const left = maxWait - (this.#parts.timers.relativeTime() - start);
      if (left > maxWait / 2 && answers.every(isEmpty)) {
        for (const partition of partitions) this.#rests.rest(partition, left);
      }
    } finally {
      this.#plan.ended(planned);
      for (const [i, partition] of partitions.entries()) {
        if (partition.epoch === epochs[i]) partition.isFetching = false;
      }
    }
  }

  async #preparedCodecs(answers: readonly FetchedPartition[]): Promise<RecordCodecs> {
    const codecs = await this.#parts.codecs();
    for (const { records } of answers) {
      const preparing = records && codecs.prepareFor(records);
      if (preparing !== undefined) await preparing;
    }
    return codecs;
  }

  async #arrived(
    client: KafkaClient,
    partition: AssignedPartition,
    fetched: FetchedPartition,
    uncompressed: UncompressedBatches | undefined,
  ): Promise<void> {
    const { error, records } = fetched;
    if (error === "OFFSET_OUT_OF_RANGE") {
      await this.#outOfRange(client, partition);
      return;
    }
    if (error !== "NONE") {
      if (!isRetried(error)) throw partitionFailed(partition, "fetching", error);
      this.#parts.counts.fetchFailed();
      this.#rests.tryLater(partition);
      return;
    }
    partition.attempts = 0;
    partition.fetchedBytes = records?.length ?? 0;
    partition.isIdle = partition.fetchedBytes === 0;
    if (records === undefined || partition.isIdle) return;
    this.#parts.counts.fetched(records.length);
    const from = partition.fetchOffset;
    const name = `${partition.topic}-${partition.partition}`;
    const { nextOffset, leaderEpoch } = lastBatchOf(records, from, name);
    partition.lastEpoch = leaderEpoch ?? partition.lastEpoch;
    if (nextOffset === from) throw noWholeBatch(partition, from, records.length);
    const isCommitted = this.#options.isolation === "read_committed";
    partition.add({
      splitId: partition.splitId,
      topic: partition.topic,
      partition: partition.partition,
      fetched,
      uncompressed,
      from,
      nextOffset,
      until: partition.stoppingOffset,
      endOffset: isCommitted ? fetched.lastStableOffset : fetched.highWatermark,
    });
    this.#moveBack([partition]);
  }

  /** Those that have waited come first, and of one fetch those that got nothing. */
  #moveBack(partitions: readonly AssignedPartition[]): void {
    for (const partition of partitions) {
      if (this.#partitions.get(partition.splitId) !== partition) continue;
      this.#partitions.delete(partition.splitId);
      this.#partitions.set(partition.splitId, partition);
    }
  }

  /** Goes on where the options say; what was fetched before stays, it is from before the gap. */
  async #outOfRange(client: KafkaClient, partition: AssignedPartition): Promise<void> {
    const { outOfRange, isolation } = this.#options;
    const { epoch, fetchOffset, topic, partition: number } = partition;
    if (partition.arrived.length > 0) {
      // It is told when what came before has been handed out.
      this.#rests.tryLater(partition);
      return;
    }
    if (outOfRange !== "fail") {
      this.#parts.counts.offsetReset();
      partition.resetTo(outOfRange === "earliest" ? EARLIEST_OFFSET : LATEST_OFFSET);
      return;
    }
    const place = { topic, partition: number };
    const [earliest] = await client.listOffsets([{ ...place, at: "earliest" }], isolation);
    const [latest] = await client.listOffsets([{ ...place, at: "latest" }], isolation);
    if (partition.epoch !== epoch || partition.isRemoved) return;
    const range = { earliest: earliest?.offset, latest: latest?.offset };
    throw offsetOutOfRange(partition, fetchOffset, range);
  }

  /** Goes on, where it may, at the first offset that has changed: nothing is left out or read twice. */
  #truncated({ partition, endOffset }: Truncation): void {
    const { outOfRange } = this.#options;
    if (partition.arrived.length > 0) {
      // It is told when what came before has been handed out.
      partition.leader = undefined;
    } else if (outOfRange === "fail") {
      throw logTruncated(partition, partition.fetchOffset, endOffset);
    } else {
      this.#parts.counts.offsetReset();
      const marker = outOfRange === "earliest" ? EARLIEST_OFFSET : LATEST_OFFSET;
      partition.resetTo(endOffset ?? marker);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }
}

function isEmpty({ error, records }: FetchedPartition): boolean {
  return error === "NONE" && (records === undefined || records.length === 0);
}
