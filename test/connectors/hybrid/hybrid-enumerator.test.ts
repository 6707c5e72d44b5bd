import { describe, expect, it } from "vitest";
import { numberSequenceSource } from "../../../src/connectors/number-sequence/index.js";
import { event, rootFailure } from "../../coordinator/testing-coordinator.js";
import { gathering, HybridCoordinator, switched, twoSources } from "./hybrid-fixtures.js";

describe("the hybrid enumerator's switch", () => {
  it("assigns the first source when both readers have announced themselves [HY-01]", async () => {
    const c = await HybridCoordinator.start(twoSources());
    await c.register(0);
    await c.finished(0, -1);
    await c.register(1);
    expect(c.sent()).toEqual(["0: SwitchSource 0"]);
    await c.finished(1, -1);
    expect(c.sent()).toEqual([
      "1: SwitchSource 0",
      "0: AddSplit 0:1",
      "0: NoMoreSplits",
      "1: NoMoreSplits",
    ]);
  });

  it("comes when both readers have finished the first source [HY-02]", async () => {
    const [first, second] = twoSources();
    const c = await HybridCoordinator.start([first, second]);
    await c.announceAll();
    c.sent();
    await c.finished(0, 0);
    expect(c.sent()).toEqual([]);
    expect(second.calls).toEqual([]);
    await c.finished(1, 0);
    expect(first.calls.at(-1)).toBe("close");
    expect(second.calls).toEqual(["start", "addReader 0", "addReader 1"]);
    expect(c.sent()).toEqual([
      "0: SwitchSource 1 final",
      "1: SwitchSource 1 final",
      "0: AddSplit 1:1",
      "0: NoMoreSplits",
      "1: NoMoreSplits",
    ]);
  });

  it("does not go beyond the last source [HY-03]", async () => {
    const sources = twoSources();
    const c = await switched(sources);
    await c.finished(0, 1);
    await c.finished(1, 1);
    expect(c.sent()).toEqual([]);
    expect(sources[1].calls).not.toContain("close");
    expect(c.under.jobFailed).toBeUndefined();
  });

  it("goes through 130 sources, once each [HY-04]", async () => {
    const sources = Array.from({ length: 130 }, (_, i) => gathering(i, i));
    const c = await HybridCoordinator.start(sources);
    await c.announceAll();
    for (let i = 0; i < 130; i++) {
      expect(c.sent().filter((line) => line.includes("AddSplit"))).toEqual([`0: AddSplit ${i}:1`]);
      await c.finished(0, i);
      await c.finished(1, i);
    }
    expect(sources.map(({ enumerators }) => enumerators.length)).toEqual(Array(130).fill(1));
    expect(c.under.jobFailed).toBeUndefined();
  });

  it("waits for both at each of three sources [HY-10]", async () => {
    const sources = [gathering(0, 9), gathering(10, 19), gathering(20, 29)];
    const c = await switched(sources);
    await c.finished(0, 1);
    expect(c.sent()).toEqual([]);
    expect(sources[2]?.enumerators).toHaveLength(0);
    await c.finished(1, 1);
    expect(sources[2]?.enumerators).toHaveLength(1);
    expect(c.sent().slice(0, 2)).toEqual(["0: SwitchSource 2 final", "1: SwitchSource 2 final"]);
  });

  it("takes a report that comes twice for one", async () => {
    const sources = [gathering(0, 9), gathering(10, 19), gathering(20, 29)];
    const c = await switched(sources);
    await c.finished(0, 0);
    await c.finished(0, 1);
    await c.finished(0, 1);
    expect(sources[2]?.enumerators).toHaveLength(0);
  });

  it("waits for a reader that has failed after it had finished", async () => {
    const [first, second] = twoSources();
    const c = await HybridCoordinator.start([first, second]);
    await c.announceAll();
    await c.finished(0, 0);
    await c.reset(0, 0, -1);
    await c.finished(1, 0);
    expect(second.enumerators).toHaveLength(0);
    await c.register(0, 1);
    await c.finished(0, -1, 1);
    expect(second.enumerators).toHaveLength(0);
    expect(c.sent().slice(-3)).toEqual(["0: AddSplit 0:1", "0: NoMoreSplits", "1: NoMoreSplits"]);
    await c.finished(0, 0, 1);
    expect(second.enumerators).toHaveLength(1);
  });

  it("waits for a reader that has failed and is not reset yet", async () => {
    const [first, second] = twoSources();
    const c = await HybridCoordinator.start([first, second]);
    await c.announceAll();
    await c.finished(0, 0);
    await c.under.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    await c.finished(1, 0);
    expect(second.enumerators).toHaveLength(0);
    await c.under.post(event("SubtaskReset", { subtask: 0, checkpointId: -1 }));
    await c.register(0, 1);
    await c.finished(0, -1, 1);
    await c.finished(0, 0, 1);
    expect(second.enumerators).toHaveLength(1);
  });

  it("gives the next source a position that the enumerator before it tells", async () => {
    const seen: unknown[] = [];
    const c = await switched([
      gathering(0, 9),
      {
        position: (previous: { readonly unassigned: readonly unknown[]; calls: string[] }) => ({
          next: 100,
          closed: previous.calls.includes("close"),
        }),
        create: ({ previousPosition }: { previousPosition: unknown }) => {
          seen.push(previousPosition);
          return gathering(100, 109);
        },
      } as never,
    ]);
    expect(seen).toEqual([{ next: 100, closed: false }]);
    expect(c.under.jobFailed).toBeUndefined();
  });

  it.each([
    ["throws", () => JSON.parse("{"), /in JSON/],
    ["gives no source", () => 1, /sources\.1\.create: expected a source, got 1/],
    [
      "gives one that does not end as it said",
      () => ({ ...gathering(0, 1), boundedness: "CONTINUOUS_UNBOUNDED" }),
      /expected "BOUNDED", as hybridSource\.sources\.1\.boundedness says/,
    ],
  ])("fails the job when create %s", async (_what, create, message) => {
    const [first] = twoSources();
    const c = await HybridCoordinator.start([first, { create } as never]);
    await c.announceAll();
    await c.finished(0, 0);
    await c.finished(1, 0);
    expect(rootFailure(c.under)).toMatch(message);
    expect(JSON.stringify(c.under.jobFailed)).toContain("hybridSource.sources.1.create");
    expect(first.calls).not.toContain("close");
  });

  it("fails the job when a position is no JSON data", async () => {
    const [first] = twoSources();
    const position = () => ({ since: new Date(0) });
    const c = await HybridCoordinator.start([first, { position, create: () => first } as never]);
    await c.announceAll();
    await c.finished(0, 0);
    await c.finished(1, 0);
    expect(rootFailure(c.under)).toMatch(
      /sources\.1\.position: expected a function that gives JSON/,
    );
  });

  it("says that everything before the last source is backlog", async () => {
    const c = await HybridCoordinator.start(twoSources());
    await c.announceAll();
    await c.finished(0, 0);
    await c.finished(1, 0);
    expect(c.backlog(0)).toEqual([true, false]);
  });
});

