import { describe, expect, it } from "vitest";
import {
  COMPRESSION_TYPES,
  type KafkaSinkOptions,
  kafkaSink,
} from "../../../../src/connectors/kafka/index.js";
import {
  defineJob,
  explain,
  type JobResult,
  noRestart,
  noWatermarks,
  numberSequenceSource,
} from "../../../../src/index.js";
import { freePort } from "../../../support/free-port.js";
import { SASL_USER } from "../../../support/kafka/kafka-broker.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { consoleConsumer, newName, newTopic, readTopic, untilStable } from "./kafka-topics.js";

const kafka = useSharedKafka();

/** Runs a job that writes the numbers 0 to `count` - 1. */
async function write(
  count: number,
  options: Partial<KafkaSinkOptions<number>> & { readonly topic: string },
): Promise<JobResult> {
  const job = defineJob("numbers", (env) => {
    env.fromSource(numberSequenceSource({ from: 0, to: count - 1 }), noWatermarks<number>()).sinkTo(
      kafkaSink<number>({
        brokers: kafka().bootstrap,
        serializer: "json",
        ...options,
      } as KafkaSinkOptions<number>),
    );
  });
  const handle = await job.run({ restartStrategy: noRestart(), checkpoint: { interval: 50 } });
  const result = await handle.done;
  await untilStable(kafka().bootstrap, options.topic as string);
  return result;
}

