import type { PollBudget, SourceOutput, SourceReaderContext } from "../../../api/source-reader.js";
import type { RecordEmitter, RecordsWithSplitIds } from "../../../api/split-reader.js";
import { HeadwaterError, messageOf } from "../../../errors/index.js";
import { isColumnDeserializer, type KafkaDeserializer } from "./deserialization.js";
import { badField } from "./field-decoders.js";
import { KafkaFetch } from "./kafka-fetch.js";
import { KafkaRun, timestampOf } from "./kafka-run.js";
import { KafkaPartitionSplitState } from "./kafka-split.js";
import { RecordPlace } from "./record-place.js";

/** A split while it is read, with what metrics want to know. */
export class KafkaReadState extends KafkaPartitionSplitState {
  /** One behind the last record that could be read at the last fetch; undefined: not known. */
  endOffset: number | undefined;
}

/** Bytes of a bad record that are handed over. */
const MAX_RAW = 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

/**
 * Decodes records and emits them with their timestamps (Flink `KafkaRecordEmitter`): in runs where the
 * deserializer and the output can, else one by one. Bad records go where the job wants them.
 *
 * Called by: the operator's loop. Invariants: a split's state is behind what was emitted, and at the end
 * of a fetch behind the batches that had nothing for anybody.
 */
export class KafkaRecordEmitter<T> implements RecordEmitter<RecordPlace, T, KafkaReadState> {
  readonly #context: SourceReaderContext;
  readonly #deserializer: KafkaDeserializer<T>;
  readonly #run: KafkaRun<T> | undefined;
  #collected: T[] = [];

  constructor(context: SourceReaderContext, deserializer: KafkaDeserializer<T>) {
    this.#context = context;
    this.#deserializer = deserializer;
    if (isColumnDeserializer(deserializer)) {
      this.#run = new KafkaRun(deserializer, new RecordPlace());
    }
  }

  emitRecord(record: RecordPlace, output: SourceOutput<T>, state: KafkaReadState): void {
    const { offset } = record;
    const collected = this.#collected;
    collected.length = 0;
    try {
      this.#deserializer.deserialize(record, this.#collect);
    } catch (error) {
      collected.length = 0;
      state.currentOffset = offset + 1;
      this.#reportBad(record, state.split.splitId, error);
      return;
    }
    const timestamp = timestampOf(record.timestamp);
    for (let i = 0; i < collected.length; i++) output.collect(collected[i] as T, timestamp);
    state.currentOffset = offset + 1;
  }

  emitSome(
    fetch: RecordsWithSplitIds<RecordPlace>,
    output: SourceOutput<T>,
    state: KafkaReadState,
    budget: PollBudget,
  ): number {
    if (!(fetch instanceof KafkaFetch)) return 0;
    if (!fetch.hasRecord()) {
      reachedEnd(fetch, state);
      return 0;
    }
    state.endOffset = fetch.part?.endOffset;
    const run = this.#run;
    if (run === undefined || output.collectFrom === undefined) return 0;
    run.begin(fetch, state.currentOffset);
    const records = run.hasNext() ? output.collectFrom(run, budget) : 0;
    state.currentOffset = run.position;
    if (records === 0 && !fetch.hasRecord()) reachedEnd(fetch, state);
    return records;
  }

  readonly #collect = (value: T): void => {
    this.#collected.push(value);
  };

  #reportBad(record: RecordPlace, splitId: string, error: unknown): void {
    const { topic, partition, offset, value } = record;
    const raw = value ?? record.key ?? NO_BYTES;
    const reason = messageOf(error);
    const place = `partition ${topic}-${partition}, offset ${offset}`;
    this.#context.reportBadRecord({
      splitId,
      position: offset,
      raw: raw.subarray(0, MAX_RAW),
      rawLength: raw.length,
      error:
        error instanceof HeadwaterError && error.code === "BAD_RECORD"
          ? badField(`${place}: ${reason}`, error.cause)
          : badField(`${place}: the deserializer failed: ${reason}`, error),
    });
  }
}

/** Nothing follows in the split's part of the fetch: the next fetch goes on behind all of it. */
function reachedEnd({ part }: KafkaFetch, state: KafkaReadState): void {
  if (part === undefined) return;
  const { nextOffset, until } = part;
  state.currentOffset = until === undefined ? nextOffset : Math.min(nextOffset, until);
  // An end that was a marker is the same after a restore.
  state.stoppingOffset = until;
  state.endOffset = part.endOffset ?? nextOffset;
}
