import { describe, expect, it } from "vitest";
import { OperatorBench } from "../conformance/fixtures/operator-bench.js";
import { parseSplit } from "../conformance/fixtures/operator-split.js";

const MOCK_SPLIT = { id: 1234, start: 10 };

function opened(config = {}, ...restored: readonly object[]): OperatorBench {
  const bench = new OperatorBench(config);
  bench.operator.open(restored.map(parseSplit));
  return bench;
}

describe("opening", () => {
  it("has a state to snapshot from the beginning [SO-01]", () => {
    expect(opened().operator.snapshotState(1)).toEqual([]);
  });

  it("gives restored splits to the reader and registers without splits [SO-02]", () => {
    const { reader, sent } = opened({}, MOCK_SPLIT);
    expect(reader.assigned.map((split) => split.splitId)).toEqual(["1234"]);
    expect(reader.started).toBe(true);
    expect(sent).toEqual([
      {
        type: "ReaderRegistration",
        subtaskId: 1,
        location: "localhost",
        splits: { version: 0, splits: [] },
      },
    ]);
  });

  it("registers restored splits for reassignment instead of reading them [SO-03]", () => {
    const { reader, sent } = opened({ reassignOnRecovery: true }, MOCK_SPLIT);
    expect(reader.assigned).toEqual([]);
    expect(reader.started).toBe(true);
    expect(sent).toHaveLength(1);
    const [event] = sent;
    if (event?.type !== "ReaderRegistration") throw new Error("not registered");
    expect(event.splits.splits).toHaveLength(1);
    expect(new TextDecoder().decode(event.splits.splits[0])).toContain('"1234"');
  });

  it("happens once, and nothing works before it", () => {
    const bench = new OperatorBench();
    expect(() => bench.operator.reader).toThrow(/has not been opened/);
    expect(() => bench.emitNext()).toThrow(/has not been opened/);
    bench.operator.open([]);
    expect(() => bench.operator.open([])).toThrow(/opened already/);
  });

  it("creates the outputs of all restored splits before the first record [SW-01]", () => {
    const bench = opened(
      { perSplit: true, gen: "punctuated" },
      { id: 0, records: [1042, 1044] },
      { id: 1, records: [42, 44] },
    );
    bench.emitNext();
    bench.emitNext();
    expect(bench.output.elements.filter(({ wm }) => wm !== undefined)).toEqual([]);
    bench.emitNext();
    expect(bench.output.elements.slice(2)).toEqual([{ rec: 42, ts: 42 }, { wm: 42 }]);
  });
});

