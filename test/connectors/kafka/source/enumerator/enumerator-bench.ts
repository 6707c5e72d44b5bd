import type {
  ReaderInfo,
  SplitEnumeratorContext,
} from "../../../../../src/api/split-enumerator.js";
import { KafkaEnumerator } from "../../../../../src/connectors/kafka/source/kafka-enumerator.js";
import {
  type KafkaEnumeratorState,
  kafkaEnumeratorStateSerializer,
} from "../../../../../src/connectors/kafka/source/kafka-enumerator-state.js";
import type { KafkaEnumeratorOptions } from "../../../../../src/connectors/kafka/source/kafka-source-options.js";
import type { KafkaPartitionSplit } from "../../../../../src/connectors/kafka/source/kafka-split.js";
import { kafkaSplitSerializer } from "../../../../../src/connectors/kafka/source/kafka-split.js";
import {
  earliest,
  noStoppingOffset,
} from "../../../../../src/connectors/kafka/source/offsets-initializer.js";
import { topicListSubscriber } from "../../../../../src/connectors/kafka/source/subscriber.js";
import { illegalState } from "../../../../../src/errors/index.js";
import { VirtualClock } from "../../../../../src/mailbox/index.js";
import { MetricRegistry } from "../../../../../src/metrics/metric-registry.js";
import { SimulatedKafka } from "../../../../support/kafka/simulated-kafka.js";

export interface BenchOptions extends Partial<KafkaEnumeratorOptions> {
  readonly parallelism?: number;
  readonly restore?: Uint8Array;
}

/** A cluster in memory with "topic" of that many partitions, ten records in each. */
export function clusterOf(partitions: number): SimulatedKafka {
  const kafka = new SimulatedKafka({ clock: new VirtualClock() }).createTopic("topic", partitions);
  for (let partition = 0; partition < partitions; partition++) {
    const records = Array.from({ length: 10 }, (_, i) => ({ value: `${i}`, timestamp: i * 1000 }));
    kafka.append("topic", partition, records);
  }
  return kafka;
}

/** A real enumerator on a simulated cluster; its calls run at the test's word. */
export class EnumeratorBench {
  readonly kafka: SimulatedKafka;
  readonly enumerator: KafkaEnumerator;
  readonly metrics = new MetricRegistry();
  readonly noMoreSplits = new Set<number>();
  /** One entry an assignment: subtask → `topic-partition@offset..stop`. */
  readonly assignments: Record<number, string[]>[] = [];
  readonly assigned: { readonly subtask: number; readonly split: KafkaPartitionSplit }[] = [];
  readonly oneTime: (() => Promise<void>)[] = [];
  readonly periodic: (() => Promise<void>)[] = [];
  readonly #readers = new Map<number, ReaderInfo<KafkaPartitionSplit>>();

  constructor(kafka: SimulatedKafka, options: BenchOptions = {}) {
    const { parallelism = 3, restore, ...changed } = options;
    this.kafka = kafka;
    const all: KafkaEnumeratorOptions = {
      clients: kafka,
      subscriber: topicListSubscriber(["topic"]),
      startingOffsets: earliest(),
      stoppingOffsets: noStoppingOffset(),
      groupId: "group",
      isolation: "read_committed",
      discoveryInterval: 300_000,
      boundedness: "CONTINUOUS_UNBOUNDED",
      ...changed,
    };
    const state =
      restore === undefined ? undefined : kafkaEnumeratorStateSerializer.deserialize(3, restore);
    this.enumerator = new KafkaEnumerator(this.#context(parallelism), all, state);
  }

  register(subtask: number): void {
    this.#readers.set(subtask, {
      subtaskId: subtask,
      location: "localhost",
      reportedSplitsOnRegistration: [],
    });
    this.enumerator.addReader(subtask);
  }

  unregister(subtask: number): void {
    this.#readers.delete(subtask);
  }

  /** Looks at the cluster, and initialises what it finds. */
  async discover(): Promise<void> {
    if (this.periodic[0] === undefined) await this.runOneTime();
    else await this.periodic[0]();
    if (this.oneTime.length > 0) await this.runOneTime();
  }

  async runOneTime(): Promise<void> {
    const call = this.oneTime.shift();
    if (call === undefined) throw new Error("no call is waiting");
    await call();
  }

  get state(): Record<keyof KafkaEnumeratorState, unknown> {
    const { assigned, unassigned, initialDiscoveryFinished } = this.enumerator.snapshotState();
    return { assigned: show(assigned), unassigned: show(unassigned), initialDiscoveryFinished };
  }

  checkpoint(): Uint8Array {
    return kafkaEnumeratorStateSerializer.serialize(this.enumerator.snapshotState());
  }

  /** Everything that all readers have been given. */
  get given(): string[] {
    return show(this.assigned.map(({ split }) => split));
  }

  metric(name: string): number | undefined {
    const found = Object.entries(this.metrics.snapshot()).find(([key]) => key.endsWith(name));
    return found?.[1];
  }

  #context(parallelism: number): SplitEnumeratorContext<KafkaPartitionSplit> {
    const unused = (): never => {
      throw illegalState("not used by this enumerator");
    };
    return {
      currentParallelism: parallelism,
      metricGroup: this.metrics.root(),
      registeredReaders: () => this.#readers,
      registeredReadersOfAttempts: unused,
      assignSplits: (assignment) => {
        const shown: Record<number, string[]> = {};
        for (const [subtask, splits] of assignment) {
          if (!this.#readers.has(subtask)) throw illegalState(`${subtask} is not registered`);
          shown[subtask] = show(splits);
          for (const split of splits) {
            const bytes = kafkaSplitSerializer.serialize(split);
            this.assigned.push({ subtask, split: kafkaSplitSerializer.deserialize(0, bytes) });
          }
        }
        this.assignments.push(shown);
      },
      assignSplit: unused,
      signalNoMoreSplits: (subtask) => this.noMoreSplits.add(subtask),
      signalIntermediateNoMoreSplits: unused,
      sendEventToSourceReader: unused,
      sendEventToSourceReaderAttempt: unused,
      callAsync: (callable, handler, schedule) => {
        const { signal } = new AbortController();
        const run = async (): Promise<void> => {
          let outcome: readonly [Awaited<ReturnType<typeof callable>> | undefined, unknown];
          try {
            outcome = [await callable(signal), undefined];
          } catch (error) {
            outcome = [undefined, error];
          }
          handler(...outcome);
        };
        (schedule === undefined ? this.oneTime : this.periodic).push(run);
      },
      runInCoordinatorLoop: unused,
      setIsProcessingBacklog: unused,
    };
  }
}

export function show(splits: readonly KafkaPartitionSplit[]): string[] {
  return splits
    .map(({ splitId, startingOffset, stoppingOffset }) => {
      const stop = stoppingOffset === undefined ? "" : `..${stoppingOffset}`;
      return `${splitId}@${startingOffset}${stop}`;
    })
    .sort();
}
