import type {
  FetchedPartition,
  FetchPosition,
  IsolationLevel,
  KafkaErrorName,
} from "../../../src/connectors/kafka/client/kafka-client.js";
import {
  type AbortedTransaction,
  nextSequence,
} from "../../../src/connectors/kafka/records/index.js";
import { codecs, compacted, headerOf, type LogBatch, marker, placed } from "./simulated-batches.js";

/** Batches of a producer whose repetition a broker recognizes. */
const REMEMBERED = 5;

interface RememberedBatch {
  readonly firstSequence: number;
  readonly nextSequence: number;
  readonly baseOffset: number;
}

interface ProducerState {
  epoch: number;
  batches: RememberedBatch[];
}

interface AbortedRange extends AbortedTransaction {
  readonly lastOffset: number;
}

/** What an append has come to. */
export interface Appended {
  readonly error: KafkaErrorName;
  readonly baseOffset: number;
}

/**
 * One partition's log as its leader has it: batches, producers' sequences, transactions.
 *
 * Owns: the batches and everything that a broker derives from them. Called by: the simulated brokers.
 * Invariants: offsets rise; a repeated batch of a producer is appended once (the last five are known).
 */
export class SimulatedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Undefined: nobody leads it. */
  leader: number | undefined;
  leaderEpoch = 0;
  logStartOffset = 0;
  /** Records from here on are not replicated yet; undefined: all are. */
  replicatedUpTo: number | undefined;
  maxMessageBytes = 1_048_588;
  #batches: LogBatch[] = [];
  #endOffset = 0;
  readonly #producers = new Map<number, ProducerState>();
  /** By producer: where its open transaction begins. */
  readonly #open = new Map<number, number>();
  readonly #aborted: AbortedRange[] = [];

  constructor(topic: string, partition: number, leader: number) {
    this.topic = topic;
    this.partition = partition;
    this.leader = leader;
  }

  get endOffset(): number {
    return this.#endOffset;
  }

  get highWatermark(): number {
    return Math.min(this.replicatedUpTo ?? this.#endOffset, this.#endOffset);
  }

  get lastStableOffset(): number {
    return Math.min(this.highWatermark, ...this.#open.values());
  }

  get batches(): readonly LogBatch[] {
    return this.#batches;
  }

  endFor(isolation: IsolationLevel): number {
    return isolation === "read_committed" ? this.lastStableOffset : this.highWatermark;
  }

  /** What a producer sent; `mayWrite`: its transaction knows this partition. */
  produce(bytes: Buffer, mayWrite: boolean): Appended {
    if (bytes.length > this.maxMessageBytes) return failed("MESSAGE_TOO_LARGE");
    const batch = headerOf(bytes);
    if (bytes.length !== bytes.readInt32BE(8) + 12) return failed("INVALID_RECORD");
    if (codecs.crc32c(bytes, 21, bytes.length) !== batch.crc) return failed("CORRUPT_MESSAGE");
    if (batch.hasProducerId) {
      const known = this.#checkSequence(batch.producerId, batch.producerEpoch, batch.baseSequence);
      if (known !== undefined) return known;
      if (batch.isTransactional && !mayWrite) return failed("INVALID_TXN_STATE");
    }
    const baseOffset = this.append(bytes);
    if (batch.hasProducerId) {
      const state = this.#producers.get(batch.producerId) as ProducerState;
      state.batches.push({
        firstSequence: batch.baseSequence,
        nextSequence: nextSequence(batch.baseSequence, batch.count),
        baseOffset,
      });
      if (state.batches.length > REMEMBERED) state.batches.shift();
    }
    return { error: "NONE", baseOffset };
  }

  /** Appends whatever it is, without a look at sequences. */
  append(bytes: Buffer): number {
    const baseOffset = this.#endOffset;
    const batch = placed(bytes, baseOffset, this.leaderEpoch);
    this.#batches.push(batch);
    this.#endOffset = batch.lastOffset + 1;
    const { isTransactional, isControl, producerId } = headerOf(bytes);
    if (isTransactional && !isControl && !this.#open.has(producerId)) {
      this.#open.set(producerId, baseOffset);
    }
    return baseOffset;
  }

  /** Ends the producer's transaction here. */
  endTransaction(producerId: number, epoch: number, commit: boolean): void {
    const state = this.#producers.get(producerId);
    if (state !== undefined && epoch > state.epoch) {
      state.epoch = epoch;
      state.batches = [];
    }
    const firstOffset = this.#open.get(producerId);
    const lastOffset = this.append(marker(producerId, epoch, commit));
    this.#open.delete(producerId);
    if (!commit && firstOffset !== undefined) {
      this.#aborted.push({ producerId, firstOffset, lastOffset });
    }
  }

  /** Leaves only the records that `keep` wants, where no transaction is open; batches keep their offsets. */
  compact(keep: (offset: number) => boolean, dropEmptyBatches = false): void {
    const stable = this.lastStableOffset;
    const aborted = (batch: LogBatch): boolean => {
      const { producerId } = headerOf(batch.bytes);
      return this.#aborted.some(
        (range) =>
          range.producerId === producerId &&
          range.firstOffset <= batch.lastOffset &&
          batch.baseOffset <= range.lastOffset,
      );
    };
    this.#batches = this.#batches
      .map((batch) =>
        batch.lastOffset < stable && !aborted(batch) ? compacted(batch, keep) : batch,
      )
      .filter(
        (batch, i, all) =>
          !dropEmptyBatches || i === all.length - 1 || headerOf(batch.bytes).count > 0,
      );
  }

  /** Retention: what lies before the offset is gone. */
  deleteRecordsBefore(offset: number): void {
    this.logStartOffset = Math.max(this.logStartOffset, Math.min(offset, this.highWatermark));
    this.#batches = this.#batches.filter((batch) => batch.lastOffset >= this.logStartOffset);
  }

  /** An unclean election: what was not everywhere is lost, and offsets are used again. */
  truncateTo(offset: number): void {
    this.#batches = this.#batches.filter((batch) => batch.lastOffset < offset);
    this.#endOffset = Math.min(offset, this.#endOffset);
  }

  /** Where the records of an epoch and of those before it end; undefined: it knows no such epoch. */
  endOfEpoch(epoch: number): number | undefined {
    if (epoch > this.leaderEpoch) return undefined;
    const later = this.#batches.find(({ bytes }) => bytes.readInt32BE(12) > epoch);
    return later?.baseOffset ?? this.#endOffset;
  }

  /** The first offset whose record is as late as that; undefined: none is. */
  offsetAt(timestamp: number): number | undefined {
    for (const { bytes, lastOffset } of this.#batches) {
      const header = headerOf(bytes);
      if (header.isControl || header.maxTimestamp < timestamp || lastOffset < this.logStartOffset) {
        continue;
      }
      const columns = header.columns(codecs, 1e9, this.logStartOffset);
      for (let i = 0; i < columns.count; i++) {
        if (columns.timestamp(i) >= timestamp) return columns.offset(i);
      }
    }
    return undefined;
  }

  fetch(position: FetchPosition, isolation: IsolationLevel, maxBytes: number): FetchedPartition {
    const { offset } = position;
    const end = this.endFor(isolation);
    const answer = {
      topic: this.topic,
      partition: this.partition,
      highWatermark: this.highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.logStartOffset,
      abortedTransactions: [],
      records: undefined,
    };
    if (offset < this.logStartOffset || offset > this.#endOffset) {
      return { ...answer, error: "OFFSET_OUT_OF_RANGE" };
    }
    const records = this.#bytesFrom(offset, end, Math.min(maxBytes, position.maxBytes));
    const aborted =
      isolation === "read_uncommitted"
        ? []
        : this.#aborted.filter((range) => range.lastOffset >= offset && range.firstOffset < end);
    return {
      ...answer,
      error: "NONE",
      abortedTransactions: aborted.map(({ producerId, firstOffset }) => ({
        producerId,
        firstOffset,
      })),
      records: records.length === 0 ? undefined : records,
    };
  }

  /** The first batch is whole, the last may be cut off. */
  #bytesFrom(offset: number, end: number, limit: number): Buffer {
    const parts: Buffer[] = [];
    let size = 0;
    for (const { bytes, baseOffset, lastOffset } of this.#batches) {
      if (lastOffset < offset) continue;
      if (baseOffset >= end || (size >= limit && size > 0)) break;
      parts.push(size === 0 ? bytes : bytes.subarray(0, limit - size));
      size += bytes.length;
    }
    return Buffer.concat(parts);
  }

  /** The answer for a batch that is not to be appended; undefined: it is the next one. */
  #checkSequence(producerId: number, epoch: number, sequence: number): Appended | undefined {
    let state = this.#producers.get(producerId);
    if (state !== undefined && epoch < state.epoch) return failed("INVALID_PRODUCER_EPOCH");
    if (state === undefined || epoch > state.epoch) {
      // Stricter than a broker, which lets an unknown producer begin anywhere.
      if (sequence !== 0) return failed("OUT_OF_ORDER_SEQUENCE_NUMBER");
      state = { epoch, batches: [] };
      this.#producers.set(producerId, state);
      return undefined;
    }
    const known = state.batches.find(({ firstSequence }) => firstSequence === sequence);
    if (known !== undefined) return { error: "NONE", baseOffset: known.baseOffset };
    const expected = state.batches.at(-1)?.nextSequence ?? 0;
    if (sequence === expected) return undefined;
    return failed(
      sequence < expected ? "DUPLICATE_SEQUENCE_NUMBER" : "OUT_OF_ORDER_SEQUENCE_NUMBER",
    );
  }
}

function failed(error: KafkaErrorName): Appended {
  return { error, baseOffset: -1 };
}