describe("events of the coordinator", () => {
  it("adds splits [SO-05], which the snapshot holds in order [SO-07]", () => {
    const bench = opened({}, MOCK_SPLIT);
    bench.addSplits(parseSplit(2));
    expect(bench.reader.assigned.map((split) => split.splitId)).toEqual(["1234", "2"]);
    const snapshot = bench.operator.snapshotState(100);
    expect(snapshot.map((split) => split.splitId)).toEqual(["1234", "2"]);
  });

  it("hands the connector's own events to the reader, unwrapped [SO-06]", () => {
    const bench = opened();
    const event = { type: "Hello", number: 3 };
    bench.operator.handleOperatorEvent({ type: "SourceEventWrapper", event });
    expect(bench.reader.sourceEvents).toEqual([event]);
  });

  it("emits the watermark so far before the backlog attribute [SO-10]", () => {
    const bench = opened({ gen: "monotonous" });
    bench.addSplits(parseSplit({ id: 2, records: [1, 1001] }));
    const backlog = (isProcessingBacklog: boolean) =>
      bench.operator.handleOperatorEvent({ type: "IsProcessingBacklog", isProcessingBacklog });
    bench.emitNext();
    backlog(true);
    bench.emitNext();
    backlog(false);
    expect(bench.output.elements).toEqual([
      { rec: 1, ts: 1 },
      { wm: 0 },
      { backlog: true },
      { rec: 1001, ts: 1001 },
      { wm: 1000 },
      { backlog: false },
    ]);
  });

  it("emits backlog attributes at once, also before the first emitNext", () => {
    const bench = opened();
    bench.addSplits(parseSplit({ id: 2, records: [1] }));
    for (const isProcessingBacklog of [true, false]) {
      bench.operator.handleOperatorEvent({ type: "IsProcessingBacklog", isProcessingBacklog });
    }
    expect(bench.output.elements).toEqual([{ backlog: true }, { backlog: false }]);
    bench.emitNext();
    expect(bench.output.elements.at(-1)).toEqual({ rec: 1, ts: "MIN" });
  });

  it("refuses an event that it does not know", () => {
    const event = { type: "Surprise" } as never;
    expect(() => opened().operator.handleOperatorEvent(event)).toThrow(/event Surprise/);
  });

  it("holds a watermark back until every assigned split has one [SE-04]", () => {
    const bench = opened({ perSplit: true, gen: "max", wait: "WAIT_UNTIL_ALL_SPLITS_ASSIGNED" });
    const [one, two] = [parseSplit({ id: 1, records: [100, 200, 300] }), parseSplit({ id: 2 })];
    bench.addSplits(one, two);
    const record = (value: number) => bench.reader.assigned[1]?.records.push(value);
    const watermarks = () =>
      bench.output.elements.flatMap(({ wm }) => (wm === undefined ? [] : [wm]));
    for (let i = 0; i < 3; i++) bench.emitNext();
    expect(watermarks()).toEqual([]);
    record(150);
    bench.emitNext();
    expect(watermarks()).toEqual([150]);
    record(400);
    bench.emitNext();
    expect(watermarks()).toEqual([150, 300]);
  });
});

describe("checkpoints", () => {
  it("tells the reader that a checkpoint is complete [SO-08]", () => {
    const { operator, reader } = opened({}, MOCK_SPLIT);
    operator.snapshotState(100);
    operator.notifyCheckpointComplete(100);
    expect(reader.completed).toEqual([100]);
  });

  it("tells the reader that a checkpoint was aborted [SO-09]", () => {
    const { operator, reader } = opened({}, MOCK_SPLIT);
    operator.snapshotState(100);
    operator.notifyCheckpointAborted(100);
    expect(reader.aborted).toEqual([100]);
  });
});

