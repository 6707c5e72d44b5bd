import { describe, expect, it } from "vitest";
import { Retries } from "../../../../src/connectors/kafka/sink/retries.js";
import { TransactionalIds } from "../../../../src/connectors/kafka/sink/transactional-ids.js";
import type { SinkWriterContext } from "../../../../src/index.js";
import { VirtualClock } from "../../../../src/mailbox/index.js";
import { SimulatedKafka } from "../../../support/kafka/simulated-kafka.js";

async function ids(
  kafka: SimulatedKafka,
  restored: readonly { readonly subtask: number; readonly nextCounter: number }[],
  unused = new Set<string>(),
) {
  const clock = new VirtualClock();
  const processingTime = {
    now: () => clock.now(),
    relativeTime: () => clock.relativeTime(),
    registerTimer: (delay: number, callback: () => void) => clock.schedule(delay, callback),
  } as SinkWriterContext["processingTime"];
  const context = { indexOfSubtask: 0, currentParallelism: 2, restoredCheckpointId: 10 };
  const transactions = new TransactionalIds({
    owner: "kafkaSink",
    client: await kafka.create("writer"),
    retries: new Retries({ owner: "kafkaSink", processingTime, firstDelay: 20, limit: 1000 }),
    prefix: "tx",
    timeout: 60_000,
    context: context as SinkWriterContext,
    restored,
    unused,
  });
  await transactions.open();
  return transactions;
}

async function withOpen(...transactionalIds: string[]): Promise<SimulatedKafka> {
  const kafka = new SimulatedKafka({ clock: new VirtualClock() }).createTopic("out");
  const client = await kafka.create("earlier");
  for (const transactionalId of transactionalIds) {
    const identity = await client.initProducerId(transactionalId, 60_000);
    const place = { topic: "out", partition: 0 };
    await client.addPartitionsToTransaction({ transactionalId, ...identity }, [place]);
  }
  return kafka;
}

describe("the transactional ids of a writer", () => {
  it("abort what no checkpoint holds, and leave what the restored one holds or others write", async () => {
    const lingering = ["tx-3-4", "tx-3-5", "tx-0-11", "tx-0-12", "tx-2-11"];
    // Of the checkpoint; of the other subtask, which has its own writer.
    const others = ["tx-3-3", "tx-1-9", "tx-1-11"];
    const kafka = await withOpen(...lingering, ...others);
    const transactions = await ids(kafka, [{ subtask: 3, nextCounter: 4 }]);
    expect(kafka.transactions.ongoing).toEqual(others);
    expect(transactions.current?.transactionalId).toBe("tx-0-11");
  });

  it("go up by one, from the restored checkpoint's id + 1, and only for what is prepared", async () => {
    const transactions = await ids(await withOpen(), []);
    expect(transactions.state).toEqual({ subtask: 0, nextCounter: 11 });
    expect(transactions.prepared().transactionalId).toBe("tx-0-11");
    await transactions.begin();
    expect(transactions.current?.transactionalId).toBe("tx-0-12");
    expect(transactions.state).toEqual({ subtask: 0, nextCounter: 12 });
  });

  it("are looked for no longer with each restart from the same checkpoint", async () => {
    const kafka = await withOpen();
    const unused = new Set<string>();
    await ids(kafka, [], unused);
    await ids(kafka, [], unused);
    const before = kafka.count("initProducerId");
    for (let i = 0; i < 20; i++) await ids(kafka, [], unused);
    expect(kafka.count("initProducerId") - before).toBeLessThanOrEqual(40);
  });
});
