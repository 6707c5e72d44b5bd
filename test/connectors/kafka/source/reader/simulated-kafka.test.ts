import { describe, expect, it } from "vitest";
import type { FetchRequest } from "../../../../../src/connectors/kafka/client/kafka-client.js";
import { VirtualClock } from "../../../../../src/mailbox/clock.js";
import { encoded } from "../../../../support/kafka/simulated-batches.js";
import { SimulatedKafka } from "../../../../support/kafka/simulated-kafka.js";

const clock = new VirtualClock();

function fetchOf(offset: number, isolation: FetchRequest["isolation"]): FetchRequest {
  const positions = [{ topic: "t", partition: 0, offset, maxBytes: 1e6 }];
  return { isolation, maxWait: 500, minBytes: 1, maxBytes: 1e7, positions };
}

describe("the simulated Kafka", () => {
  it("appends a repeated batch once, and refuses a gap and a fenced producer", async () => {
    const kafka = new SimulatedKafka({ clock }).createTopic("t");
    const client = await kafka.create("a");
    const send = (sequence: number, epoch: number, values: string[], transactional = false) =>
      client.produce(1, {
        acks: -1,
        timeout: 1000,
        transactionalId: transactional ? "x" : undefined,
        partitions: [
          {
            topic: "t",
            partition: 0,
            records: encoded(
              values.map((value) => ({ value })),
              {
                producerId: 7,
                producerEpoch: epoch,
                baseSequence: sequence,
                isTransactional: transactional,
              },
            ),
          },
        ],
      });
    expect(await send(0, 1, ["a", "b"])).toMatchObject([{ error: "NONE", baseOffset: 0 }]);
    expect(await send(0, 1, ["a", "b"])).toMatchObject([{ error: "NONE", baseOffset: 0 }]);
    expect(await send(3, 1, ["d"])).toMatchObject([{ error: "OUT_OF_ORDER_SEQUENCE_NUMBER" }]);
    expect(await send(2, 0, ["c"])).toMatchObject([{ error: "INVALID_PRODUCER_EPOCH" }]);
    expect(await send(2, 1, ["c"])).toMatchObject([{ error: "NONE", baseOffset: 2 }]);
    expect(kafka.committedTexts("t")).toEqual([["a", "b", "c"]]);
  });

  it("does the work of a request whose answer is lost", async () => {
    const kafka = new SimulatedKafka({ clock }).createTopic("t");
    const client = await kafka.create("a");
    const identity = await client.initProducerId("x", 1000);
    const producer = { transactionalId: "x", ...identity };
    await client.addPartitionsToTransaction(producer, [{ topic: "t", partition: 0 }]);
    const records = encoded([{ value: "a" }], {
      ...identity,
      baseSequence: 0,
      isTransactional: true,
    });
    const request = { acks: -1, timeout: 9, transactionalId: "x" } as const;
    const partitions = [{ topic: "t", partition: 0, records }];
    await client.produce(1, { ...request, partitions });
    expect(kafka.committedTexts("t")).toEqual([[]]);
    kafka.fault = () => ({ breaks: "after" });
    await expect(client.endTransaction(producer, true)).rejects.toThrow("connection broke");
    kafka.fault = () => undefined;
    expect(kafka.committedTexts("t")).toEqual([["a"]]);
    expect(await client.endTransaction(producer, true)).toBe("NONE");
    expect(await client.endTransaction(producer, false)).toBe("INVALID_TXN_STATE");
    await client.initProducerId("x", 1000);
    expect(await client.endTransaction(producer, true)).toBe("INVALID_PRODUCER_EPOCH");
    kafka.transactions.expire("x");
    expect(await client.endTransaction(producer, true)).toBe("INVALID_PRODUCER_ID_MAPPING");
  });

  it("aborts what an earlier producer of the id has left open, and what takes too long", async () => {
    const kafka = new SimulatedKafka({ clock }).createTopic("t");
    const client = await kafka.create("a");
    for (const [end, value] of [
      ["init", "a"],
      ["timeout", "b"],
    ] as const) {
      const identity = await client.initProducerId("x", 1000);
      await client.addPartitionsToTransaction({ transactionalId: "x", ...identity }, [
        { topic: "t", partition: 0 },
      ]);
      const records = encoded([{ value }], { ...identity, baseSequence: 0, isTransactional: true });
      const partitions = [{ topic: "t", partition: 0, records }];
      const request = { acks: -1, timeout: 9, transactionalId: "x", partitions } as const;
      expect(await client.produce(1, request)).toMatchObject([{ error: "NONE" }]);
      if (end === "init") await client.initProducerId("x", 1000);
      else clock.advance(1000);
      expect(kafka.transactions.ongoing).toEqual([]);
      expect(await client.produce(1, request)).toMatchObject([{ error: "INVALID_PRODUCER_EPOCH" }]);
    }
    expect(kafka.committedTexts("t")).toEqual([[]]);
    const [{ abortedTransactions } = { abortedTransactions: [] }] = await client.fetch(
      1,
      fetchOf(0, "read_committed"),
    );
    expect(abortedTransactions).toHaveLength(2);
  });

  it("waits for records as long as the fetch allows, and answers with an error at once", async () => {
    const kafka = new SimulatedKafka({ clock }).createTopic("t");
    const client = await kafka.create("a");
    let answers = 0;
    const fetching = client.fetch(1, fetchOf(0, "read_committed")).then((answer) => {
      answers++;
      return answer;
    });
    await Promise.resolve();
    await Promise.resolve();
    clock.advance(499);
    await Promise.resolve();
    await Promise.resolve();
    expect(answers).toBe(0);
    kafka.append("t", 0, ["a"]);
    expect((await fetching)[0]?.records?.length).toBeGreaterThan(60);
    expect(await client.fetch(1, fetchOf(5, "read_committed"))).toMatchObject([
      { error: "OFFSET_OUT_OF_RANGE" },
    ]);
    expect(await client.fetch(2, fetchOf(0, "read_committed"))).toMatchObject([
      { error: "NOT_LEADER_OR_FOLLOWER" },
    ]);
  });

  it("leaves gaps where it compacts, and keeps offsets and timestamps", () => {
    const kafka = new SimulatedKafka({ clock }).createTopic("t");
    kafka.append("t", 0, [
      { value: "a", timestamp: 5 },
      { value: "b", timestamp: 6 },
      { value: "c", timestamp: 900 },
    ]);
    kafka.append("t", 0, ["d"]);
    const log = kafka.partition("t", 0);
    log.compact((offset) => offset === 2);
    expect(kafka.committed("t", 0)).toMatchObject([{ offset: 2, timestamp: 900 }]);
    expect(log.endOffset).toBe(4);
    log.compact((offset) => offset === 2);
    expect(kafka.committed("t", 0)).toMatchObject([{ offset: 2, timestamp: 900 }]);
  });
});