describe("availability and stop", () => {
  it("becomes available when it is drained, and has stopped when it is finished [SO-04]", () => {
    const bench = opened({ wait: "WAIT_UNTIL_ALL_SPLITS_ASSIGNED" }, MOCK_SPLIT);
    expect(bench.emitNext()).toBe("NOTHING_AVAILABLE");
    const waiting = bench.operator.isAvailable();
    expect(waiting.isDone).toBe(false);
    const stopped = bench.operator.stop("DRAIN");
    expect(waiting.isDone).toBe(true);
    expect(bench.operator.isAvailable().isDone).toBe(true);
    expect(stopped.isDone).toBe(false);
    expect(bench.emitNext()).toBe("END_OF_DATA");
    bench.operator.finish();
    expect(stopped.isDone).toBe(true);
    expect(bench.emitNext()).toBe("END_OF_INPUT");
  });

  it("gives the same wait until something is available [SI-01]", () => {
    const bench = opened({ wait: "WAIT_UNTIL_ALL_SPLITS_ASSIGNED" });
    bench.emitNext();
    const first = bench.operator.isAvailable();
    expect(first.isDone).toBe(false);
    expect(bench.operator.isAvailable()).toBe(first);
    let woken = 0;
    first.onDone(() => woken++);
    bench.addSplits(parseSplit({ id: 1, records: [1] }));
    expect([woken, first.isDone]).toEqual([1, true]);
    bench.emitNext();
    bench.emitNext();
    expect(bench.operator.isAvailable()).not.toBe(first);
  });

  it("shows the new mode to who waits for a stop", () => {
    const bench = opened({ wait: "WAIT_UNTIL_ALL_SPLITS_ASSIGNED" });
    bench.emitNext();
    const seen: string[] = [];
    bench.operator.isAvailable().onDone(() => seen.push(bench.operator.mode));
    bench.operator.stop("NO_DRAIN").onDone(() => seen.push(bench.operator.mode));
    expect(seen).toEqual(["SOURCE_STOPPED", "SOURCE_STOPPED"]);
  });

  it.each([
    ["DRAIN", "END_OF_DATA"],
    ["NO_DRAIN", "STOPPED"],
  ] as const)(
    "ends without an exception when stopped (%s) before it has emitted",
    (mode, status) => {
      const bench = opened({ gen: "punctuated", alignment: {} }, MOCK_SPLIT);
      bench.operator.stop(mode);
      bench.addSplits(parseSplit({ id: 5, records: [1] }));
      expect(bench.emitNext()).toBe(status);
      expect(bench.emitNext()).toBe("END_OF_INPUT");
      expect(bench.emitNext()).toBe("END_OF_INPUT");
      expect(bench.output.elements).toEqual([]);
      expect(bench.sent.at(-1)).toEqual({
        type: "ReportedWatermark",
        watermark: Number.POSITIVE_INFINITY,
      });
    },
  );

  it("emits as many records at once as it may", () => {
    let left = 3;
    const bench = new OperatorBench({}, { recordsOfNextPoll: () => (--left > 0 ? 1 : 0) });
    bench.operator.open([parseSplit({ id: 1, records: [1, 2, 3, 4, 5] })]);
    expect(bench.emitNext()).toBe("MORE_AVAILABLE");
    expect(bench.output.elements).toHaveLength(1);
    expect(bench.emitNext()).toBe("MORE_AVAILABLE");
    expect(bench.output.elements).toHaveLength(4);
  });
});

describe("closing", () => {
  it("closes the reader once, and stops every timer", async () => {
    const bench = opened({ gen: "punctuated", alignment: {} }, MOCK_SPLIT);
    bench.emitNext();
    expect(bench.clock.pending).toBe(2);
    const closed = bench.operator.close();
    expect(bench.operator.close()).toBe(closed);
    await closed;
    expect(bench.reader.closed).toBe(1);
    expect(bench.clock.pending).toBe(0);
  });

  it("drops what the reader still has to do in the loop", async () => {
    let runInOperatorLoop = (_action: () => void): void => {};
    const bench: OperatorBench = new OperatorBench(
      {},
      {
        createReader: (context) => {
          runInOperatorLoop = context.runInOperatorLoop;
          return bench.reader;
        },
      },
    );
    bench.operator.open([]);
    const ran: string[] = [];
    runInOperatorLoop(() => ran.push("before"));
    for (const action of bench.deferred.splice(0)) action();
    runInOperatorLoop(() => ran.push("after"));
    await bench.operator.close();
    for (const action of bench.deferred.splice(0)) action();
    expect(ran).toEqual(["before"]);
  });

  it("has nothing to close before it was opened", async () => {
    await expect(new OperatorBench().operator.close()).resolves.toBeUndefined();
  });
});

it("lets the reader ask the coordinator, and know its subtask", () => {
  const seen: unknown[] = [];
  const bench: OperatorBench = new OperatorBench(
    { subtask: 3, parallelism: 4 },
    {
      createReader: (context) => {
        seen.push(context.indexOfSubtask, context.currentParallelism, context.localHostName);
        context.sendSplitRequest();
        context.sendSourceEventToCoordinator({ type: "Hello" });
        return bench.reader;
      },
    },
  );
  bench.operator.open([]);
  expect(seen).toEqual([3, 4, "localhost"]);
  expect(bench.sent.slice(0, 2)).toEqual([
    { type: "RequestSplit", hostName: "localhost" },
    { type: "SourceEventWrapper", event: { type: "Hello" } },
  ]);
});
