import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { RecordCodecs } from "../../../../src/connectors/kafka/records/index.js";
import {
  createKafkaSink,
  type KafkaSinkOptions,
} from "../../../../src/connectors/kafka/sink/index.js";
import {
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  noRestart,
} from "../../../../src/index.js";
import { VirtualClock } from "../../../../src/mailbox/index.js";
import { Faults, faultySource } from "../../../support/faulty-source.js";
import { JobHarness } from "../../../support/job-harness.js";
import {
  type Fault,
  SimulatedKafka,
  type SimulatedRequest,
} from "../../../support/kafka/simulated-kafka.js";

// Native modules come from the disk; the harness waits for promises only.
beforeAll(() => RecordCodecs.load());

const RESTART = fixedDelayRestart({ attempts: 100_000, delay: 5 });
const PARTITIONS = 3;

/** What the nth request of a type comes to. */
interface Mishap {
  readonly type: SimulatedRequest["type"];
  readonly after: number;
  readonly times: number;
  readonly fault: Fault;
}

const BREAKS: readonly Fault[] = [{ breaks: "before" }, { breaks: "after" }];
const mishap: fc.Arbitrary<Mishap> = fc
  .oneof(
    fc.tuple(
      fc.constant("produce" as const),
      fc.constantFrom<Fault>(
        ...BREAKS,
        { hangs: "before" },
        { hangs: "after" },
        { error: "NOT_LEADER_OR_FOLLOWER" },
        { error: "NOT_ENOUGH_REPLICAS" },
        { error: "INVALID_TXN_STATE" },
      ),
    ),
    fc.tuple(
      fc.constantFrom("endTransaction" as const),
      fc.constantFrom<Fault>(...BREAKS, { error: "CONCURRENT_TRANSACTIONS" }),
    ),
    fc.tuple(
      fc.constantFrom("initProducerId" as const, "addPartitionsToTransaction" as const),
      fc.constantFrom<Fault>(...BREAKS, { error: "CONCURRENT_TRANSACTIONS" }),
    ),
    fc.tuple(
      fc.constantFrom("leaderOf" as const, "partitionCounts" as const, "refreshMetadata" as const),
      fc.constantFrom<Fault>(...BREAKS),
    ),
  )
  .chain(([type, fault]) =>
    fc.record({
      type: fc.constant(type),
      fault: fc.constant(fault),
      after: fc.integer({ min: 0, max: 30 }),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  );

interface Plan {
  readonly splits: number;
  readonly perSplit: number;
  readonly interval: number;
  readonly tick: number;
  readonly batchSize: number;
  readonly linger: number;
  readonly actions: readonly {
    readonly turns: number;
    readonly stop?: number | undefined;
    readonly move?: readonly [partition: number, broker: number | undefined] | undefined;
    readonly grow: boolean;
  }[];
  readonly mishaps: readonly Mishap[];
  readonly failures: readonly { place: string; after: number; times: number }[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  splits: fc.integer({ min: 1, max: 4 }),
  perSplit: fc.integer({ min: 1, max: 200 }),
  // Well above the tick: a timer that is always due leaves no time for the others.
  interval: fc.integer({ min: 20, max: 100 }),
  tick: fc.constantFrom(0.05, 0.5, 1),
  batchSize: fc.constantFrom(70, 100, 300, 10_000),
  linger: fc.constantFrom(0, 1, 5),
  actions: fc.array(
    fc.record({
      turns: fc.integer({ min: 1, max: 60 }),
      stop: fc.option(fc.constantFrom(1, 2, 3, 4), { nil: undefined, freq: 3 }),
      move: fc.option(
        fc.tuple(
          fc.nat(PARTITIONS - 1),
          fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
        ),
        { nil: undefined },
      ),
      grow: fc.boolean(),
    }),
    { maxLength: 10 },
  ),
  mishaps: fc.array(mishap, { maxLength: 6 }),
  failures: fc.uniqueArray(
    fc.record({
      place: fc.constantFrom("SourceReader.pollNext", "SourceReader.snapshotState"),
      after: fc.integer({ min: 0, max: 40 }),
      times: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 2, selector: ({ place }) => place },
  ),
});

function play(mishaps: readonly Mishap[]): SimulatedKafka["fault"] {
  const seen = new Map<string, number>();
  return ({ type }) => {
    const n = seen.get(type) ?? 0;
    seen.set(type, n + 1);
    return mishaps.find((one) => one.type === type && n >= one.after && n < one.after + one.times)
      ?.fault;
  };
}

function job(kafka: SimulatedKafka, given: Plan, options: Partial<KafkaSinkOptions<number>>) {
  const faults = new Faults();
  for (const { place, after, times } of given.failures) faults.at(place, times, after);
  const { splits, perSplit, batchSize, linger } = given;
  const sink = createKafkaSink<number>(
    {
      topic: "out",
      // By key only, so that a record's partition stays when partitions are added.
      partitioner: (n) => n % PARTITIONS,
      serializer: "json",
      deliveryTimeout: 3000,
      batchSize,
      linger,
      ...options,
    },
    kafka,
  );
  return (): JobDefinition =>
    defineJob("to kafka", (env) => {
      env.fromSource(faultySource({ faults, splits, perSplit, fetchSize: 5 })).sinkTo(sink);
    });
}

async function run(
  given: Plan,
  kafka: SimulatedKafka,
  options: Partial<KafkaSinkOptions<number>>,
  restarts = true,
) {
  const define = job(kafka, given, options);
  const storage = new MemoryCheckpointStorage();
  const start = async (parallelism: number, fromSavepoint?: string) => {
    const harness = await JobHarness.start(define(), {
      parallelism,
      tick: given.tick,
      restartStrategy: restarts ? RESTART : noRestart(),
      checkpoint: { interval: given.interval, storage, tolerableFailures: 100_000 },
      ...(fromSavepoint === undefined ? {} : { fromSavepoint }),
    });
    // Many requests in a row, each a few promises, at the start of a writer: more than the harness waits for.
    for (let i = 0; i < 20; i++) {
      await harness.step(1);
      for (let j = 0; j < 200; j++) await Promise.resolve();
    }
    return harness;
  };
  let harness = await start(2);
  for (const { turns, stop, move, grow } of given.actions) {
    await harness.step(turns);
    harness.advanceOneTimer();
    if (move !== undefined) kafka.moveLeader("out", move[0], move[1]);
    if (grow) kafka.createPartitions("out", kafka.partitions("out").length + 1);
    if (harness.hasEnded) break;
    if (stop === undefined || harness.handle.status().state !== "RUNNING") continue;
    lead(kafka);
    const stopped = await harness
      .result(harness.handle.stop({ target: "savepoint" }))
      .catch(() => undefined);
    if (stopped === undefined) continue;
    if ((await harness.finish()).savepoint === undefined) break;
    harness = await start(stop, stopped.location);
  }
  lead(kafka);
  return (await harness.finish()).status;
}

/** Every partition has a leader again. */
function lead(kafka: SimulatedKafka): void {
  for (const { partition, leader } of kafka.partitions("out")) {
    if (leader === undefined) kafka.moveLeader("out", partition, 1);
  }
}

function expected(given: Plan): number[][] {
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    const numbers: number[] = [];
    for (let n = partition; n < given.splits * given.perSplit; n += PARTITIONS) numbers.push(n);
    return numbers;
  });
}

/** Each partition's records, split by split; in each split in the order in which they are in the log. */
function inLog(kafka: SimulatedKafka, given: Plan): number[][] {
  return kafka
    .committedTexts("out")
    .slice(0, PARTITIONS)
    .map((texts) =>
      Array.from({ length: given.splits }, (_, split) =>
        texts.map(Number).filter((n) => Math.floor(n / given.perSplit) === split),
      ).flat(),
    );
}

const newKafka = (given: Plan): SimulatedKafka => {
  const kafka = new SimulatedKafka({ clock: new VirtualClock() }).createTopic("out", PARTITIONS);
  kafka.fault = play(given.mishaps);
  return kafka;
};

describe("a Kafka sink, whatever fails whenever,", () => {
  it("has each record in the log once and in order with delivery exactly-once, also after rescaling", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const kafka = newKafka(given);
        const delivery = "exactly-once";
        const status = await run(given, kafka, { delivery, transactionalIdPrefix: "tx" });
        expect(status.state).toBe("FINISHED");
        expect(inLog(kafka, given)).toEqual(expected(given));
        expect(kafka.transactions.ongoing).toEqual([]);
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it("has each record once and in order with delivery at-least-once where only the brokers fail", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (random) => {
        const given: Plan = {
          ...random,
          failures: [],
          mishaps: random.mishaps.filter(
            ({ fault }) => fault.hangs === undefined && fault.error !== "INVALID_TXN_STATE",
          ),
        };
        const kafka = newKafka(given);
        const status = await run(given, kafka, { deliveryTimeout: "10m" }, false);
        expect(status.state).toBe("FINISHED");
        expect(inLog(kafka, given)).toEqual(expected(given));
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