async function failureOf(
  options: Partial<KafkaSinkOptions<number>> & { readonly topic: string },
): Promise<string> {
  const error: unknown = await write(10, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  return explain(error as Error);
}

const EXACTLY_ONCE = { delivery: "exactly-once" } as const;

describe("records of a Kafka sink", () => {
  it("lie in the partitions that Kafka's own producer chooses for their keys", async () => {
    const partitions = 7;
    const [ours, theirs] = await Promise.all([
      newTopic(kafka().bootstrap, { partitions }),
      newTopic(kafka().bootstrap, { partitions }),
    ]);
    await Promise.all([
      write(2000, { topic: ours, serializer: { key: String, value: "json" } }),
      kafka().runTool("org.apache.kafka.tools.VerifiableProducer", [
        ...["--bootstrap-server", kafka().bootstrap, "--topic", theirs],
        ...["--max-messages", "2000", "--repeating-keys", "2000"],
      ]),
    ]);
    const placesOf = async (topic: string) =>
      new Map((await readTopic(kafka().bootstrap, topic)).map((r) => [r.key, r.partition]));
    const places = await placesOf(theirs);
    expect(places.size).toBe(2000);
    expect(await placesOf(ours)).toEqual(places);
  });

  it("are read by Kafka's console consumer with every codec, with keys, headers and timestamps", async () => {
    const topic = await newTopic(kafka().bootstrap);
    const expected: string[] = [];
    for (const compression of COMPRESSION_TYPES) {
      await write(200, {
        topic,
        compression,
        ...EXACTLY_ONCE,
        transactionalIdPrefix: newName("codec"),
        serializer: {
          key: (n) => (n % 3 === 0 ? null : `k${n}`),
          value: (n) => (n === 7 ? null : `${compression} ${n} ${"x".repeat(n)}`),
          headers: (n) => [{ key: "h", value: String(n) }],
          timestamp: (n) => 1_700_000_000_000 + n,
        },
      });
      for (let n = 0; n < 200; n++) {
        const key = n % 3 === 0 ? "null" : `k${n}`;
        const value = n === 7 ? "null" : `${compression} ${n} ${"x".repeat(n)}`;
        expected.push([`CreateTime:${1_700_000_000_000 + n}`, `h:${n}`, key, value].join("\t"));
      }
    }
    expect(
      await consoleConsumer(kafka(), topic, expected.length, "timestamp", "headers", "key"),
    ).toEqual(expected);
  });

  it("are written in parts where a batch is larger than the topic takes", async () => {
    const topic = await newTopic(kafka().bootstrap, { config: { "max.message.bytes": "2000" } });
    await write(500, { topic, ...EXACTLY_ONCE, transactionalIdPrefix: newName("parts") });
    const values = (await readTopic(kafka().bootstrap, topic)).map(({ value }) => Number(value));
    expect(values).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });
});

describe("a Kafka sink that cannot write says what to do", () => {
  it("about a record that is larger than the broker takes", async () => {
    const topic = await newTopic(kafka().bootstrap, { config: { "max.message.bytes": "2000" } });
    const text = await failureOf({ topic, serializer: { value: () => "x".repeat(3000) } });
    expect(text).toMatch(new RegExp(`a record to ${topic}-0: its batch has \\d+ bytes`));
    expect(text).toContain("max.message.bytes");
  });

  it("about a wrong password, without showing it", async () => {
    const topic = await newTopic(kafka().bootstrap);
    const sasl = { mechanism: "scram-sha-256", ...SASL_USER, password: "wr0ng-pass" } as const;
    for (const delivery of [{}, { ...EXACTLY_ONCE, transactionalIdPrefix: newName("sasl") }]) {
      const options = { topic, brokers: kafka().saslBootstrap, sasl, ...delivery };
      const text = await failureOf(
        options as Partial<KafkaSinkOptions<number>> & { topic: string },
      );
      expect(text).toMatch(/has refused the authentication/);
      expect(text).toContain("Check the option sasl");
      expect(text).not.toContain("wr0ng-pass");
    }
  });

  it("about a transaction timeout that the broker does not allow", async () => {
    const topic = await newTopic(kafka().bootstrap);
    const text = await failureOf({
      topic,
      ...EXACTLY_ONCE,
      transactionalIdPrefix: newName("timeout"),
      transactionTimeout: "1h",
    });
    expect(text).toContain("INVALID_TRANSACTION_TIMEOUT");
    expect(text).toContain("transaction.max.timeout.ms");
  });

  it("about a transaction timeout that is over before the next checkpoint, when the job starts", async () => {
    const text = await failureOf({
      topic: "never-looked-up",
      ...EXACTLY_ONCE,
      transactionalIdPrefix: newName("interval"),
      transactionTimeout: 50,
    });
    expect(text).toContain(
      "option kafkaSink.transactionTimeout: 50 ms is no longer than the 50 ms",
    );
    expect(text).toContain("Take checkpoints more often");
  });

  it("about two sinks of a job with the same prefix, when the job starts", async () => {
    const job = (prefixes: readonly string[]) =>
      defineJob("two", (env) => {
        for (const [i, transactionalIdPrefix] of prefixes.entries()) {
          env
            .fromSource(numberSequenceSource({ from: 0, to: 9 }), noWatermarks<number>(), {
              id: `numbers-${i}`,
            })
            .sinkTo(
              kafkaSink<number>({
                brokers: kafka().bootstrap,
                topic: topics[i] ?? "",
                serializer: "json",
                ...EXACTLY_ONCE,
                transactionalIdPrefix,
              }),
            );
        }
      });
    const topics = [await newTopic(kafka().bootstrap), await newTopic(kafka().bootstrap)];
    const prefix = newName("shared");
    await expect(job([prefix, prefix]).run()).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: `option kafkaSink.transactionalIdPrefix: another sink of job two has the prefix "${prefix}" too`,
    });
    // One that begins as another does is another.
    await (await job([prefix, `${prefix}-0`]).run()).done;
    for (const topic of topics) {
      await untilStable(kafka().bootstrap, topic);
      expect(await readTopic(kafka().bootstrap, topic)).toHaveLength(10);
    }
  });

  it("about a topic that is missing", async () => {
    const topic = newName("missing");
    const text = await failureOf({ topic });
    expect(text).toContain(`found no topic "${topic}"`);
  });

  it("about brokers that cannot be reached", async () => {
    const port = await freePort();
    const text = await failureOf({
      topic: "any",
      brokers: `127.0.0.1:${port}`,
      retry: { retries: 2 },
      deliveryTimeout: "3s",
    } as Partial<KafkaSinkOptions<number>> & { topic: string });
    expect(text).toMatch(new RegExp(`127.0.0.1:${port}`));
  });
});

it("a Kafka sink writes as a user who logs in", async () => {
  const topic = await newTopic(kafka().bootstrap);
  const sasl = { mechanism: "plain", ...SASL_USER } as const;
  await write(100, {
    topic,
    brokers: kafka().saslBootstrap,
    sasl,
    ...EXACTLY_ONCE,
    transactionalIdPrefix: newName("login"),
  } as Partial<KafkaSinkOptions<number>> & { topic: string });
  expect(await readTopic(kafka().bootstrap, topic)).toHaveLength(100);
});
