import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type KafkaSourceOptions,
  kafkaJson,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { type BadRecord, explain, fixedDelayRestart } from "../../../../src/index.js";
import { SASL_USER } from "../../../support/kafka/kafka-broker.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { causeOf, readAll, SourceJob } from "./source-jobs.js";
import { Admin, clientOf, numbers, uniqueName, write } from "./source-topics.js";

const kafka = useSharedKafka();
const admin = (): Admin => new Admin(kafka().bootstrap);

const sourceOf = (more: object) =>
  kafkaSource<string>({
    brokers: kafka().bootstrap,
    deserializer: kafkaString(),
    maxWait: 100,
    ...more,
  } as unknown as KafkaSourceOptions<string>);

async function deadAddress(): Promise<string> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

/** What the job fails of, and what people are told. */
async function quickFailure(options: object, code: string, settings: object = {}) {
  const job = await SourceJob.start(sourceOf(options), settings);
  const error = await job.failure();
  return { cause: causeOf(error, code), told: explain(error), error, job };
}

describe("the cluster", () => {
  it("is not there: the address is named, within seconds", async () => {
    const brokers = await deadAddress();
    const { cause, told } = await quickFailure({ brokers, topics: "t" }, "CONNECTION_FAILED");
    expect(cause.retry).toBe("backoff");
    expect(told).toContain(brokers);
  });

  it("is something else that listens there", async () => {
    const server = createHttpServer((_, response) => response.end());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const brokers = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { told } = await quickFailure({ brokers, topics: "t" }, "CONNECTION_FAILED");
    expect(told).toContain("HTTP");
  });

  it("comes later, and the job starts with it", async () => {
    const topic = await admin().createTopic();
    await write(await clientOf(kafka().bootstrap), { topic, partition: 0 }, ["a"]);
    let isThere = false;
    const [host, port] = kafka().bootstrap.split(":") as [string, string];
    // Connections end at once until it is there.
    const { connect } = await import("node:net");
    const proxy = createServer((socket) => {
      socket.on("error", () => {});
      if (!isThere) {
        socket.destroy();
        return;
      }
      const broker = connect(Number(port), host);
      broker.on("error", () => {});
      socket.pipe(broker).pipe(socket);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    onTestFinished(() => void proxy.close());
    const brokers = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const job = await SourceJob.start(
      sourceOf({ brokers, topics: topic, stopAt: "latest", retry: { retries: 1 } }),
      { restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 20 }) },
    );
    await job.until(() => job.handle.status().restarts > 1, "restarts");
    isThere = true;
    expect(await job.finish()).toEqual(["a"]);
  });

  it("does not know the user, and no restart is tried", async () => {
    const topic = await admin().createTopic();
    for (const mechanism of ["plain", "scram-sha-256"] as const) {
      const password = "not-the-right-one";
      const sasl = { mechanism, username: SASL_USER.username, password };
      const { error, told, job } = await quickFailure(
        { brokers: kafka().saslBootstrap, topics: topic, sasl },
        "KAFKA_AUTHENTICATION_FAILED",
        { restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 20 }) },
      );
      expect(job.handle.status().restarts).toBe(0);
      const shown = told + inspect(error, { depth: 20 }) + JSON.stringify(job.handle.status());
      expect(shown).not.toContain(password);
    }
  });

  it("is a port that wants a log-in, and there is none", async () => {
    const { told } = await quickFailure(
      { brokers: kafka().saslBootstrap, topics: "t" },
      "CONNECTION_FAILED",
    );
    expect(told).toContain(kafka().saslBootstrap);
  });
});

describe("what is subscribed to", () => {
  it("is no topic: it is named, and no restart is tried", async () => {
    const topics = "source-no-such-topic";
    const { told, job } = await quickFailure({ topics }, "KAFKA_REQUEST_FAILED", {
      restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 20 }),
    });
    expect(told).toContain(`topic ${topics} does not exist`);
    expect(job.handle.status().restarts).toBe(0);
  });

  it("is a pattern that finds nothing, when nothing is looked for later", async () => {
    const pattern = new RegExp(uniqueName("nothing"));
    for (const more of [{ stopAt: "latest" }, { discoveryInterval: 0 }]) {
      const { told } = await quickFailure({ pattern, ...more }, "KAFKA_REQUEST_FAILED");
      expect(told).toContain(String(pattern));
    }
  });
});

describe("a record that is none", () => {
  const bad = async (): Promise<object> => {
    const topic = await admin().createTopic();
    const client = await clientOf(kafka().bootstrap);
    await write(client, { topic, partition: 0 }, ["0", "1", "{", "3", '"', "5"]);
    return { topics: topic, stopAt: "latest", deserializer: kafkaJson<number>() };
  };

  it("fails the job, with its place", async () => {
    const options = (await bad()) as { readonly topics: string };
    const { cause } = await quickFailure(options, "BAD_RECORD");
    expect(cause.message).toContain(`partition ${options.topics}-0, offset 2`);
  });

  it("is left out, or handed over with its place and bytes", async () => {
    const options = (await bad()) as { readonly topics: string };
    expect(await readAll(sourceOf(options), { badRecords: "skip" })).toEqual([0, 1, 3, 5]);
    const letters: BadRecord[] = [];
    const to = (letter: BadRecord): void => {
      letters.push(letter);
    };
    const read = await readAll(sourceOf(options), { badRecords: { action: "dead-letter", to } });
    expect(read).toEqual([0, 1, 3, 5]);
    expect(
      letters.map(({ splitId, position, raw }) => [splitId, position, Buffer.from(raw).toString()]),
    ).toEqual([
      [`${options.topics}-0`, 2, "{"],
      [`${options.topics}-0`, 4, '"'],
    ]);
  });
});

it("keeps secrets out of checkpoints, status, metrics and what an inspector sees", async () => {
  const directory = mkdtempSync(join(tmpdir(), "headwater-kafka-secrets-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const topic = await admin().createTopic({ partitions: 3 });
  const client = await clientOf(kafka().bootstrap);
  await write(client, { topic, partition: 0 }, numbers(0, 10));
  const seen: string[] = [];
  const sasl = { mechanism: "scram-sha-256", ...SASL_USER };
  const options = { brokers: kafka().saslBootstrap, topics: topic, groupId: uniqueName("g"), sasl };
  const job = await SourceJob.start(sourceOf(options), {
    parallelism: 2,
    checkpoint: { directory, interval: 20 },
    inspect: (event) => {
      const { context } = (event as { snapshot?: { context?: unknown } }).snapshot ?? {};
      const { event: handled } = event as { event?: unknown };
      seen.push(inspect({ handled, context }, { depth: 8 }));
    },
  });
  await job.reach(10);
  seen.push(JSON.stringify(job.handle.status()), JSON.stringify(job.handle.metrics()));
  await job.handle.stop();
  await job.finish();
  const files = readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path).isFile());
  const bytes = files.map((path) => readFileSync(path));
  expect(bytes.some((file) => file.includes(topic))).toBe(true);
  expect(seen.length).toBeGreaterThan(10);
  for (const secret of [SASL_USER.password, Buffer.from(SASL_USER.password).toString("base64")]) {
    expect(bytes.some((file) => file.includes(secret))).toBe(false);
    expect(seen.some((text) => text.includes(secret))).toBe(false);
  }
});
