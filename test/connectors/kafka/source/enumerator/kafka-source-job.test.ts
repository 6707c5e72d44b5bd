import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { RecordCodecs } from "../../../../../src/connectors/kafka/records/index.js";
import { kafkaJson } from "../../../../../src/connectors/kafka/source/deserialization.js";
import { kafkaSource } from "../../../../../src/connectors/kafka/source/kafka-source.js";
import type { KafkaSourceSettings } from "../../../../../src/connectors/kafka/source/kafka-source-options.js";
import { fixedDelayRestart, MemoryCheckpointStorage } from "../../../../../src/index.js";
import type { Clock } from "../../../../../src/mailbox/index.js";
import { CountingResult, countingJob, countsOf } from "../../../../support/counting-job.js";
import { withFaultyEnumerator } from "../../../../support/faulty-enumerator.js";
import { Faults } from "../../../../support/faulty-source.js";
import { JobHarness } from "../../../../support/job-harness.js";
import { SimulatedKafka } from "../../../../support/kafka/simulated-kafka.js";

type Action =
  | { readonly type: "step"; readonly turns: number }
  | { readonly type: "time" }
  | { readonly type: "checkpoint" }
  | { readonly type: "stop"; readonly parallelism: number }
  | { readonly type: "append"; readonly partition: number; readonly records: number }
  | { readonly type: "partition" }
  | { readonly type: "topic" };

interface Plan {
  readonly partitions: number;
  readonly records: number;
  readonly parallelism: number;
  readonly interval: number;
  readonly actions: readonly Action[];
  readonly failures: readonly { readonly place: string; readonly after: number }[];
  /** Which requests of enumerators fail, by their number. */
  readonly refused: readonly number[];
}

const type = <K extends string>(name: K) => fc.constant(name);

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: type("step"), turns: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: type("time") }) },
  { weight: 3, arbitrary: fc.record({ type: type("checkpoint") }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: type("stop"), parallelism: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: type("append"),
      partition: fc.nat(20),
      records: fc.integer({ min: 1, max: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: type("partition") }) },
  { weight: 1, arbitrary: fc.record({ type: type("topic") }) },
);

const PLACES = [
  "operator",
  "Enumerator.start",
  "Enumerator.addReader",
  "Enumerator.addSplitsBack",
  "Enumerator.snapshotState",
  "Enumerator.notifyCheckpointComplete",
];

const plan: fc.Arbitrary<Plan> = fc.record({
  partitions: fc.integer({ min: 1, max: 6 }),
  records: fc.integer({ min: 1, max: 30 }),
  parallelism: fc.integer({ min: 1, max: 4 }),
  interval: fc.integer({ min: 5, max: 200 }),
  actions: fc.array(action, { maxLength: 40 }),
  failures: fc.uniqueArray(
    fc.record({ place: fc.constantFrom(...PLACES), after: fc.nat({ max: 30 }) }),
    { maxLength: 4, selector: ({ place }) => place },
  ),
  refused: fc.array(fc.nat({ max: 40 }), { maxLength: 4 }),
});

/** A cluster whose records are numbers, each once, and the jobs that read it one after another. */
class KafkaJob {
  readonly result = new CountingResult();
  readonly numbers: number[] = [];
  readonly kafka: SimulatedKafka;
  readonly faults = new Faults();
  readonly #storage = new MemoryCheckpointStorage();
  readonly #settings: Partial<KafkaSourceSettings<number>>;
  #clock: Clock | undefined;

  constructor(settings: Partial<KafkaSourceSettings<number>>) {
    this.#settings = settings;
    // A cluster lives longer than a job, and lives in the time of the one that runs.
    const now = (): Clock => {
      if (this.#clock === undefined) throw new Error("no job runs");
      return this.#clock;
    };
    const clock: Clock = {
      now: () => now().now(),
      relativeTime: () => now().relativeTime(),
      schedule: (delay, callback) => now().schedule(delay, callback),
    };
    this.kafka = new SimulatedKafka({ clock });
  }

  append(topic: string, partition: number, records: number): void {
    const values = Array.from({ length: records }, (_, i) => this.numbers.length + i);
    this.numbers.push(...values);
    this.kafka.append(topic, partition, values.map(String));
  }

  async start(parallelism: number, interval: number, fromSavepoint?: string): Promise<JobHarness> {
    this.result.forget();
    const source = kafkaSource<number>({
      clients: this.kafka,
      pattern: /^t/,
      deserializer: kafkaJson<number>(),
      discoveryInterval: 50,
      maxWait: 20,
      ...this.#settings,
    });
    const job = countingJob([withFaultyEnumerator(source, this.faults)], this.result, this.faults);
    const harness = await JobHarness.start(job, {
      parallelism,
      autoWatermarkInterval: 10,
      restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 5 }),
      checkpoint: { storage: this.#storage, tolerableFailures: 1000, interval },
      ...(fromSavepoint === undefined ? {} : { fromSavepoint }),
    });
    this.#clock = harness.system.clock;
    return harness;
  }

