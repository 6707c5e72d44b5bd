import { describe, expect, it } from "vitest";
import { ReassigningSource } from "../conformance/fixtures/coordinator-mock-enumerator.js";
import type { CoordinatorUnderTest } from "../conformance/fixtures/coordinator-under-test.js";
import { event, splits, startedCoordinator, uncheckpointed } from "./testing-coordinator.js";

describe("split reassignment on recovery (FLIP-537)", () => {
  const counts = (c: CoordinatorUnderTest): string[][] =>
    [0, 1, 2].map((subtask) =>
      c.sent.filter((e) => e.subtask === subtask).map((e) => e.event.type),
    );

  async function recovered(): Promise<CoordinatorUnderTest> {
    const c = await startedCoordinator({ source: new ReassigningSource("flights") });
    await c.register(0, 0, splits(0, 1, 2));
    await c.register(1, 0, []);
    await c.register(2, 0, []);
    return c;
  }

  it("shows the enumerator what readers report, so that it spreads it anew [SC-18]", async () => {
    const c = await recovered();
    const expected = [["AddSplit"], ["AddSplit"], ["AddSplit"]];
    expect(counts(c)).toEqual(expected);
    expect(uncheckpointed(c)).toEqual({ 0: "0", 1: "1", 2: "2" });
    await c.register(0, 0, splits(0, 1, 2));
    expect(counts(c)).toEqual(expected);
  });

  it("assigns a reset reader's splits once, though it reports all again [SC-19]", async () => {
    const c = await recovered();
    await c.post(event("SubtaskReset", { subtask: 0, checkpointId: 0 }));
    await c.ready(0, 1);
    await c.register(0, 1, splits(0, 1, 2));
    expect(counts(c)).toEqual([["AddSplit", "AddSplit"], ["AddSplit"], ["AddSplit"]]);
    expect(uncheckpointed(c)).toEqual({ 0: "0", 1: "1", 2: "2" });
  });

  it("does the same after a checkpoint, when the reader reports its own only [SC-20]", async () => {
    const c = await recovered();
    await c.run(() => c.coordinator.checkpointCoordinator(1));
    await c.post(event("SubtaskReset", { subtask: 0, checkpointId: 0 }));
    await c.ready(0, 1);
    await c.register(0, 1, splits(0));
    expect(counts(c)).toEqual([["AddSplit", "AddSplit"], ["AddSplit"], ["AddSplit"]]);
  });
});
