import { beforeAll, describe, expect, it } from "vitest";
import type {
  ProduceRequest,
  TransactionalProducer,
} from "../../../../src/connectors/kafka/client/kafka-client.js";
import { partitionForKey, RecordCodecs } from "../../../../src/connectors/kafka/records/index.js";
import {
  createKafkaSink,
  type KafkaSinkOptions,
} from "../../../../src/connectors/kafka/sink/index.js";
import { explain } from "../../../../src/errors/index.js";
import {
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  noRestart,
  numberSequenceSource,
} from "../../../../src/index.js";
import { VirtualClock } from "../../../../src/mailbox/index.js";
import { Faults, faultySource } from "../../../support/faulty-source.js";
import { JobHarness } from "../../../support/job-harness.js";
import { SimulatedKafka } from "../../../support/kafka/simulated-kafka.js";

// Native modules come from the disk; the harness waits for promises only.
beforeAll(() => RecordCodecs.load());

function job(
  kafka: SimulatedKafka,
  options: Partial<KafkaSinkOptions<number>> = {},
  perSplit = 100,
): JobDefinition {
  return defineJob("to kafka", (env) => {
    env
      .fromSource(faultySource({ faults: new Faults(), splits: 2, perSplit, fetchSize: 5 }))
      .sinkTo(
        createKafkaSink<number>(
          { topic: "out", serializer: { key: (n) => String(n % 7), value: "json" }, ...options },
          kafka,
        ),
      );
  });
}

const newKafka = (): SimulatedKafka =>
  new SimulatedKafka({ clock: new VirtualClock() }).createTopic("out", 4);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const written = (kafka: SimulatedKafka, topic = "out"): number[] =>
  kafka
    .committedTexts(topic)
    .flat()
    .map(Number)
    .sort((a, b) => a - b);

