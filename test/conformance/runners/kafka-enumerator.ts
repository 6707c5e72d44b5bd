import type { ReaderInfo, SplitEnumeratorContext } from "../../../src/api/split-enumerator.js";
import type { KafkaClientFactory } from "../../../src/connectors/kafka/client/kafka-client.js";
import { KafkaEnumerator } from "../../../src/connectors/kafka/source/kafka-enumerator.js";
import { kafkaEnumeratorStateSerializer } from "../../../src/connectors/kafka/source/kafka-enumerator-state.js";
import type { KafkaEnumeratorOptions } from "../../../src/connectors/kafka/source/kafka-source-options.js";
import {
  type KafkaPartitionSplit,
  kafkaPartitionSplit,
  toSplitId,
} from "../../../src/connectors/kafka/source/kafka-split.js";
import type { OffsetsInitializer } from "../../../src/connectors/kafka/source/offsets-initializer.js";
import { splitOwner } from "../../../src/connectors/kafka/source/split-owner.js";
import { illegalState } from "../../../src/errors/index.js";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";
import type { Json, Runner, Step, StepTrace } from "../protocol.js";

type Call = () => Promise<void>;

/** The Kafka enumerator with what it subscribes to and its offsets given, and its calls run by hand. */
export class KafkaEnumeratorRunner implements Runner {
  readonly #config: Json;
  readonly #parallelism: number;
  readonly #readers = new Map<number, ReaderInfo<KafkaPartitionSplit>>();
  readonly #noMoreSplits = new Set<number>();
  readonly #checkpoints = new Map<string, Uint8Array>();
  #partitions: { readonly topic: string; readonly partition: number }[] = [];
  #assignments: Json[] = [];
  #oneTime: Call[] = [];
  #periodic: Call[] = [];
  #isStarted = false;
  #enumerator: KafkaEnumerator;

  constructor(config: Json) {
    this.#config = config;
    this.#parallelism = config.parallelism ?? 3;
    this.#enumerator = new KafkaEnumerator(this.#context(), this.#options());
  }

  async step(op: string, step: Step, out: StepTrace): Promise<void> {
    const enumerator = this.#enumerator;
    switch (op) {
      case "start":
        this.#isStarted = true;
        enumerator.start();
        return;
      case "subscribe":
        this.#partitions = step.partitions.map(([topic, partition]: [string, number]) => ({
          topic,
          partition,
        }));
        return;
      case "runPeriodic":
        await this.#periodic[0]?.();
        return;
      case "runOneTime": {
        const call = this.#oneTime.shift();
        if (call === undefined) throw illegalState("no one-time callable");
        await call();
        return;
      }
      case "register":
        this.#readers.set(step.reader, {
          subtaskId: step.reader,
          location: "loc",
          reportedSplitsOnRegistration: [],
        });
        enumerator.addReader(step.reader);
        return;
      case "unregister":
        this.#readers.delete(step.reader);
        return;
      case "addSplitsBack":
        enumerator.addSplitsBack(
          step.splits.map(([topic, partition, offset]: [string, number, number]) =>
            kafkaPartitionSplit({ topic, partition }, offset),
          ),
          step.reader,
        );
        return;
      case "snapshot": {
        const state = enumerator.snapshotState();
        const bytes = kafkaEnumeratorStateSerializer.serialize(state);
        this.#checkpoints.set(`${step.id}`, bytes);
        out.bytes = bytes.length;
        out.state = {
          assigned: show(state.assigned),
          unassigned: show(state.unassigned),
          initialDiscoveryFinished: state.initialDiscoveryFinished,
        };
        return;
      }
      case "restore": {
        await enumerator.close();
        this.#oneTime = [];
        this.#periodic = [];
        this.#isStarted = false;
        const bytes = this.#checkpoints.get(`${step.id}`) as Uint8Array;
        const state = kafkaEnumeratorStateSerializer.deserialize(3, bytes);
        this.#enumerator = new KafkaEnumerator(this.#context(), this.#options(), state);
        return;
      }
      default:
        throw new Error(`unknown op ${op}`);
    }
  }

  after(out: StepTrace): void {
    out.assigned = this.#assignments;
    this.#assignments = [];
    out.pending = this.#pending();
    out.noMoreSplits = [...this.#noMoreSplits].filter((r) => this.#readers.has(r)).sort();
    out.oneTime = this.#oneTime.length;
    out.periodic = this.#periodic.length;
  }

  async close(): Promise<void> {
    await this.#enumerator.close();
  }

  /** Flink keeps them by owner, from its start on. */
  #pending(): Json {
    const byOwner: Record<string, KafkaPartitionSplit[]> = {};
    if (this.#isStarted) {
      for (const split of this.#enumerator.snapshotState().unassigned) {
        const owner = splitOwner(split, this.#parallelism);
        byOwner[owner] = [...(byOwner[owner] ?? []), split];
      }
    }
    return Object.fromEntries(
      Object.entries(byOwner).map(([owner, splits]) => [owner, show(splits)]),
    );
  }

  #options(): KafkaEnumeratorOptions {
    const { discoveryMs = 300_000, bounded = false, startOffset = 7, stopOffset } = this.#config;
    const always = (offset: number | undefined): OffsetsInitializer => ({
      getPartitionOffsets: async (partitions) =>
        new Map(
          offset === undefined
            ? []
            : partitions.map((place) => [toSplitId(place), offset] as const),
        ),
    });
    const clients: KafkaClientFactory = {
      create: async () => ({ close: async () => {} }) as Json,
    };
    return {
      clients,
      subscriber: {
        description: "scripted",
        getSubscribedTopicPartitions: async () => this.#partitions,
      },
      startingOffsets: always(startOffset),
      stoppingOffsets: always(stopOffset),
      groupId: "g",
      isolation: "read_committed",
      discoveryInterval: discoveryMs,
      boundedness: bounded ? "BOUNDED" : "CONTINUOUS_UNBOUNDED",
    };
  }

  #context(): SplitEnumeratorContext<KafkaPartitionSplit> {
    const unused = (): never => {
      throw illegalState("not used by this enumerator");
    };
    return {
      currentParallelism: this.#parallelism,
      metricGroup: new MetricRegistry().root(),
      registeredReaders: () => this.#readers,
      registeredReadersOfAttempts: unused,
      assignSplits: (assignment) => {
        this.#assignments.push(
          Object.fromEntries([...assignment].map(([owner, splits]) => [owner, show(splits)])),
        );
      },
      assignSplit: unused,
      signalNoMoreSplits: (subtask) => this.#noMoreSplits.add(subtask),
      signalIntermediateNoMoreSplits: unused,
      sendEventToSourceReader: unused,
      sendEventToSourceReaderAttempt: unused,
      callAsync: (callable, handler, schedule) => {
        const { signal } = new AbortController();
        const run = async (): Promise<void> => {
          handler(await callable(signal), undefined);
        };
        (schedule === undefined ? this.#oneTime : this.#periodic).push(run);
      },
      runInCoordinatorLoop: unused,
      setIsProcessingBacklog: unused,
    };
  }
}

function show(splits: readonly KafkaPartitionSplit[]): string[] {
  return splits
    .map(({ splitId, startingOffset, stoppingOffset }) => {
      const stop = stoppingOffset === undefined ? "" : `..${stoppingOffset}`;
      return `${splitId}@${startingOffset}${stop}`;
    })
    .sort();
}
