import type { Counter, MetricGroup } from "../../../api/metrics.js";
import type { KafkaReadState } from "./kafka-record-emitter.js";
import type { ConsumerCounts } from "./partition-consumer.js";

const UNKNOWN = -1;

/**
 * The reader's metrics under Flink's names (`KafkaSourceReaderMetrics`): in the group KafkaSourceReader,
 * each partition's in topic.T.partition.P; `pendingRecords` beside it.
 */
export class KafkaSourceMetrics implements ConsumerCounts {
  readonly commitsSucceeded: Counter;
  readonly commitsFailed: Counter;
  readonly #reader: MetricGroup;
  readonly #group: MetricGroup;
  readonly #bytesConsumed: Counter;
  readonly #fetchesFailed: Counter;
  readonly #offsetResets: Counter;
  readonly #states = new Map<string, KafkaReadState>();
  readonly #committed = new Map<string, number>();
  #hasFetched = false;

  constructor(reader: MetricGroup) {
    this.#reader = reader;
    this.#group = reader.group("KafkaSourceReader");
    this.commitsSucceeded = this.#group.counter("commitsSucceeded");
    this.commitsFailed = this.#group.counter("commitsFailed");
    const bytesConsumed = this.#group.counter("bytesConsumedTotal");
    this.#bytesConsumed = bytesConsumed;
    reader.gauge("numBytesIn", () => bytesConsumed.count);
    this.#fetchesFailed = this.#group.counter("fetchesFailed");
    this.#offsetResets = this.#group.counter("offsetResets");
  }

  /** The gauges of a partition that is read from now on. */
  addPartition(state: KafkaReadState): void {
    const { splitId, topic, partition } = state.split;
    this.#states.set(splitId, state);
    const group = this.#group.group("topic", topic).group("partition", String(partition));
    group.gauge("currentOffset", () => Math.max(UNKNOWN, state.currentOffset - 1));
    group.gauge("committedOffset", () => this.#committed.get(splitId) ?? UNKNOWN);
    group.gauge("recordsLag", () => lagOf(state) ?? UNKNOWN);
  }

  removePartition(splitId: string): void {
    this.#states.delete(splitId);
  }

  committed(splitId: string, offset: number): void {
    this.#committed.set(splitId, offset);
  }

  fetched(bytes: number): void {
    this.#bytesConsumed.inc(bytes);
    if (this.#hasFetched) return;
    this.#hasFetched = true;
    this.#reader.gauge("pendingRecords", () => this.#pendingRecords());
  }

  fetchFailed(): void {
    this.#fetchesFailed.inc();
  }

  offsetReset(): void {
    this.#offsetResets.inc();
  }

  #pendingRecords(): number {
    let pending = 0;
    for (const state of this.#states.values()) pending += lagOf(state) ?? 0;
    return pending;
  }
}

/** How many offsets there were to go at the last fetch; undefined: there was none. */
function lagOf({ endOffset, currentOffset }: KafkaReadState): number | undefined {
  if (endOffset === undefined || currentOffset < 0) return undefined;
  return Math.max(0, endOffset - currentOffset);
}
