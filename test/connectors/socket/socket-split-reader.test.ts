import { expect, it, onTestFinished } from "vitest";
import { SocketSplitReader } from "../../../src/connectors/socket/socket-split-reader.js";
import { ReaderHarness } from "../../support/reader-harness.js";
import { eventually, LineServer } from "./line-server.js";

it("keeps one mark of connections lost in a row, however often, while the job does not read", async () => {
  const server = await new LineServer().listen();
  onTestFinished(() => server.close());
  const { clock, context, metrics } = new ReaderHarness();
  const reader = new SocketSplitReader(context, {
    host: "127.0.0.1",
    port: server.port,
    delimiter: "\n",
    maxLineLength: 100,
    connectTimeout: 1000,
    maxRetries: -1,
    retryDelay: 10,
    maxRetryDelay: 10,
  });
  onTestFinished(() => reader.close());
  reader.handleSplitsChanges({ type: "ADDITION", splits: [{ splitId: "one", lines: 0 }] });
  const nextLines = async (): Promise<unknown[]> => {
    const batch = await reader.fetch();
    batch.nextSplit();
    const lines: unknown[] = [];
    for (let next = batch.nextRecordFromSplit(); next !== null; ) {
      lines.push(next.value);
      next = batch.nextRecordFromSplit();
    }
    return lines;
  };
  const first = nextLines();
  (await server.connection(0)).write("a\nhal");
  expect(await first).toEqual(["a"]);
  for (let i = 0; i < 20; i++) {
    (await server.connection(i)).destroy();
    await eventually(() => clock.pendingTimers === 1 && clock.nextTimer() === clock.now() + 10);
    clock.advanceToNextTimer();
  }
  (await server.connection(20)).write("f\n");
  await eventually(() => metrics.snapshot()["socket.waitingBytes"] === 2);
  // The mark and the bytes are all that there is to take.
  expect(await nextLines()).toMatchObject([{ rawLength: 3 }, "f"]);
});
