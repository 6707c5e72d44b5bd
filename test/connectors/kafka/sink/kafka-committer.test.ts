import { describe, expect, it } from "vitest";
import { KafkaCommitter } from "../../../../src/connectors/kafka/sink/kafka-committer.js";
import { explain } from "../../../../src/errors/index.js";
import { VirtualClock } from "../../../../src/mailbox/index.js";
import { PendingCommit } from "../../../../src/runtime/commit-requests.js";
import { SimulatedKafka } from "../../../support/kafka/simulated-kafka.js";

const PLACE = { topic: "out", partition: 0 };

async function prepared(lostTransactions: "fail" | "accept" = "fail") {
  const kafka = new SimulatedKafka({ clock: new VirtualClock() }).createTopic("out");
  const client = await kafka.create("test");
  const transactionalId = "a-0-1";
  const identity = await client.initProducerId(transactionalId, 60_000);
  const producer = { transactionalId, ...identity };
  await client.addPartitionsToTransaction(producer, [PLACE]);
  kafka.appendTransactional("out", 0, identity, ["one"]);
  const committer = new KafkaCommitter({ owner: "kafkaSink to out", client, lostTransactions });
  const commit = async (): Promise<PendingCommit> => {
    const request = new PendingCommit(producer);
    await committer.commit([request as never]);
    return request;
  };
  return { kafka, client, producer, commit };
}

describe("the committer of a Kafka sink", () => {
  it("commits a transaction of another client, and again without harm", async () => {
    const { kafka, commit } = await prepared();
    expect((await commit()).outcome).toBe("COMMITTED");
    expect((await commit()).outcome).toBe("COMMITTED");
    expect(kafka.committedTexts("out")).toEqual([["one"]]);
  });

  it("tries later after a lost answer, and then finds it committed", async () => {
    const { kafka, commit } = await prepared();
    kafka.fault = () => ({ breaks: "after" });
    expect((await commit()).outcome).toBe("RETRY");
    kafka.fault = () => undefined;
    expect((await commit()).outcome).toBe("COMMITTED");
  });

  for (const error of [
    "CONCURRENT_TRANSACTIONS",
    "NOT_COORDINATOR",
    "COORDINATOR_LOAD_IN_PROGRESS",
  ]) {
    it(`tries later after ${error}`, async () => {
      const { kafka, commit } = await prepared();
      kafka.fault = () => ({ error });
      expect((await commit()).outcome).toBe("RETRY");
    });
  }

  it("fails when the transaction was aborted, its id taken or forgotten", async () => {
    const aborted = await prepared();
    await aborted.client.endTransaction(aborted.producer, false);
    const fenced = await prepared();
    await fenced.client.initProducerId("a-0-1", 60_000);
    const forgotten = await prepared();
    forgotten.kafka.transactions.expire("a-0-1");
    const texts: string[] = [];
    for (const { commit } of [aborted, fenced, forgotten]) {
      const request = await commit();
      expect(request.outcome).toBe("FAILED");
      texts.push(explain(request.reason));
    }
    expect(texts[0]).toMatch(/a-0-1: it was aborted \(INVALID_TXN_STATE\)/);
    expect(texts[1]).toMatch(/INVALID_PRODUCER_EPOCH/);
    expect(texts[2]).toMatch(/no longer knows its id \(INVALID_PRODUCER_ID_MAPPING\)/);
    for (const text of texts) expect(text).toContain("lostTransactions");
  });

  it('drops a lost transaction with lostTransactions "accept"', async () => {
    const { client, producer, commit } = await prepared("accept");
    await client.endTransaction(producer, false);
    expect((await commit()).outcome).toBe("DROPPED");
  });

  it("keeps the transaction and fails when it is not allowed to commit", async () => {
    const { kafka, commit } = await prepared();
    kafka.fault = () => ({ error: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" });
    await expect(commit()).rejects.toThrow(/could not commit transaction a-0-1/);
  });
});
