import { describe, expect, it } from "vitest";
import { EagerSplitEnumerator, StaticSplitEnumerator } from "../../src/enumerator/index.js";
import { EnumeratorRun } from "../connectors/source-run.js";

const splits = ["a", "b", "c", "d", "e"].map((splitId) => ({ splitId }));

describe("StaticSplitEnumerator", () => {
  it("gives a split a request, in order, and then says that no more will come", () => {
    const run = new EnumeratorRun(2);
    const enumerator = new StaticSplitEnumerator(run.context, splits.slice(0, 2));
    for (const subtask of [0, 1]) run.register(subtask);
    expect(run.metrics.snapshot()).toEqual({ unassignedSplits: 2 });
    for (const subtask of [1, 0, 1]) enumerator.handleSplitRequest(subtask);
    expect(run.assigned).toEqual([
      { subtask: 1, splitId: "a" },
      { subtask: 0, splitId: "b" },
    ]);
    expect([...run.noMoreSplits]).toEqual([1]);
  });

  it("keeps a split whose reader is not there", () => {
    const run = new EnumeratorRun(1);
    const enumerator = new StaticSplitEnumerator(run.context, splits);
    expect(() => enumerator.handleSplitRequest(0)).toThrow();
    expect(enumerator.snapshotState()).toEqual(splits);
  });

  it("hands out again what came back, after the others", () => {
    const run = new EnumeratorRun(1);
    run.register(0);
    const enumerator = new StaticSplitEnumerator(run.context, splits.slice(0, 2));
    enumerator.handleSplitRequest(0);
    const before = enumerator.snapshotState();
    enumerator.addSplitsBack(splits.slice(0, 1));
    expect(enumerator.snapshotState().map((split) => split.splitId)).toEqual(["b", "a"]);
    // A snapshot is not changed by what happens later.
    expect(before.map((split) => split.splitId)).toEqual(["b"]);
  });
});

describe("EagerSplitEnumerator", () => {
  it("gives each reader its share when it registers", () => {
    const run = new EnumeratorRun(2);
    const enumerator = new EagerSplitEnumerator(run.context, splits);
    run.register(1);
    enumerator.addReader(1);
    expect(run.assigned.map(({ splitId }) => splitId)).toEqual(["b", "d"]);
    expect(enumerator.snapshotState().map((split) => split.splitId)).toEqual(["a", "c", "e"]);
    expect([...run.noMoreSplits]).toEqual([1]);
    enumerator.handleSplitRequest();
    expect(run.assigned).toHaveLength(2);
  });

  it("keeps what came back for the next attempt of the subtask, or gives it at once", () => {
    const run = new EnumeratorRun(2);
    const enumerator = new EagerSplitEnumerator(run.context, splits);
    enumerator.addSplitsBack([{ splitId: "z" }], 1);
    expect(run.assigned).toEqual([]);
    run.register(1);
    enumerator.addReader(1);
    expect(run.assigned.map(({ splitId }) => splitId)).toEqual(["b", "d", "z"]);
    enumerator.addSplitsBack([{ splitId: "y" }], 1);
    expect(run.assigned.at(-1)).toEqual({ subtask: 1, splitId: "y" });
  });

  it("deals out the same way again after a restore, and to more subtasks too", () => {
    const first = new EagerSplitEnumerator(new EnumeratorRun(2).context, splits);
    const run = new EnumeratorRun(5);
    const second = new EagerSplitEnumerator(run.context, first.snapshotState());
    for (let subtask = 0; subtask < 5; subtask++) {
      run.register(subtask);
      second.addReader(subtask);
    }
    expect(run.assigned.map(({ splitId }) => splitId)).toEqual(["a", "b", "c", "d", "e"]);
    expect(second.snapshotState()).toEqual([]);
  });
});
