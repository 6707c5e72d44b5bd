import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EARLIEST_OFFSET } from "../../../../../src/connectors/kafka/source/kafka-split.js";
import { VirtualClock } from "../../../../../src/mailbox/clock.js";
import { type Fault, SimulatedKafka } from "../../../../support/kafka/simulated-kafka.js";
import { KafkaReading } from "./kafka-reading.js";

const PARTITIONS = 3;

/** What is done to a partition's log. */
const logStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("append"),
      count: fc.integer({ min: 1, max: 40 }),
      codec: fc.constantFrom("none", "gzip", "lz4"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("begin"),
      producer: fc.nat(2),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("end"), producer: fc.nat(2), commit: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("compact"),
      every: fc.integer({ min: 1, max: 7 }),
      drop: fc.boolean(),
    }),
  },
);

/** What happens while it is read. */
const happening = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("polls"),
      count: fc.integer({ min: 1, max: 12 }),
      budget: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("time"), ms: fc.integer({ min: 1, max: 700 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("log"),
      partition: fc.nat(PARTITIONS - 1),
      step: logStep,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("move"),
      partition: fc.nat(PARTITIONS - 1),
      to: fc.constantFrom(undefined, 1, 2, 3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("pause"),
      partition: fc.nat(PARTITIONS - 1),
      paused: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("restore"), extra: fc.nat(1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("broker"),
      broker: fc.integer({ min: 1, max: 3 }),
      isDown: fc.boolean(),
    }),
  },
);

const fault: fc.Arbitrary<Fault | undefined> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.record({ before: fc.nat(80), after: fc.nat(80) }) },
  {
    weight: 1,
    arbitrary: fc.record({ breaks: fc.constantFrom("before" as const, "after" as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      error: fc.constantFrom(
        "NOT_LEADER_OR_FOLLOWER",
        "UNKNOWN_SERVER_ERROR",
        "OFFSET_NOT_AVAILABLE",
      ),
    }),
  },
);

type Step = typeof logStep extends fc.Arbitrary<infer T> ? T : never;

class Log {
  readonly kafka: SimulatedKafka;
  readonly #partition: number;
  readonly #open = new Set<number>();
  #next = 0;

  constructor(kafka: SimulatedKafka, partition: number) {
    this.kafka = kafka;
    this.#partition = partition;
  }

  do(step: Step): void {
    const p = this.#partition;
    if (step.type === "append" && "codec" in step) {
      this.kafka.append("t", p, this.#values(step.count), step.codec as "gzip");
    } else if (step.type === "begin" && "producer" in step && "count" in step) {
      this.#open.add(step.producer);
      const producer = { producerId: step.producer, producerEpoch: 0 };
      this.kafka.appendTransactional("t", p, producer, this.#values(step.count));
    } else if (step.type === "end" && "commit" in step) {
      this.#end(step.producer, step.commit);
    } else if (step.type === "compact" && "every" in step) {
      // Behind what may have been read: otherwise nobody can say what a reader has to see.
      const log = this.kafka.partition("t", p);
      log.compact((offset) => offset % step.every === 0, step.drop);
    }
  }

  endAll(): void {
    for (const producer of [...this.#open]) this.#end(producer, true);
  }

  #end(producerId: number, commit: boolean): void {
    if (!this.#open.delete(producerId)) return;
    this.kafka.endTransaction("t", this.#partition, { producerId, producerEpoch: 0 }, commit);
  }

  #values(count: number): string[] {
    return Array.from({ length: count }, () => `p${this.#partition}-${this.#next++}`);
  }
}

describe("a Kafka source reader on any log, whatever happens", () => {
  it("gives each committed record once and in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(PARTITIONS - 1), logStep), { maxLength: 25 }),
        fc.array(happening, { maxLength: 40 }),
        fc.array(fault, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(150, 600, 1_000_000),
        fc.boolean(),
        fc.constantFrom(1, 1500, 1_000_000),
        async (before, happenings, faults, maxPartitionBytes, bounded, maxBufferedBytes) => {
          const clock = new VirtualClock();
          const kafka = new SimulatedKafka({ clock, latency: 2 }).createTopic("t", PARTITIONS);
          const logs = Array.from({ length: PARTITIONS }, (_, p) => new Log(kafka, p));
          for (const [p, step] of before) logs[p]?.do(step);
          kafka.fault = ({ number }) => faults[number % faults.length];
          const options = { maxPartitionBytes, maxBytes: 4 * maxPartitionBytes };
          const stops = logs.map((_, p) =>
            bounded ? kafka.partition("t", p).endOffset : undefined,
          );
          const seen: string[][] = logs.map(() => []);
          let reading = new KafkaReading(options, kafka, clock, maxBufferedBytes);
          for (let p = 0; p < PARTITIONS; p++) reading.add("t", p, EARLIEST_OFFSET, stops[p]);
          const keep = (): void => {
            for (let p = 0; p < PARTITIONS; p++) seen[p]?.push(...reading.output.of(`t-${p}`));
          };
          for (const one of happenings) {
            if (one.type === "polls" && "budget" in one) {
              reading.budget = one.budget;
              for (let i = 0; i < one.count; i++) await reading.step();
            } else if (one.type === "time" && "ms" in one) {
              clock.advance(one.ms);
            } else if (one.type === "log" && "step" in one) {
              if (one.step.type !== "compact") logs[one.partition]?.do(one.step);
            } else if (one.type === "move" && "to" in one) {
              kafka.moveLeader("t", one.partition, one.to);
            } else if (one.type === "pause" && "paused" in one) {
              const splits = [`t-${one.partition}`];
              reading.reader.pauseOrResumeSplits(
                one.paused ? splits : [],
                one.paused ? [] : splits,
              );
            } else if (one.type === "broker" && "isDown" in one) {
              if (one.isDown) kafka.stoppedBrokers.add(one.broker);
              else kafka.stoppedBrokers.delete(one.broker);
            } else if (one.type === "restore") {
              const splits = reading.reader.snapshotState(1);
              keep();
              expect(await reading.close()).toBe("closed");
              reading = new KafkaReading(options, kafka, clock, maxBufferedBytes);
              reading.reader.addSplits(splits);
            }
          }
          for (const log of logs) log.endAll();
          kafka.fault = () => undefined;
          kafka.stoppedBrokers.clear();
          for (let p = 0; p < PARTITIONS; p++) kafka.moveLeader("t", p, 1 + p);
          reading.reader.pauseOrResumeSplits([], ["t-0", "t-1", "t-2"]);
          reading.budget = 1000;
          await reading.run(undefined, 5000);
          keep();
          for (let p = 0; p < PARTITIONS; p++) {
            const wanted = kafka
              .committed("t", p)
              .filter(({ offset }) => offset < (stops[p] ?? Number.POSITIVE_INFINITY));
            expect(seen[p]).toEqual(wanted.map(({ value }) => String(value)));
            if (stops[p] === undefined) {
              expect(reading.offsets()[`t-${p}`]).toBe(kafka.partition("t", p).endOffset);
            }
          }
          if (bounded) expect(reading.reader.numberOfCurrentlyAssignedSplits).toBe(0);
          expect(await reading.close()).toBe("closed");
          for (const client of kafka.clients) expect(client.requestsUnderWay).toBe(0);
        },
      ),
      { numRuns: Number(process.env.KAFKA_RUNS ?? 60) },
    );
  });
});
