import type { InputStatus } from "../../../../../src/api/boundedness.js";
import type { RecordBuffer } from "../../../../../src/api/data-output.js";
import type { ReaderOutput, SourceOutput } from "../../../../../src/api/source-reader.js";
import type { Timestamp, Watermark } from "../../../../../src/api/watermark.js";
import {
  type KafkaDeserializer,
  kafkaString,
} from "../../../../../src/connectors/kafka/source/deserialization.js";
import type { KafkaReaderOptions } from "../../../../../src/connectors/kafka/source/kafka-source-options.js";
import { KafkaSourceReader } from "../../../../../src/connectors/kafka/source/kafka-source-reader.js";
import {
  type KafkaPartitionSplit,
  kafkaPartitionSplit,
} from "../../../../../src/connectors/kafka/source/kafka-split.js";
import { SourceOutputWithWatermarks } from "../../../../../src/eventtime/source-output-with-watermarks.js";
import {
  NO_WATERMARKS,
  RECORD_TIMESTAMP,
} from "../../../../../src/eventtime/watermark-generators.js";
import type { VirtualClock } from "../../../../../src/mailbox/clock.js";
import { codecs } from "../../../../support/kafka/simulated-batches.js";
import {
  SimulatedKafka,
  type SimulatedKafkaOptions,
} from "../../../../support/kafka/simulated-kafka.js";
import { ReaderHarness } from "../../../../support/reader-harness.js";

const NOWHERE = { emitWatermark(_watermark: Watermark) {}, markIdle() {}, markActive() {} };

/** What came out of one split. */
class SplitRecords<T> implements RecordBuffer<T> {
  readonly records: T[] = [];
  readonly timestamps: Timestamp[] = [];
  length = 0;
}

/** Keeps each split's records; runs go through the real output, as in the operator. */
export class KafkaOutput<T> implements ReaderOutput<T> {
  readonly bySplit = new Map<string, SplitRecords<T>>();
  readonly released: string[] = [];

  createOutputForSplit(splitId: string): SourceOutput<T> {
    let buffer = this.bySplit.get(splitId);
    if (buffer === undefined) {
      buffer = new SplitRecords<T>();
      this.bySplit.set(splitId, buffer);
    }
    const into = buffer;
    const output = {
      buffer: into,
      emitRecord: (record: T, timestamp: Timestamp) => {
        into.records[into.length] = record;
        into.timestamps[into.length++] = timestamp;
      },
      emitWatermark() {},
      emitWatermarkStatus() {},
      emitRecordAttributes() {},
    };
    return new SourceOutputWithWatermarks<T>(
      output,
      { onEvent: NOWHERE, periodic: NOWHERE },
      RECORD_TIMESTAMP,
      NO_WATERMARKS,
    );
  }

  releaseOutputForSplit(splitId: string): void {
    this.released.push(splitId);
  }

  get count(): number {
    let count = 0;
    for (const { length } of this.bySplit.values()) count += length;
    return count;
  }

  of(splitId: string): T[] {
    return this.bySplit.get(splitId)?.records ?? [];
  }

  collect(): void {}
  emitWatermark(): void {}
  markIdle(): void {}
  markActive(): void {}
}

/** A reader on a simulated cluster, in an operator's place, under virtual time. */
export class KafkaReading<T = string> {
  readonly harness: ReaderHarness;
  readonly kafka: SimulatedKafka;
  readonly output = new KafkaOutput<T>();
  readonly reader: KafkaSourceReader<T>;
  /** Records a poll at most. */
  budget = 100;

  constructor(
    options: Partial<KafkaReaderOptions<T>> = {},
    cluster: Partial<SimulatedKafkaOptions> | SimulatedKafka = {},
    clock?: VirtualClock,
    maxBufferedBytes?: number,
  ) {
    this.harness = new ReaderHarness(clock === undefined ? {} : { clock });
    this.kafka =
      cluster instanceof SimulatedKafka
        ? cluster
        : new SimulatedKafka({ clock: this.harness.clock, latency: 2, ...cluster });
    this.reader = new KafkaSourceReader<T>(
      this.harness.context,
      {
        clients: this.kafka,
        deserializer: kafkaString() as unknown as KafkaDeserializer<T>,
        isolation: "read_committed",
        outOfRange: "fail",
        committedReset: "none",
        groupId: undefined,
        commitOffsetsOnCheckpoint: options.groupId !== undefined,
        autoCommitInterval: undefined,
        maxWait: 500,
        maxBytes: 50 * 1024 * 1024,
        maxPartitionBytes: 1024 * 1024,
        checkCrcs: true,
        evaluator: undefined,
        ...options,
      },
      {
        loadCodecs: async () => codecs,
        ...(maxBufferedBytes === undefined ? {} : { maxBufferedBytes }),
      },
    );
    this.reader.start();
  }

  add(topic: string, partition: number, start: number, stop?: number): KafkaPartitionSplit {
    const split = kafkaPartitionSplit({ topic, partition }, start, stop);
    this.reader.addSplits([split]);
    return split;
  }

  /** One poll, and what runs without time passing. */
  async step(): Promise<InputStatus> {
    this.harness.context.pollBudget.remaining = this.budget;
    const status = this.reader.pollNext(this.output);
    await this.#settle();
    return status;
  }

  /** Polls, and lets time pass when there is nothing, until `until` or the end; at most so long. */
  async run(until: () => boolean = () => false, atMost = 60_000): Promise<InputStatus> {
    const end = this.harness.clock.now() + atMost;
    for (let i = 0; i < 200_000; i++) {
      if (until()) return "MORE_AVAILABLE";
      const status = await this.step();
      if (status === "END_OF_INPUT") return status;
      if (status === "MORE_AVAILABLE" || this.reader.isAvailable().isDone) continue;
      const next = this.harness.clock.nextTimer();
      if (next === undefined || next > end) {
        this.harness.clock.advance(Math.max(0, end - this.harness.clock.now()));
        return status;
      }
      this.harness.clock.advanceToNextTimer();
      await this.#settle();
    }
    throw new Error("the reader does not come to an end");
  }

  /** Closes the reader; says how it ended. */
  async close(): Promise<unknown> {
    let ended: unknown = "never";
    this.reader.close().then(
      () => {
        ended = "closed";
      },
      (error: unknown) => {
        ended = error;
      },
    );
    for (let i = 0; i < 50 && ended === "never"; i++) {
      await this.#settle();
      this.harness.clock.advance(100);
    }
    await this.#settle();
    return ended;
  }

  /** An answer goes through many promises before the next request is sent. */
  #settle(): Promise<void> {
    return this.harness.scheduler.settle(40);
  }

  offsets(checkpointId = 1): Record<string, number> {
    const splits = this.reader.snapshotState(checkpointId);
    return Object.fromEntries(splits.map((split) => [split.splitId, split.startingOffset]));
  }

  metric(name: string): number | undefined {
    return this.harness.metrics.snapshot()[name];
  }
}

/** Values v0, v1, … of so many records, ten seconds apart. */
export function values(count: number, from = 0): { value: string; timestamp: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    value: `v${from + i}`,
    timestamp: (from + i) * 1000,
  }));
}

export function texts(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `v${from + i}`);
}