describe("a reader that restarts after the switch", () => {
  it("gets the splits of the source before again, and then goes on [HY-05]", async () => {
    const sources = twoSources();
    const c = await switched(sources);
    await c.reset(0, 0, -1);
    expect(sources[1].calls.at(-1)).toBe("addSplitsBack 0 [1]");
    await c.register(0, 1);
    expect(c.sent()).toEqual([]);
    await c.finished(0, -1, 1);
    expect(c.sent()).toEqual(["0: SwitchSource 0", "0: AddSplit 0:1", "0: NoMoreSplits"]);
    await c.finished(0, 0, 1);
    expect(c.sent()).toEqual([
      "0: SwitchSource 1 final",
      "0: AddSplit 1:1",
      "0: NoMoreSplits",
      "1: NoMoreSplits",
    ]);
  });

  it("begins with the source of the splits that it has kept", async () => {
    const sources = [gathering(0, 9), gathering(10, 19), gathering(20, 29)];
    const c = await switched(sources);
    await c.finished(0, 1);
    await c.finished(1, 1);
    c.checkpoint(1);
    c.sent();
    await c.restart(0, 1, 1);
    await c.finished(0, 0, 1, true);
    expect(c.sent()).toEqual(["0: SwitchSource 1", "0: NoMoreSplits"]);
    await c.finished(0, 1, 1);
    expect(c.sent()[0]).toBe("0: SwitchSource 2 final");
  });

  it("goes straight to the current source when there is nothing to read again", async () => {
    const c = await switched([gathering(0, 9), gathering(10, 19), gathering(20, 29)]);
    await c.finished(0, 1);
    await c.finished(1, 1);
    c.checkpoint(1);
    c.sent();
    await c.restart(1, 1, 1);
    await c.finished(1, -1, 1);
    expect(c.sent()).toEqual(["1: SwitchSource 2 final", "0: NoMoreSplits", "1: NoMoreSplits"]);
  });

  it("has its splits in every checkpoint until it gets them", async () => {
    const c = await switched(twoSources());
    await c.reset(0, 0, -1);
    const state = c.checkpoint(7);
    for (const parallelism of [1, 2, 3]) {
      const restored = await HybridCoordinator.start(twoSources(), {
        parallelism,
        restore: { checkpointId: 7, state },
      });
      await restored.announceAll();
      const sent = restored.sent();
      expect(sent.slice(0, 3)).toEqual(["0: SwitchSource 0", "0: AddSplit 0:1", "0: NoMoreSplits"]);
      await restored.finished(0, 0);
      expect(restored.sent()[0]).toBe("0: SwitchSource 1 final");
    }
  });

  it("is not asked for by a request before it has read what it had [HY-06]", async () => {
    const [first, second] = twoSources();
    const c = await HybridCoordinator.start([first, second, gathering(20, 29)]);
    await c.announceAll();
    await c.request(0);
    expect(first.calls.at(-1)).toBe("handleSplitRequest 0");
    await c.finished(0, 0);
    await c.finished(1, 0);
    await c.request(1);
    expect(second.calls.at(-1)).toBe("handleSplitRequest 1");
    await c.reset(0, 0, -1);
    await c.register(0, 1);
    // A reader that has not said where it is.
    await c.under.fromOperator(0, 1, { type: "RequestSplit", hostName: "host" } as never);
    expect(rootFailure(c.under)).toMatch(/has splits of earlier sources to read first/);
    expect(second.calls).not.toContain("handleSplitRequest 0");
  });

  it("gets no split of the current source while it reads an earlier one", async () => {
    const first = gathering(0, 9);
    const c = await switched([first, numberSequenceSource({ from: 10, to: 19, splits: 4 })]);
    await c.restart(0, 1, -1);
    await c.finished(0, -1, 1);
    c.sent();
    await c.under.fromOperator(0, 1, { type: "RequestSplit", hostName: "host" } as never);
    expect(c.sent()).toEqual(["0: NoMoreSplits"]);
    await c.request(1);
    expect(c.sent()).toEqual(["1: AddSplit 1:1"]);
  });
});
