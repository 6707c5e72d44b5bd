import { describe, expect, it } from "vitest";
import {
  type KafkaSourceSettings,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { failureOf, readAll, SourceJob } from "./source-jobs.js";
import { Admin, clientOf, numbers, Transaction, uniqueName, write } from "./source-topics.js";

const kafka = useSharedKafka();
const admin = (): Admin => new Admin(kafka().bootstrap);

const T0 = Date.now() - 60_000;

/** Two partitions of ten records, written in two batches: 0 to 9 and 100 to 109, a second apart. */
async function makeTopic(): Promise<string> {
  const topic = await admin().createTopic({ partitions: 2 });
  const client = await clientOf(kafka().bootstrap);
  for (const partition of [0, 1]) {
    const values = numbers(100 * partition, 100 * partition + 10);
    const records = values.map((value, i) => ({ value, timestamp: T0 + 1000 * i }));
    await write(client, { topic, partition }, records.slice(0, 4));
    await write(client, { topic, partition }, records.slice(4));
  }
  return topic;
}

async function commit(groupId: string, topic: string, offsets: readonly (number | undefined)[]) {
  const client = await clientOf(kafka().bootstrap);
  const places = offsets.flatMap((offset, partition) =>
    offset === undefined ? [] : [{ topic, partition, offset }],
  );
  await client.commitOffsets(groupId, places);
}

type Settings = Omit<KafkaSourceSettings<string>, "deserializer">;

const sourceOf = (settings: Settings) =>
  kafkaSource<string>({
    brokers: kafka().bootstrap,
    deserializer: kafkaString(),
    maxWait: 100,
    ...settings,
  } as never);

const refused = async (settings: Settings): Promise<string> =>
  (await failureOf(sourceOf(settings), "KAFKA_REQUEST_FAILED")).message;

const sorted = (records: readonly string[]): number[] => records.map(Number).sort((a, b) => a - b);

const valuesFrom = (first: number, second: number, end1 = 10, end2 = 10): number[] => [
  ...numbers(first, end1).map(Number),
  ...numbers(100 + second, 100 + end2).map(Number),
];

describe("where a bounded source starts", () => {
  let topic: string;
  const refusal = (settings: Settings) => refused({ topics: topic, stopAt: "latest", ...settings });
  const read = async (settings: Settings): Promise<number[]> => {
    topic ??= await makeTopic();
    return sorted(await readAll(sourceOf({ topics: topic, stopAt: "latest", ...settings })));
  };

  it("at the first record by default", async () => {
    expect(await read({})).toEqual(valuesFrom(0, 0));
    expect(await read({ startFrom: "earliest" })).toEqual(valuesFrom(0, 0));
  });

  it("at the end, where there is nothing left", async () => {
    expect(await read({ startFrom: "latest" })).toEqual([]);
  });

  it("at the first record that is not older than a timestamp, also within a batch", async () => {
    expect(await read({ startFrom: { timestamp: T0 + 6000 } })).toEqual(valuesFrom(6, 6));
    expect(await read({ startFrom: { timestamp: new Date(T0 + 2500) } })).toEqual(valuesFrom(3, 3));
    expect(await read({ startFrom: { timestamp: 0 } })).toEqual(valuesFrom(0, 0));
    expect(await read({ startFrom: { timestamp: T0 + 9001 } })).toEqual([]);
  });

  it("at what the group has committed", async () => {
    const groupId = uniqueName("group");
    await read({});
    await commit(groupId, topic, [5, 10]);
    expect(await read({ groupId, startFrom: "committed" })).toEqual(valuesFrom(5, 10));
  });

  it("where a reset says in partitions of which the group has committed nothing", async () => {
    const groupId = uniqueName("group");
    await read({});
    await commit(groupId, topic, [undefined, 7]);
    const from = (reset: "earliest" | "latest") =>
      read({ groupId, startFrom: { committed: true, reset } });
    expect(await from("earliest")).toEqual(valuesFrom(0, 7));
    expect(await from("latest")).toEqual(valuesFrom(10, 7));
    expect(await refusal({ groupId, startFrom: "committed" })).toMatch(
      `partition ${topic}-0: no offset is named or committed, and reset is "none"`,
    );
  });

  it("at the named offsets, and elsewhere at the committed ones or as the reset says", async () => {
    const groupId = uniqueName("group");
    await read({});
    const offsets = [{ topic, partition: 1, offset: 3 }];
    expect(await read({ startFrom: { offsets } })).toEqual(valuesFrom(0, 3));
    expect(await read({ startFrom: { offsets, reset: "latest" } })).toEqual(valuesFrom(10, 3));
    await commit(groupId, topic, [8, 1]);
    expect(await read({ groupId, startFrom: { offsets } })).toEqual(valuesFrom(8, 3));
    expect(await refusal({ startFrom: { offsets, reset: "none" } })).toContain(`${topic}-0`);
  });

  it("at named offsets that are the end, or behind it", async () => {
    await read({});
    const at = (offset: number) => [
      { topic, partition: 0, offset },
      { topic, partition: 1, offset },
    ];
    expect(await read({ startFrom: { offsets: at(10) } })).toEqual([]);
    // Nothing is left to read: the end was before the start.
    expect(await read({ startFrom: { offsets: at(99) } })).toEqual([]);
  });
});

describe("where a bounded source ends", () => {
  let topic: string;
  const read = async (settings: Settings): Promise<number[]> => {
    topic ??= await makeTopic();
    return sorted(await readAll(sourceOf({ topics: topic, ...settings }), { parallelism: 2 }));
  };

  it("at the end as it was at the start", async () => {
    const own = await makeTopic();
    const job = await SourceJob.start(sourceOf({ topics: own, stopAt: "latest" }));
    await job.finish();
    const client = await clientOf(kafka().bootstrap);
    await write(client, { topic: own, partition: 0 }, ["10"]);
    expect(sorted(job.records)).toEqual(valuesFrom(0, 0));
  });

  it("before the first record that is not older than a timestamp", async () => {
    expect(await read({ stopAt: { timestamp: T0 + 6000 } })).toEqual(valuesFrom(0, 0, 6, 6));
    expect(await read({ stopAt: { timestamp: T0 } })).toEqual([]);
    expect(await read({ stopAt: { timestamp: Date.now() + 1e6 } })).toEqual(valuesFrom(0, 0));
  });

  it("at what the group has committed", async () => {
    const groupId = uniqueName("group");
    await read({ stopAt: "latest" });
    await commit(groupId, topic, [2, 9]);
    expect(await read({ groupId, stopAt: "committed" })).toEqual(valuesFrom(0, 0, 2, 9));
    const other = uniqueName("group");
    await commit(other, topic, [2]);
    expect(await refused({ topics: topic, groupId: other, stopAt: "committed" })).toContain(
      `${topic}-1`,
    );
    const stopAt = { committed: true, reset: "latest" } as const;
    expect(await read({ groupId: other, stopAt })).toEqual(valuesFrom(0, 0, 2, 10));
  });

  it("at the named offsets, also within a batch and at 0", async () => {
    await read({ stopAt: "latest" });
    const offsets = [
      { topic, partition: 0, offset: 7 },
      { topic, partition: 1, offset: 0 },
    ];
    expect(await read({ stopAt: { offsets } })).toEqual(valuesFrom(0, 0, 7, 0));
    const [first] = offsets as [(typeof offsets)[number]];
    const stopAt = { offsets: [first], reset: "latest" } as const;
    expect(await read({ stopAt })).toEqual(valuesFrom(0, 0, 7, 10));
    expect(await refused({ topics: topic, stopAt: { offsets: [first] } })).toContain(`${topic}-1`);
  });

  it("at named offsets that are written only later", async () => {
    const own = await makeTopic();
    const stopAt = {
      offsets: [
        { topic: own, partition: 0, offset: 12 },
        { topic: own, partition: 1, offset: 5 },
      ],
    };
    const job = await SourceJob.start(sourceOf({ topics: own, stopAt }));
    await job.reach(15);
    const client = await clientOf(kafka().bootstrap);
    await write(client, { topic: own, partition: 0 }, ["10", "11", "12"]);
    await job.finish();
    expect(sorted(job.records)).toEqual(valuesFrom(0, 0, 12, 5));
  });

  it("before a transaction that is still open, which it does not wait for", async () => {
    const own = await makeTopic();
    const client = await clientOf(kafka().bootstrap);
    const transaction = await Transaction.begin(client, { topic: own, partition: 0 });
    await transaction.write(["open"]);
    const read_committed = readAll(sourceOf({ topics: own, stopAt: "latest" }));
    expect(sorted(await read_committed)).toEqual(valuesFrom(0, 0));
    const all = await readAll(
      sourceOf({ topics: own, stopAt: "latest", isolation: "read_uncommitted" }),
    );
    expect(all).toContain("open");
    await transaction.end("abort");
  });

  it("behind a transaction that was aborted, and behind the marker of one that was committed", async () => {
    const own = await makeTopic();
    const client = await clientOf(kafka().bootstrap);
    const aborted = await Transaction.begin(client, { topic: own, partition: 0 });
    await aborted.write(["gone"]);
    await aborted.end("abort");
    const committed = await Transaction.begin(client, { topic: own, partition: 1 });
    await committed.write(["110"]);
    await committed.end("commit");
    const records = await readAll(sourceOf({ topics: own, stopAt: "latest" }));
    expect(sorted(records)).toEqual([...valuesFrom(0, 0), 110]);
  });

  it("at once in an empty topic", async () => {
    const own = await admin().createTopic({ partitions: 3 });
    expect(await readAll(sourceOf({ topics: own, stopAt: "latest" }), { parallelism: 4 })).toEqual(
      [],
    );
  });
});

describe("an unbounded source", () => {
  it("goes on from the end with what comes later", async () => {
    const topic = await makeTopic();
    const job = await SourceJob.start(sourceOf({ topics: topic, startFrom: "latest" }));
    const client = await clientOf(kafka().bootstrap);
    await job.until(() => (job.gauge(".enumerator.assignedSplits") ?? 0) === 2, "both splits");
    await write(client, { topic, partition: 1 }, ["110"]);
    await write(client, { topic, partition: 0 }, ["10"]);
    await job.reach(2);
    expect(sorted(job.records)).toEqual([10, 110]);
  });

  it("reads up to its place and does not end", async () => {
    const topic = await makeTopic();
    const job = await SourceJob.start(
      sourceOf({ topics: topic, unboundedUntil: { timestamp: T0 + 5000 }, discoveryInterval: 50 }),
    );
    await job.reach(10);
    await job.handle.checkpoint();
    expect(job.outcome).toBeUndefined();
    expect(sorted(job.records)).toEqual(valuesFrom(0, 0, 5, 5));
    // Partitions that come later end there as well: in an empty one that is its end.
    await admin().addPartitions(topic, 3);
    await job.until(() => (job.gauge(".enumerator.assignedSplits") ?? 0) === 3, "the new split");
    expect(job.outcome).toBeUndefined();
  });

  it("ends a partition at the record that its function names, and no other", async () => {
    const topic = await makeTopic();
    const job = await SourceJob.start(
      sourceOf({ topics: topic, endOfInput: (value) => value === "105" || value === "3" }),
    );
    await job.reach(8);
    const client = await clientOf(kafka().bootstrap);
    await write(client, { topic, partition: 0 }, ["10"]);
    await job.handle.checkpoint();
    expect(sorted(job.records)).toEqual(valuesFrom(0, 0, 3, 5));
  });
});
