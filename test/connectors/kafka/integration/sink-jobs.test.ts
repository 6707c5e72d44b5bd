import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type {
  KafkaClient,
  KafkaClientFactory,
} from "../../../../src/connectors/kafka/client/kafka-client.js";
import { kafkaClients } from "../../../../src/connectors/kafka/index.js";
import { fixedDelayRestart, type JobHandle, type RunOptions } from "../../../../src/index.js";
import { SeededRandom } from "../../../../src/mailbox/index.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { batch } from "../client/kafka-fixtures.js";
import { type CopyOptions, copyJob, expectAtLeastOnce, expectOnceInOrder } from "./copy-job.js";
import {
  fillTopic,
  newName,
  newTopic,
  readTopic,
  TopicReader,
  untilLed,
  withAdmin,
  withClient,
} from "./kafka-topics.js";

const PARTITIONS = 4;
const WITHIN = { timeout: 60_000, interval: 50 };

const kafka = useSharedKafka();

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-kafka-sink-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function run(job: CopyOptions, options: RunOptions & { readonly directory: string }) {
  const { directory, ...others } = options;
  return start(
    copyJob(job).run({
      restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 20 }),
      checkpoint: { interval: 30, directory, tolerableFailures: 1000 },
      ...others,
    }),
  );
}

async function start(starting: Promise<JobHandle>): Promise<JobHandle> {
  const handle = await starting;
  onTestFinished(() => handle.cancel());
  return handle;
}

/** Stops a job with a savepoint, however often it fails meanwhile; gives where that is. */
async function stop(handle: JobHandle): Promise<string> {
  let location: string | undefined;
  const isStopped = async () => {
    location = (await handle.stop().catch(() => undefined))?.location;
    return location !== undefined;
  };
  await expect.poll(isStopped, WITHIN).toBe(true);
  await handle.done;
  return location ?? "";
}

/** What a killed process has left: it ends no transaction that it has not committed. */
function withoutAborts(brokers: string): KafkaClientFactory {
  return changed(brokers, (client, producer, commit) =>
    commit ? client.endTransaction(producer, true) : Promise.resolve("NONE"),
  );
}

/** What was killed after a checkpoint and before its commits. */
function withoutCommits(brokers: string): KafkaClientFactory {
  return changed(brokers, () => Promise.reject(new Error("never")), true);
}

function changed(
  brokers: string,
  endTransaction: (
    client: KafkaClient,
    ...args: Parameters<KafkaClient["endTransaction"]>
  ) => ReturnType<KafkaClient["endTransaction"]>,
  hangs = false,
): KafkaClientFactory {
  const factory = kafkaClients({ brokers });
  return {
    async create(name) {
      const client = await factory.create(name);
      const closing: ((error: Error) => void)[] = [];
      return new Proxy(client, {
        get(target, property: keyof KafkaClient) {
          if (property === "endTransaction") {
            return (...args: Parameters<KafkaClient["endTransaction"]>) =>
              hangs
                ? new Promise((_, reject) => closing.push(reject))
                : endTransaction(target, ...args);
          }
          if (property === "close") {
            return () => {
              for (const reject of closing) reject(new Error("closed"));
              return target.close();
            };
          }
          const method: unknown = target[property];
          return typeof method === "function" ? method.bind(target) : method;
        },
      });
    },
  };
}

describe.each(["at-least-once", "exactly-once"] as const)(
  "a Kafka to Kafka job, %s",
  (delivery) => {
    const sink = () => ({
      delivery,
      ...(delivery === "exactly-once" && { transactionalIdPrefix: newName("jobs") }),
    });
    const check = delivery === "exactly-once" ? expectOnceInOrder : expectAtLeastOnce;

    it("loses nothing through failures, restarts and rescaling 2 → 4 → 1 from savepoints", async () => {
      const seed = Number(process.env.HEADWATER_SEED ?? fc.sample(fc.nat(), 1)[0]);
      const random = new SeededRandom(seed);
      const { bootstrap: brokers } = kafka();
      const input = await newTopic(brokers, { partitions: PARTITIONS });
      const output = await newTopic(brokers, { partitions: 3 });
      let left = 0;
      const onRecord = (): void => {
        if (left-- === 0) throw new Error("a failure of the test");
      };
      const job: CopyOptions = { brokers, input, output, sink: sink(), onRecord };
      const directory = newFolder();
      const reader = new TopicReader(brokers, output);
      let restarts = 0;
      let fromSavepoint: string | undefined;
      const told = (): string => `seed ${seed}, ${restarts} restarts`;
      for (const [round, parallelism] of [2, 4, 1].entries()) {
        const handle = await run(job, {
          parallelism,
          directory,
          ...(fromSavepoint !== undefined && { fromSavepoint }),
        });
        for (let part = 0; part < 3; part++) {
          left = Math.floor(random.next() * 2000);
          const from = (3 * round + part) * 500;
          await fillTopic(brokers, input, { partitions: PARTITIONS, records: 500, from });
          const wanted = PARTITIONS * (from + 250);
          await expect
            .poll(async () => check(await reader.look(), PARTITIONS, told()), WITHIN)
            .toBeGreaterThanOrEqual(wanted);
        }
        restarts += handle.status().restarts;
        fromSavepoint = await stop(handle);
      }
      const last = await run(job, {
        parallelism: 2,
        directory,
        fromSavepoint: fromSavepoint ?? "",
      });
      await expect
        .poll(async () => check(await reader.look(), PARTITIONS, told()), WITHIN)
        .toBe(PARTITIONS * 4500);
      await last.cancel();
      console.log(`${delivery}: ${told()}`);
      expect(restarts).toBeGreaterThan(0);
    });
  },
);

