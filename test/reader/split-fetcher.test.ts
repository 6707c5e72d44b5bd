import { describe, expect, it } from "vitest";
import type { FetcherCommand, FetcherEvent, FetcherTask } from "../../machines/fetcher-event.js";
import type { RecordsWithSplitIds } from "../../src/api/split-reader.js";
import { ElementQueue, type TaskHandler } from "../../src/reader/index.js";
import { SplitFetcher } from "../../src/reader/split-fetcher.js";
import {
  type NumbersElement,
  type NumbersSplit,
  NumbersSplitReader,
  type NumbersSplitReaderOptions,
  numbersSplit,
} from "../support/reader-fixtures.js";
import { ReaderHarness } from "../support/reader-harness.js";

interface SetUp extends NumbersSplitReaderOptions {
  readonly capacity?: number;
  readonly holdTurns?: boolean;
  readonly allowUnaligned?: boolean;
  readonly handleTask?: TaskHandler<NumbersElement, NumbersSplit>;
}

/** One fetcher without its manager: the test sends the tasks and reads the reports. */
function setUp(options: SetUp = {}) {
  const harness = new ReaderHarness({ holdTurns: options.holdTurns ?? false });
  const queue = new ElementQueue<RecordsWithSplitIds<NumbersElement>>(options.capacity);
  const splitReader = new NumbersSplitReader(options);
  const at = harness.context.actors.spawn(
    "fetcher-0",
    (context) =>
      new SplitFetcher(context, {
        id: 0,
        manager: harness.self,
        queue,
        splitReader,
        allowUnalignedSourceSplits: options.allowUnaligned ?? false,
        handleTask: options.handleTask,
      }),
  );
  let sequence = 0;
  const command = (event: FetcherCommand): Promise<void> => {
    harness.post(at, event);
    return harness.settle();
  };
  const send = (task: FetcherTask): Promise<void> => command({ ...task, sequence: ++sequence });
  const add = (...splits: NumbersSplit[]): Promise<void> => send({ type: "AddSplits", splits });
  const reports = () => harness.received as FetcherEvent[];
  const lastReport = () => reports().findLast(({ type }) => type === "FetcherReport");
  /** The values in the queue, which are taken out of it. */
  const take = (): number[] => {
    const values: number[] = [];
    const batch = queue.poll();
    if (batch === null) return values;
    while (batch.nextSplit() !== null) {
      for (let e = batch.nextRecordFromSplit(); e !== null; e = batch.nextRecordFromSplit()) {
        values.push(e[0]);
      }
    }
    batch.recycle?.();
    return values;
  };
  const step = async (): Promise<boolean> => {
    const given = harness.giveTurn(0);
    await harness.settle();
    return given;
  };
  return { harness, queue, splitReader, command, send, add, reports, lastReport, take, step };
}

