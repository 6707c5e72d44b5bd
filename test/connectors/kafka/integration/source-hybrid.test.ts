import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { kafkaSource, kafkaString } from "../../../../src/connectors/kafka/index.js";
import { fixedDelayRestart, hybridSource, map, textSource } from "../../../../src/index.js";
import { SeededRandom } from "../../../../src/mailbox/index.js";
import { Ledger } from "../../../files/ledger.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { readAll, SourceJob } from "./source-jobs.js";
import { Admin, clientOf, numbers, write } from "./source-topics.js";

const kafka = useSharedKafka();

/** 0 to 999 lie in files; the topic has 800 to 1499, with the number as the second of its timestamp. */
const IN_FILES = 1000;
const FIRST = 800;
const LAST = 1500;
const T0 = Date.now() - LAST * 1000;

async function makeTopic(partitions: number): Promise<string> {
  const topic = await new Admin(kafka().bootstrap).createTopic({ partitions });
  const client = await clientOf(kafka().bootstrap);
  const all = numbers(FIRST, LAST).map((value) => ({
    value,
    timestamp: T0 + 1000 * Number(value),
  }));
  for (let at = 0; at < all.length; at += 70) {
    const partition = (at / 70) % partitions;
    await write(client, { topic, partition }, all.slice(at, at + 70));
  }
  return topic;
}

function makeFiles(): { readonly folder: string; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "headwater-kafka-hybrid-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "in"));
  for (let file = 0; file < 4; file++) {
    const lines = numbers(250 * file, 250 * (file + 1));
    writeFileSync(join(folder, "in", `${file}.txt`), `${lines.join("\n")}\n`);
  }
  return { folder, path: join(folder, "in", "*.txt") };
}

const live = (topic: string, startFrom: object, more: object = {}) =>
  kafkaSource<string>({
    brokers: kafka().bootstrap,
    topics: topic,
    deserializer: kafkaString(),
    startFrom,
    maxWait: 100,
    ...more,
  } as never);

it("goes on in Kafka at the very offset behind the files", async () => {
  const topic = await makeTopic(1);
  const { path } = makeFiles();
  const startFrom = { offsets: [{ topic, partition: 0, offset: IN_FILES - FIRST }] };
  const source = hybridSource<string>({
    sources: [textSource({ path }), live(topic, startFrom, { stopAt: "latest" })],
  });
  const records = await readAll(source, { parallelism: 2 });
  expect(records.slice(IN_FILES)).toEqual(numbers(IN_FILES, LAST));
  expect(records.map(Number).sort((a, b) => a - b)).toEqual(numbers(0, LAST).map(Number));
});

it("has each record once in its state over failures and a savepoint on either side of the switch", async () => {
  const seed = Number(process.env.HEADWATER_SEED ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const topic = await makeTopic(3);
  const { folder, path } = makeFiles();
  // Where Kafka starts is said when the files are read: the time of the last number in them.
  let asked = 0;
  const source = () =>
    hybridSource<string>({
      sources: [
        textSource({ path }),
        {
          boundedness: "CONTINUOUS_UNBOUNDED",
          position: () => {
            asked++;
            return { timestamp: T0 + 1000 * IN_FILES };
          },
          create: ({ previousPosition }) =>
            live(topic, previousPosition, { maxPartitionBytes: 400 }),
        },
      ],
    });
  const checkpoint = { directory: join(folder, "checkpoints"), interval: 10 };
  let location: string | undefined;
  let restarts = 0;
  for (const [parallelism, goal] of [
    [2, 300],
    [3, IN_FILES + 100],
    [1, LAST],
  ] as const) {
    const ledger = new Ledger();
    const failing = map((value: string) => {
      if (random.next() < 0.004) throw new Error("now and then");
      return Number(value);
    });
    const job = await SourceJob.start<unknown, never, never>(source() as never, {
      parallelism,
      checkpoint,
      through: [failing, ledger.keeping()] as never,
      restartStrategy: fixedDelayRestart({ attempts: 10_000, delay: 5 }),
      ...(location === undefined ? {} : { fromSavepoint: location }),
    });
    await job.until(() => ledger.numbers.length >= goal, `${goal} numbers`);
    for (location = undefined; location === undefined; ) {
      location = await job.handle.stop().then(
        (savepoint) => savepoint.location,
        () => undefined,
      );
    }
    await job.finish();
    restarts += job.handle.status().restarts;
    expect(new Set(ledger.numbers).size).toBe(ledger.numbers.length);
    if (goal === LAST) expect(ledger.numbers).toEqual(numbers(0, LAST).map(Number));
  }
  expect(asked).toBeGreaterThan(0);
  expect(restarts).toBeGreaterThan(0);
});