describe("an exactly-once Kafka sink", () => {
  const sink = { delivery: "exactly-once", transactionalIdPrefix: "" } as const;

  it("commits in a new process, with another parallelism, what the old one has prepared", async () => {
    const { bootstrap: brokers } = kafka();
    const input = await newTopic(brokers, { partitions: PARTITIONS });
    const output = await newTopic(brokers, { partitions: 3 });
    await fillTopic(brokers, input, { partitions: PARTITIONS, records: 300 });
    const settings = { ...sink, transactionalIdPrefix: newName("prepared") };
    const job = { brokers, input, output, sink: settings };
    const directory = newFolder();
    const old = await run(
      { ...job, sinkClients: withoutCommits(brokers) },
      { parallelism: 4, directory, checkpoint: { interval: 100, directory } },
    );
    await expect.poll(() => old.status().completedCheckpoints, WITHIN).toBeGreaterThan(5);
    await old.cancel();
    expect(await readTopic(brokers, output)).toEqual([]);
    const next = await run(job, { parallelism: 1, directory, resume: true });
    const reader = new TopicReader(brokers, output);
    await expect
      .poll(async () => expectOnceInOrder(await reader.look(), PARTITIONS), WITHIN)
      .toBe(PARTITIONS * 300);
    const committed = Object.entries(next.metrics()).filter(([name]) =>
      name.endsWith("committedCommittables"),
    );
    expect(committed.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(0);
    await next.cancel();
  });

  it("aborts what subtasks have left open that are gone after rescaling, and nothing of another prefix", async () => {
    const { bootstrap: brokers } = kafka();
    const input = await newTopic(brokers, { partitions: PARTITIONS });
    const output = await newTopic(brokers, { partitions: 3 });
    const foreign = await newTopic(brokers);
    const prefix = newName("gone");
    const settings = { ...sink, transactionalIdPrefix: prefix };
    const job = { brokers, input, output, sink: settings };
    const directory = newFolder();
    const first = await run(job, { parallelism: 2, directory });
    await fillTopic(brokers, input, { partitions: PARTITIONS, records: 200 });
    const reader = new TopicReader(brokers, output);
    const count = async () => expectOnceInOrder(await reader.look(), PARTITIONS);
    await expect.poll(count, WITHIN).toBe(PARTITIONS * 200);
    const fromSavepoint = await stop(first);

    // It writes with four subtasks, and is gone before its first checkpoint.
    const lost = await run(
      { ...job, sinkClients: withoutAborts(brokers) },
      { parallelism: 4, directory, fromSavepoint, checkpoint: { interval: "14min", directory } },
    );
    await fillTopic(brokers, input, { partitions: PARTITIONS, records: 200, from: 200 });
    const endOf = (topic: string, isolation: "read_committed" | "read_uncommitted") =>
      withClient(brokers, async (client) => {
        const partitions = (await client.partitionCounts([topic])).get(topic) ?? 0;
        const queries = Array.from({ length: partitions }, (_, partition) => ({
          topic,
          partition,
          at: "latest" as const,
        }));
        const answers = await client.listOffsets(queries, isolation);
        return answers.reduce((sum, { offset }) => sum + (offset ?? 0), 0);
      });
    const uncommitted = async () =>
      (await endOf(output, "read_uncommitted")) - (await endOf(output, "read_committed"));
    await expect.poll(uncommitted, WITHIN).toBeGreaterThan(3 * 200);
    await lost.cancel();
    expect(await uncommitted()).toBeGreaterThan(3 * 200);
    await withClient(brokers, async (client) => {
      const transactionalId = `${prefix}-other-0-1`;
      const identity = await client.initProducerId(transactionalId, 60_000);
      const other = { transactionalId, ...identity };
      await client.addPartitionsToTransaction(other, [{ topic: foreign, partition: 0 }]);
      const records = batch(["kept"], { ...identity, isTransactional: true });
      const partitions = [{ topic: foreign, partition: 0, records }];
      await client.produce((await client.leaderOf({ topic: foreign, partition: 0 })) ?? -1, {
        acks: -1,
        timeout: 5000,
        transactionalId,
        partitions,
      });
      const last = await run(job, { parallelism: 1, directory, fromSavepoint });
      await expect.poll(count, WITHIN).toBe(PARTITIONS * 400);
      await stop(last);
      expect(await uncommitted()).toBe(0);
      expect(await client.endTransaction(other, true)).toBe("NONE");
    });
    await expect
      .poll(async () => (await readTopic(brokers, foreign)).map(({ value }) => value), WITHIN)
      .toEqual(["kept"]);
  });

  it("starts again when its transaction has timed out, however that shows", async () => {
    const { bootstrap: brokers } = kafka();
    const input = await newTopic(brokers);
    const output = await newTopic(brokers, { partitions: 2 });
    const settings = {
      ...sink,
      transactionalIdPrefix: newName("late"),
      transactionTimeout: 1000,
      partitioner: ({ offset }: { readonly offset: number }) => offset % 2,
    };
    // No checkpoint ends the transaction.
    const handle = await start(
      copyJob({ brokers, input, output, sink: settings }).run({
        parallelism: 1,
        restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 20 }),
      }),
    );
    await fillTopic(brokers, input, { partitions: 1, records: 1 });
    // Behind the record and the marker of its abortion.
    const isAborted = () =>
      withClient(brokers, async (client) => {
        const query = { topic: output, partition: 0, at: "latest" } as const;
        const [stable] = await client.listOffsets([query], "read_committed");
        return (stable?.offset ?? 0) >= 2;
      });
    await expect.poll(isAborted, WITHIN).toBe(true);
    // The second record goes to a partition that the transaction does not know.
    await fillTopic(brokers, input, { partitions: 1, records: 1, from: 1 });
    await expect.poll(() => handle.status().restarts, WITHIN).toBeGreaterThan(0);
    expect(handle.status().lastError?.message).toContain("subtask 0");
    expect(JSON.stringify(handle.status().lastError)).toContain("could not add partitions");
    await handle.cancel();
  });

  it("writes into partitions that are added while it runs", async () => {
    const { bootstrap: brokers } = kafka();
    const input = await newTopic(brokers, { partitions: 2 });
    const output = await newTopic(brokers, { partitions: 1 });
    const directory = newFolder();
    const job: CopyOptions = {
      brokers,
      input,
      output,
      sink: {
        ...sink,
        transactionalIdPrefix: newName("added"),
        metadataMaxAge: 200,
        partitioner: "round-robin",
      },
    };
    await fillTopic(brokers, input, { partitions: 2, records: 500 });
    const handle = await run(job, { parallelism: 2, directory });
    const reader = new TopicReader(brokers, output);
    const numbers = async () => (await reader.look()).map(({ value }) => value).sort();
    await expect.poll(async () => (await numbers()).length, WITHIN).toBe(1000);
    await withAdmin(brokers, (admin) =>
      admin.createPartitions({
        topicPartitions: [input, output].map((topic) => ({ topic, count: 4 })),
      }),
    );
    // A partition that is refused would have the others filled again.
    await untilLed(brokers, input, 4);
    let next = 500;
    const inNew = async () => {
      await fillTopic(brokers, input, { partitions: 4, records: 100, from: next });
      next += 100;
      await reader.look();
      return new Set(reader.records.map(({ partition }) => partition)).size;
    };
    await expect.poll(inNew, { ...WITHIN, interval: 200 }).toBe(4);
    const expected = [0, 1, 2, 3]
      .flatMap((p) =>
        Array.from({ length: next }, (_, n) => JSON.stringify({ p, n })).slice(p < 2 ? 0 : 500),
      )
      .sort();
    await expect.poll(async () => (await numbers()).length, WITHIN).toBe(expected.length);
    expect(await numbers()).toEqual(expected);
    expect(handle.status().restarts).toBe(0);
    await handle.cancel();
  });
});