  /** Stops the job with a savepoint; undefined when it could not be taken, and the job goes on. */
  async stop(harness: JobHarness, drain: boolean): Promise<string | undefined> {
    const { restarts } = harness.handle.status();
    const stopping = harness.handle.stop({ drain }).catch(() => undefined);
    const savepoint = await harness.result(stopping);
    if (savepoint === undefined) return undefined;
    // What fails behind the savepoint starts the job again from it, and this one never ends by itself.
    const isBack = (): boolean => harness.handle.status().restarts > restarts;
    await harness.until(() => harness.hasEnded || isBack(), "the end or another attempt");
    if (!harness.hasEnded) return undefined;
    return (await harness.finish()).savepoint === undefined ? undefined : savepoint.location;
  }
}

async function play(given: Plan): Promise<KafkaJob> {
  const job = new KafkaJob({});
  const { kafka } = job;
  kafka.createTopic("t0", given.partitions);
  for (let i = 0; i < given.partitions; i++) job.append("t0", i, given.records);
  for (const { place, after } of given.failures) job.faults.at(place, 1, after);
  const refused = new Set(given.refused);
  let asked = 0;
  kafka.fault = ({ client }) =>
    client.startsWith("enumerator") && refused.has(asked++) ? { breaks: "before" } : undefined;
  let topics = 1;
  let harness = await job.start(given.parallelism, given.interval);
  for (const next of given.actions) {
    switch (next.type) {
      case "step":
        await harness.step(next.turns);
        break;
      case "time":
        harness.advanceOneTimer();
        break;
      case "checkpoint":
        harness.handle.checkpoint().catch(() => {});
        break;
      case "append": {
        const all = kafka.topics.flatMap((topic) => kafka.partitions(topic));
        const { topic, partition } = all[next.partition % all.length] as (typeof all)[number];
        job.append(topic, partition, next.records);
        break;
      }
      case "partition": {
        const partition = kafka.partitions("t0").length;
        kafka.createPartitions("t0", partition + 1);
        job.append("t0", partition, 3);
        break;
      }
      case "topic":
        kafka.createTopic(`t${topics}`, 2);
        job.append(`t${topics++}`, 1, 5);
        break;
      case "stop": {
        const savepoint = await job.stop(harness, false);
        if (savepoint !== undefined) {
          harness = await job.start(next.parallelism, given.interval, savepoint);
        }
        break;
      }
    }
  }
  await harness.until(() => job.result.seen.size === job.numbers.length, "all records");
  // A job that restarts refuses to stop, until its pause is over.
  while ((await job.stop(harness, true)) === undefined) await harness.advance(10);
  return job;
}

// An import takes turns of the event loop, for which virtual time does not wait.
beforeAll(async () => {
  const codecs = await RecordCodecs.load();
  vi.spyOn(RecordCodecs, "load").mockImplementation(async () => codecs);
});
afterAll(() => {
  vi.restoreAllMocks();
});

describe("a Kafka source in a job", () => {
  it("reads each record once, whatever fails, however it is rescaled, and what is created meanwhile", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const job = await play(given);
        expect(job.result.counts()).toEqual(countsOf(job.numbers));
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it.each([1, 3, 5])("that is bounded ends at parallelism %i, where it was to stop", async (n) => {
    const job = new KafkaJob({ stopAt: "latest", discoveryInterval: 0 });
    job.kafka.createTopic("t0", 3).createTopic("other", 1);
    for (let partition = 0; partition < 2; partition++) job.append("t0", partition, 10);
    job.kafka.append("other", 0, ["-1"]);
    const harness = await job.start(n, 10);
    await harness.until(() => job.result.seen.size > 0);
    job.kafka.append("t0", 0, ["-1"]);
    await harness.finish();
    expect(job.result.counts()).toEqual(countsOf(job.numbers));
  });

  it("that is bounded ends also when it is restored with everything assigned", async () => {
    const job = new KafkaJob({ stopAt: "latest", discoveryInterval: 0 });
    job.kafka.createTopic("t0", 4);
    for (let partition = 0; partition < 4; partition++) job.append("t0", partition, 500);
    const first = await job.start(2, 10);
    await first.until(() => job.result.seen.size > 0);
    const savepoint = await job.stop(first, false);
    expect(savepoint).toBeDefined();
    await (await job.start(3, 10, savepoint)).finish();
    expect(job.result.counts()).toEqual(countsOf(job.numbers));
  });

  it("fails clearly when its topic does not exist", async () => {
    const job = new KafkaJob({});
    const source = kafkaSource<number>({
      clients: job.kafka,
      topics: "nowhere",
      deserializer: kafkaJson<number>(),
    });
    const harness = await JobHarness.start(countingJob([source], job.result, job.faults), {});
    const error = await harness.failure();
    expect(JSON.stringify([error.message, String(error.cause)])).toContain(
      "topic nowhere does not exist on these brokers",
    );
  });
});