describe("split fetcher", () => {
  it("is idle when it is new: it takes no turn and fetches nothing [SF-01]", async () => {
    const { harness, splitReader, reports } = setUp({ holdTurns: true });
    await harness.settle();
    expect(harness.hasHeldTurn(0)).toBe(false);
    expect(splitReader.fetches).toBe(0);
    expect(reports()).toEqual([]);
  });

  it("is not idle from the arrival of splits until after their task has run [SF-02]", async () => {
    const { add, harness, step, lastReport } = setUp({ holdTurns: true });
    await add(numbersSplit(0));
    expect(harness.hasHeldTurn(0)).toBe(true);
    expect(lastReport()).toBeUndefined();
    await step();
    expect(lastReport()).toMatchObject({ endedSplits: [], tasksDone: 1, idle: false });
    expect(harness.hasHeldTurn(0)).toBe(true);
  });

  it("reports itself idle once the batch that ends its last split is in the queue [SF-03]", async () => {
    const { add, queue, lastReport } = setUp({ recordsPerFetch: 10 });
    await add(numbersSplit(0));
    expect(queue.peek()?.finishedSplits()).toEqual(new Set(["0"]));
    expect(lastReport()).toMatchObject({ endedSplits: ["0"], tasksDone: 1, idle: true });
  });

  it("reports itself idle when its last split was removed and nothing is left to hand over [SF-04]", async () => {
    const { add, send, reports } = setUp({ fetches: "held" });
    await add(numbersSplit(0));
    expect(reports()).toMatchObject([{ endedSplits: [], tasksDone: 1, idle: false }]);
    await send({ type: "RemoveSplits", splits: [numbersSplit(0)] });
    // The batch that the removal interrupted is handed over first.
    expect(reports().slice(1)).toMatchObject([
      { endedSplits: ["0"], tasksDone: 2, idle: false },
      { endedSplits: [], tasksDone: 2, idle: true },
    ]);
  });

  it("hands every record over exactly once, however often it is woken up [SF-08]", async () => {
    const { add, send, take, harness, splitReader } = setUp({ capacity: 1 });
    const each = 2_000;
    const values = (id: number): number[] => Array.from({ length: each }, (_, i) => id * each + i);
    await add(...[0, 1, 2].map((id) => ({ splitId: String(id), index: 0, values: values(id) })));
    const seen: number[] = [];
    for (let polls = 0; seen.length < 3 * each; polls++) {
      expect(polls).toBeLessThan(3 * each);
      seen.push(...take());
      await harness.settle();
      // A task wakes up whatever goes on; this one changes nothing else.
      if (polls % 2 === 0) {
        await send({ type: "PauseOrResumeSplits", splitsToPause: [], splitsToResume: [] });
      }
    }
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 3 * each }, (_, i) => i));
    expect(splitReader.fetches).toBeGreaterThanOrEqual(each / 2);
  });

  it("keeps a batch that was fetched while a task came, and hands it over before the next [SF-08]", async () => {
    const { add, splitReader, take, step } = setUp({ holdTurns: true, fetches: "held" });
    await add(numbersSplit(0));
    await step();
    await step();
    expect(splitReader.fetches).toBe(1);
    await add(numbersSplit(1));
    expect(splitReader.wakeUps).toBe(1);
    expect(take()).toEqual([]);
    await step();
    expect(take()).toEqual([]);
    await step();
    expect(take()).toEqual([0, 1]);
    expect(splitReader.fetches).toBe(1);
  });

  it("runs a task while its batch waits for room, and hands that batch over afterwards [SF-08]", async () => {
    const { add, take, queue, lastReport, harness, splitReader } = setUp({ capacity: 1 });
    await add(numbersSplit(0));
    expect([queue.size, splitReader.fetches]).toEqual([1, 2]);
    await add(numbersSplit(1));
    expect(lastReport()).toMatchObject({ endedSplits: [], tasksDone: 2 });
    expect([queue.size, splitReader.fetches]).toEqual([1, 2]);
    expect(take()).toEqual([0, 1]);
    await harness.settle();
    expect(take()).toEqual([2, 3]);
  });

  it("closes its split reader when it is shut down, and then runs no more [SF-09]", async () => {
    const { command, splitReader, reports, harness } = setUp();
    await command({ type: "ShutdownFetcher", waitForRecords: false });
    expect(splitReader.closed).toBe(true);
    expect(reports().at(-1)).toEqual({ type: "FetcherClosed", fetcher: 0 });
    expect(harness.system.addresses).toEqual([harness.self]);
  });

  it("ends when it is shut down while it is paused [SF-10]", async () => {
    const { add, command, splitReader, queue } = setUp({ capacity: 1 });
    await command({ type: "PauseFetcher" });
    await add(numbersSplit(0));
    expect(splitReader.fetches).toBe(0);
    await command({ type: "ShutdownFetcher", waitForRecords: false });
    expect(splitReader.closed).toBe(true);
    expect(queue.isEmpty).toBe(true);
  });

  it("goes on where it was when it is resumed", async () => {
    const { add, command, take, splitReader } = setUp({ recordsPerFetch: 5, fetches: "held" });
    await add(numbersSplit(0));
    await command({ type: "PauseFetcher" });
    splitReader.release();
    await command({ type: "PauseFetcher" });
    expect(take()).toEqual([0, 1, 2, 3, 4]);
    expect(splitReader.fetches).toBe(1);
    await command({ type: "ResumeFetcher" });
    expect(splitReader.fetches).toBe(2);
  });

  it("closes its split reader only after what it handed over has been recycled [SF-11]", async () => {
    const { command, splitReader, queue, harness } = setUp();
    await command({ type: "ShutdownFetcher", waitForRecords: true });
    expect(queue.size).toBe(1);
    expect(splitReader.closed).toBe(false);
    const last = queue.poll();
    expect(last?.nextSplit()).toBeNull();
    await harness.settle();
    expect(splitReader.closed).toBe(false);
    last?.recycle?.();
    await harness.settle();
    expect(splitReader.closed).toBe(true);
  });

  it("waits for room in the queue before it closes, unless it has to close now [SF-11]", async () => {
    const { add, command, splitReader, queue } = setUp({ capacity: 1, recordsPerFetch: 10 });
    await add(numbersSplit(0));
    await command({ type: "ShutdownFetcher", waitForRecords: true });
    expect(splitReader.closed).toBe(false);
    await command({ type: "ShutdownFetcher", waitForRecords: false });
    expect(splitReader.closed).toBe(true);
    expect(queue.size).toBe(1);
  });

  it("runs a custom task between two fetches and does not wake the fetch up for it", async () => {
    const done: string[] = [];
    const { add, send, splitReader, harness, lastReport } = setUp({
      fetches: "held",
      handleTask: async (_reader, task) => {
        done.push(task.type);
      },
    });
    await add(numbersSplit(0));
    await send({ type: "RunTask", task: { type: "CommitOffsets" } });
    expect([done, splitReader.wakeUps]).toEqual([[], 0]);
    splitReader.release();
    await harness.settle();
    expect(done).toEqual(["CommitOffsets"]);
    expect(lastReport()).toMatchObject({ tasksDone: 2 });
    expect(splitReader.fetches).toBe(2);
  });

  it.each([
    ["throws", () => Promise.reject(new Error("boom")), "boom"],
    ["is missing", undefined, "no handler for the task CommitOffsets"],
  ])("fails when the handler of a custom task %s", async (_what, handleTask, message) => {
    const { send, reports, splitReader } = setUp(handleTask === undefined ? {} : { handleTask });
    await send({ type: "RunTask", task: { type: "CommitOffsets" } });
    const failure = reports().at(-1);
    expect(failure).toMatchObject({ type: "FetcherFailed", error: { code: "FETCHER_FAILED" } });
    expect(JSON.stringify(failure)).toContain(message);
    expect(splitReader.closed).toBe(false);
  });

  it("stays silent about a fetch that fails because it is shut down", async () => {
    let reject: (error: Error) => void = () => {};
    const { add, command, splitReader, reports } = setUp();
    splitReader.fetch = () =>
      new Promise((_resolve, rejected) => {
        reject = rejected;
      });
    splitReader.wakeUp = () => reject(new Error("aborted"));
    await add(numbersSplit(0));
    await command({ type: "ShutdownFetcher", waitForRecords: false });
    expect(splitReader.closed).toBe(true);
    expect(reports().some(({ type }) => type === "FetcherFailed")).toBe(false);
  });

  it("recycles a batch that it could not hand over before it was shut down", async () => {
    const { add, command, splitReader, queue } = setUp({ capacity: 1 });
    await add(numbersSplit(0));
    expect(splitReader.fetches).toBe(2);
    await command({ type: "ShutdownFetcher", waitForRecords: false });
    expect(splitReader.recycled).toBe(1);
    expect(queue.size).toBe(1);
  });

  it("is not misled by a result of an earlier step", async () => {
    const { add, command, splitReader, harness, take } = setUp({ fetches: "held" });
    await add(numbersSplit(0));
    const stale = [
      { type: "FetchCompleted", step: 0 },
      { type: "BatchAccepted", step: 0, finishedSplits: ["0"] },
      { type: "TaskCompleted", step: 1 },
      { type: "StepFailed", step: 1, error: { name: "Error", message: "stale" } },
      { type: "Turn", step: 1 },
    ] as const;
    for (const event of stale) harness.post(harness.fetcherAddress(0), event);
    await harness.settle();
    expect(splitReader.fetches).toBe(1);
    splitReader.release();
    await command({ type: "ResumeFetcher" });
    expect(take()).toEqual([0, 1]);
  });
});
