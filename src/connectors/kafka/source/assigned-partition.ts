import type { FetchedPartition, TopicPartition } from "../client/kafka-client.js";
import type { UncompressedBatches } from "../records/index.js";
import { COMMITTED_OFFSET, type KafkaPartitionSplit, LATEST_OFFSET } from "./kafka-split.js";

/** What one answer has brought of one partition: bytes that are still to be decoded. */
export interface PartitionRecords {
  readonly splitId: string;
  readonly topic: string;
  readonly partition: number;
  /** Undefined: no records; it says where the partition stands. */
  readonly fetched: FetchedPartition | undefined;
  /** What was uncompressed while nobody read it. */
  readonly uncompressed: UncompressedBatches | undefined;
  /** Records before it are left out. */
  readonly from: number;
  /** Where the partition goes on, behind all whole batches. */
  readonly nextOffset: number;
  /** Records from here on are left out; undefined: no end. */
  readonly until: number | undefined;
  /** One behind the last record that could be read at the time; undefined: not known. */
  readonly endOffset: number | undefined;
}

/**
 * One partition while a consumer reads it.
 *
 * Owns: the position and what has arrived. Called by: the consumer.
 * Invariants: what arrived and was not taken reaches from `takenOffset` to `fetchOffset` without a gap;
 * an answer counts only in the epoch in which it was asked for.
 */
export class AssignedPartition implements TopicPartition {
  readonly splitId: string;
  readonly topic: string;
  readonly partition: number;
  /** From where the next fetch reads; a marker until it is known. */
  fetchOffset: number;
  /** Behind what was handed out; a marker until the position is known. */
  takenOffset: number;
  /** A marker until it is known; undefined: no end. */
  stoppingOffset: number | undefined;
  leader: number | undefined;
  /** That of the leader. */
  leaderEpoch: number | undefined;
  /** That of the last batch that was fetched; undefined: there was none. */
  lastEpoch: number | undefined;
  /** The leader's, when its log was last known to reach to the position. */
  validEpoch: number | undefined;
  epoch = 0;
  isPaused = false;
  isRemoved = false;
  /** A fetch of it is under way. */
  isFetching = false;
  /** Its position or its leader is being looked up. */
  isLocating = false;
  /** It waits before it is tried again. */
  isBackingOff = false;
  /** The last fetch has brought nothing of it. */
  isIdle = false;
  /** What the last fetch has brought of it. */
  fetchedBytes = 0;
  /** Tries since it last went well. */
  attempts = 0;
  arrived: PartitionRecords[] = [];
  arrivedBytes = 0;
  /** The position has been found and nobody has been told. */
  hasNewPosition = false;

  constructor(split: KafkaPartitionSplit) {
    this.splitId = split.splitId;
    this.topic = split.topic;
    this.partition = split.partition;
    this.fetchOffset = split.startingOffset;
    this.takenOffset = split.startingOffset;
    this.stoppingOffset = split.stoppingOffset;
  }

  get hasPosition(): boolean {
    return this.fetchOffset >= 0 && !this.hasStoppingMarker;
  }

  get hasStoppingMarker(): boolean {
    return this.stoppingOffset === LATEST_OFFSET || this.stoppingOffset === COMMITTED_OFFSET;
  }

  /** Everything has been fetched. */
  get isFetchedToEnd(): boolean {
    return (
      this.hasPosition &&
      this.stoppingOffset !== undefined &&
      this.fetchOffset >= this.stoppingOffset
    );
  }

  /** Everything has been handed out. */
  get isAtEnd(): boolean {
    return this.isFetchedToEnd && this.arrived.length === 0;
  }

  /** The position is known from now on. */
  moveTo(offset: number): void {
    this.fetchOffset = offset;
    this.takenOffset = offset;
    this.hasNewPosition = true;
  }

  /** Forgets what arrived and is under way; reading goes on at the given offset or marker. */
  restartAt(offset: number): void {
    this.epoch++;
    this.arrived = [];
    this.arrivedBytes = 0;
    this.isFetching = false;
    this.fetchOffset = offset;
    this.takenOffset = offset;
  }

  /** Goes on elsewhere, at an offset or a marker: what was read before is not what comes before it. */
  resetTo(offset: number): void {
    this.restartAt(offset);
    this.lastEpoch = undefined;
    this.hasNewPosition = offset >= 0;
  }

  add(records: PartitionRecords): void {
    this.fetchOffset = records.nextOffset;
    this.arrived.push(records);
    this.arrivedBytes += sizeOf(records);
  }

  /** Hands out what has arrived. */
  take(): PartitionRecords[] {
    const taken = this.arrived;
    this.arrived = [];
    this.arrivedBytes = 0;
    if (taken.length === 0 && this.hasNewPosition) taken.push(this.#placeOnly());
    this.takenOffset = this.fetchOffset;
    this.hasNewPosition = false;
    return taken;
  }

  #placeOnly(): PartitionRecords {
    const { splitId, topic, partition, fetchOffset } = this;
    return {
      splitId,
      topic,
      partition,
      fetched: undefined,
      uncompressed: undefined,
      from: fetchOffset,
      nextOffset: fetchOffset,
      until: this.stoppingOffset,
      endOffset: undefined,
    };
  }
}

/** Bytes as they were fetched. */
export function sizeOf(records: PartitionRecords): number {
  return records.fetched?.records?.length ?? 0;
}