describe("a Kafka sink", () => {
  for (const delivery of ["none", "at-least-once", "exactly-once"] as const) {
    it(`writes every record once where nothing fails, with delivery ${delivery}`, async () => {
      const kafka = newKafka();
      const options =
        delivery === "exactly-once" ? { delivery, transactionalIdPrefix: "a" } : { delivery };
      await JobHarness.run(job(kafka, options), { restartStrategy: noRestart() });
      expect(written(kafka)).toEqual(numbers(200));
      expect(kafka.clients.every(({ closed }) => closed)).toBe(true);
    });
  }

  it("puts records with the same key where Kafka's producers do", async () => {
    const kafka = newKafka();
    await JobHarness.run(job(kafka));
    for (const { partition } of kafka.partitions("out")) {
      for (const { key } of kafka.committed("out", partition)) {
        expect(partitionForKey(key as Buffer, 4)).toBe(partition);
      }
    }
  });

  it("writes to subtask modulo partitions with partitioner fixed", async () => {
    const kafka = newKafka();
    await JobHarness.run(job(kafka, { partitioner: "fixed" }), { parallelism: 2 });
    const counts = kafka.committedTexts("out").map(({ length }) => length);
    expect(counts.slice(2)).toEqual([0, 0]);
    expect(counts.reduce((sum, one) => sum + one)).toBe(200);
  });

  it("writes keys, headers and timestamps, to the topic that each record goes to", async () => {
    const kafka = newKafka().createTopic("odd", 1);
    const options = {
      topic: (n: number) => (n % 2 === 1 ? "odd" : "out"),
      serializer: {
        key: (n: number) => (n % 3 === 0 ? null : String(n)),
        value: (n: number) => (n === 5 ? undefined : Buffer.from([n])),
        headers: (n: number) => [{ key: "n", value: String(n) }],
        timestamp: (n: number) => 1000 + n,
      },
    };
    await JobHarness.run(job(kafka, options, 10));
    const odd = kafka.committed("odd", 0).sort((a, b) => a.timestamp - b.timestamp);
    expect(odd.map(({ timestamp }) => timestamp - 1000)).toEqual([1, 3, 7, 9, 11, 13, 15, 17, 19]);
    expect(odd.map(({ key }) => key?.toString())).toContain("7");
    expect(odd[0]).toMatchObject({ value: Buffer.from([1]) });
    expect(odd[0]?.headers[0]?.value?.toString()).toBe("1");
    expect(kafka.committedTexts("out").flat()).toHaveLength(10);
  });

  it("gives records that have no time that of their writing", async () => {
    const kafka = newKafka();
    let isStuck = true;
    kafka.fault = ({ type }) =>
      type === "produce" && isStuck ? { error: "NOT_ENOUGH_REPLICAS" } : undefined;
    const withoutTime = defineJob("to kafka", (env) => {
      const options = { topic: "out", serializer: "json", bufferMemory: 500 } as const;
      env
        .fromSource(numberSequenceSource({ from: 0, to: 199 }))
        .sinkTo(createKafkaSink<number>({ ...options, batchSize: 100 }, kafka));
    });
    const harness = await JobHarness.start(withoutTime, { checkpoint: { interval: "1h" } });
    await harness.advance(1000);
    isStuck = false;
    await harness.finish();
    const times = kafka
      .partitions("out")
      .flatMap(({ partition }) => kafka.committed("out", partition))
      .map(({ timestamp }) => timestamp);
    expect(times).toHaveLength(200);
    expect(Math.max(...times)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...times)).toBeLessThanOrEqual(harness.now);
  });

  it("splits a batch that is larger than its topic takes, in order and once", async () => {
    const kafka = newKafka();
    for (const { partition } of kafka.partitions("out")) {
      kafka.partition("out", partition).maxMessageBytes = 200;
    }
    const options = {
      batchSize: 5000,
      linger: 1000,
      partitioner: "fixed",
      serializer: "json",
    } as const;
    await JobHarness.run(job(kafka, options), { restartStrategy: noRestart(), parallelism: 1 });
    const all = kafka.committedTexts("out")[0]?.map(Number) ?? [];
    const [first, second] = [all.filter((n) => n < 100), all.filter((n) => n >= 100)];
    expect([...first, ...second]).toEqual(numbers(200));
    expect(kafka.partition("out", 0).batches.length).toBeGreaterThan(5);
  });

  it("names topic, partition and size of a record that the broker does not take", async () => {
    const kafka = newKafka();
    kafka.partition("out", 0).maxMessageBytes = 60;
    const harness = await JobHarness.start(job(kafka, { partitioner: () => 0 }), {
      restartStrategy: noRestart(),
    });
    const text = explain(await harness.failure());
    expect(text).toMatch(/a record to out-0: its batch has \d+ bytes.*MESSAGE_TOO_LARGE/);
    expect(text).toContain("max.message.bytes");
  });

  it("names the topic and the limit of a record that fits into no request", async () => {
    const serializer = () => "x".repeat(2000);
    const harness = await JobHarness.start(
      job(newKafka(), { maxRequestSize: 1000, serializer: { value: serializer } }),
      { restartStrategy: noRestart() },
    );
    expect(explain(await harness.failure())).toMatch(/to out-\d: a record takes 2\d\d\d bytes/);
  });

  it("says within seconds that a topic does not exist", async () => {
    const harness = await JobHarness.start(job(newKafka(), { topic: "missing" }), {
      restartStrategy: noRestart(),
    });
    expect(explain(await harness.failure())).toContain('found no topic "missing"');
    expect(harness.now).toBeLessThan(10_000);
  });

  it("counts and leaves out what cannot be written with logFailuresOnly", async () => {
    const kafka = newKafka();
    kafka.fault = ({ type, args }) =>
      type === "produce" && (args[0] as ProduceRequest).partitions[0]?.partition === 1
        ? { error: "INVALID_RECORD" }
        : undefined;
    const errors: string[] = [];
    const options = {
      partitioner: (n: number) => n % 2,
      batchSize: 1,
      maxRequestSize: 1000,
      logFailuresOnly: (error: Error) => void errors.push(error.message),
    };
    await JobHarness.run(job(kafka, { ...options, serializer: "json" }), {
      restartStrategy: noRestart(),
    });
    expect(errors[0]).toMatch(/could not write 1 records to out-1: INVALID_RECORD/);
    expect(kafka.committedTexts("out")[1]).toEqual([]);
    expect(kafka.committedTexts("out")[0]?.length).toBeGreaterThan(50);
  });

  it("holds no more than bufferMemory and a record while brokers do not answer", async () => {
    const kafka = newKafka();
    let isStuck = true;
    kafka.fault = ({ type }) =>
      type === "produce" && isStuck ? { error: "NOT_ENOUGH_REPLICAS" } : undefined;
    const harness = await JobHarness.start(job(kafka, { bufferMemory: 500, batchSize: 100 }), {
      checkpoint: { interval: "1h" },
    });
    await harness.advance(1000);
    const held = Object.entries(harness.handle.metrics()).filter(([name]) =>
      name.endsWith("bufferedBytes"),
    );
    expect(Math.max(...held.map(([, bytes]) => bytes))).toBeGreaterThan(400);
    for (const [, bytes] of held) expect(bytes).toBeLessThan(700);
    isStuck = false;
    await harness.finish();
    expect(written(kafka)).toEqual(numbers(200));
  });

  it("aborts what an earlier run with its prefix has left open, also of subtasks that are gone, and no other's", async () => {
    const kafka = newKafka();
    const open = async (transactionalId: string): Promise<void> => {
      const client = await kafka.create("earlier");
      const identity = await client.initProducerId(transactionalId, 60_000);
      const place = { topic: "out", partition: 3 };
      await client.addPartitionsToTransaction({ transactionalId, ...identity }, [place]);
      kafka.appendTransactional("out", 3, identity, ["lost"]);
    };
    for (const id of ["a-0-1", "a-0-2", "a-1-1", "a-2-1", "a-3-1", "b-0-1", "a-b-0-1"])
      await open(id);
    const options = { delivery: "exactly-once", transactionalIdPrefix: "a" } as const;
    await JobHarness.run(job(kafka, options), { parallelism: 2 });
    expect(kafka.transactions.ongoing).toEqual(["b-0-1", "a-b-0-1"]);
  });

  it("opens no transaction where nothing is written", async () => {
    const kafka = newKafka();
    const serializer = { value: () => undefined };
    const options = { delivery: "exactly-once", transactionalIdPrefix: "a", serializer } as const;
    await JobHarness.run(job(kafka, options), { checkpoint: { interval: 20 } });
    expect(kafka.count("addPartitionsToTransaction") + kafka.count("endTransaction")).toBe(0);
  });

  for (const [transactionTimeout, told] of [
    [1, "starts again when a transaction that takes no further partition may only have timed out"],
    ["15m", "fails for good when such a transaction is too young for that: another has taken over"],
  ] as const) {
    it(told, async () => {
      const kafka = newKafka();
      let added = 0;
      kafka.fault = ({ type, args }) => {
        if (type !== "addPartitionsToTransaction" || ++added !== 2) return undefined;
        kafka.transactions.timeOut((args[0] as TransactionalProducer).transactionalId);
        return undefined;
      };
      const options = {
        delivery: "exactly-once",
        transactionalIdPrefix: "a",
        transactionTimeout,
        // Each split's second half goes to another partition.
        partitioner: (n: number) => (n % 100 < 50 ? 0 : 1),
        linger: 0,
      } as const;
      const harness = await JobHarness.start(job(kafka, options), {
        parallelism: 1,
        restartStrategy: fixedDelayRestart({ attempts: 10, delay: 1 }),
      });
      if (transactionTimeout === 1) {
        expect((await harness.finish()).status.restarts).toBe(1);
        expect(written(kafka)).toEqual(numbers(200));
      } else {
        const text = explain(await harness.failure());
        expect(text).toContain("could not add partitions to transaction a-0-1: INVALID_PRODUCER_E");
        expect(harness.handle.status().restarts).toBe(0);
      }
    });
  }

  it("says what to change when the broker refuses the transaction timeout", async () => {
    const options = {
      delivery: "exactly-once",
      transactionalIdPrefix: "a",
      transactionTimeout: "1h",
    } as const;
    const harness = await JobHarness.start(job(newKafka(), options), {
      restartStrategy: noRestart(),
    });
    expect(explain(await harness.failure())).toContain("transaction.max.timeout.ms");
  });
});

describe("the options of a Kafka sink", () => {
  const wrong: readonly (readonly [Partial<KafkaSinkOptions<number>>, RegExp])[] = [
    [{ delivery: "exactly-once" }, /transactionalIdPrefix: expected a prefix of the sink's own/],
    [{ transactionalIdPrefix: "a" }, /transactionalIdPrefix: expected no prefix without/],
    [{ topic: "a b" }, /kafkaSink.topic: expected a topic's name/],
    [{ serializer: { value: "xml" as "json" } }, /kafkaSink.serializer: expected/],
    [{ compression: "brotli" as "none" }, /kafkaSink.compression/],
    [{ retries: 3 } as object, /retries: there is no such option/],
    [
      { delivery: "exactly-once", transactionalIdPrefix: "a", acks: "leader" },
      /acks: expected "all"/,
    ],
  ];
  for (const [options, message] of wrong) {
    it(`refuse ${JSON.stringify(options)}`, () => {
      expect(() =>
        createKafkaSink<number>({ topic: "out", serializer: "json", ...options }, newKafka()),
      ).toThrow(message);
    });
  }
});
