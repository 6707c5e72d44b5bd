import { describe, expect, it } from "vitest";
import {
  type CoordinatorUnderTest,
  CoordinatorWorld,
} from "../conformance/fixtures/coordinator-under-test.js";
import {
  event,
  newCoordinator,
  rootFailure,
  sent,
  startedCoordinator,
} from "./testing-coordinator.js";

const MAX = Number.POSITIVE_INFINITY;
const alignment = { group: "g1", driftMs: 1000 };

async function report(c: CoordinatorUnderTest, subtask: number, watermark: number): Promise<void> {
  await c.fromOperator(subtask, 0, event("ReportedWatermark", { watermark }));
}

async function announced(c: CoordinatorUnderTest): Promise<string[]> {
  await c.run(() => c.coordinator.announceCombinedWatermark());
  return sent(c);
}

const limits = (...values: (number | undefined)[]): string[] =>
  values.flatMap((limit, subtask) =>
    limit === undefined ? [] : [`${subtask}: WatermarkAlignment ${limit}`],
  );

describe("watermark alignment", () => {
  it("holds all that have reported to the slowest plus the drift [CA-01]", async () => {
    const c = await startedCoordinator({ alignment });
    expect(await announced(c)).toEqual([]);
    await report(c, 0, 42);
    expect(await announced(c)).toEqual(limits(1042));
    await report(c, 1, 44);
    expect(await announced(c)).toEqual(limits(1042, 1042));
    await report(c, 0, 5000);
    expect(await announced(c)).toEqual(limits(1044, 1044));
  });

  it("leaves idle subtasks out, goes down again, and never overflows [CA-02]", async () => {
    const c = await startedCoordinator({ alignment });
    await report(c, 0, 42);
    await report(c, 1, 44);
    await report(c, 0, MAX);
    expect(await announced(c)).toEqual(limits(1044, 1044));
    await report(c, 0, 42);
    expect(await announced(c)).toEqual(limits(1042, 1042));
    await report(c, 0, MAX);
    await report(c, 1, MAX);
    expect(await announced(c)).toEqual(limits(MAX, MAX));
    await report(c, 0, 42);
    expect(await announced(c)).toEqual(limits(1042, 1042));
    await report(c, 1, 46);
    expect(await announced(c)).toEqual(limits(1042, 1042));
  });

  it("keeps groups apart [CA-03]", async () => {
    const world = new CoordinatorWorld();
    const c1 = await startedCoordinator({ name: "one", alignment }, world);
    const c2 = await startedCoordinator(
      { name: "two", alignment: { group: "g2", driftMs: 1000 } },
      world,
    );
    await report(c1, 0, 42);
    expect(await announced(c1)).toEqual(limits(1042));
    await report(c2, 1, 44);
    expect(await announced(c2)).toEqual(limits(undefined, 1044));
    await report(c1, 0, 5000);
    expect(await announced(c1)).toEqual(limits(6000));
    expect(await announced(c2)).toEqual(limits(undefined, 1044));
  });

  it("announces by itself at its interval, and only when it was started [CA-04]", async () => {
    const world = new CoordinatorWorld();
    const setup = { alignment, updateInterval: 100 };
    const unstarted = newCoordinator({ name: "one", ...setup }, world);
    await unstarted.post(event("CloseCoordinator"));
    expect(world.clock.pendingTimers).toBe(0);
    const c = await startedCoordinator({ name: "two", ...setup }, world);
    expect(world.clock.pendingTimers).toBe(1);
    await report(c, 0, 42);
    for (let i = 0; i < 3; i++) {
      world.clock.advance(99);
      await world.scheduler.settle();
      expect(sent(c)).toEqual([]);
      world.clock.advance(1);
      await world.scheduler.settle();
      expect(sent(c)).toEqual(limits(1042));
    }
    await c.post(event("CloseCoordinator"));
    expect(world.clock.pendingTimers).toBe(0);
  });

  it("skips a subtask that is not ready, without failing [CA-05]", async () => {
    const c = newCoordinator({ alignment, updateInterval: 100 });
    await c.post(event("StartCoordinator"));
    await c.register(0, 0, []);
    await report(c, 0, 1000);
    c.world.clock.advance(100);
    await c.world.scheduler.settle();
    expect(sent(c)).toEqual([]);
    expect(c.jobFailed).toBeUndefined();
    await c.ready(0, 0);
    c.world.clock.advance(100);
    await c.world.scheduler.settle();
    expect(sent(c)).toEqual(limits(2000));
  });

  it("fails the job when a subtask reports that does not exist, and goes on announcing", async () => {
    const c = await startedCoordinator({ alignment, updateInterval: 100 });
    await report(c, 0, 10);
    await report(c, 3, 10);
    c.world.clock.advance(100);
    await c.world.scheduler.settle();
    expect(rootFailure(c)).toMatch(/Subtask index 3 is out of bounds/);
    expect(sent(c)).toEqual(limits(1010));
    c.world.clock.advance(100);
    await c.world.scheduler.settle();
    expect(sent(c)).toEqual(limits(1010));
  });

  it("fails the job when a watermark is reported without alignment", async () => {
    const c = await startedCoordinator();
    await report(c, 0, 42);
    expect(rootFailure(c)).toMatch(/there is no alignment/);
    expect(await announced(c)).toEqual([]);
  });

  it("does not stop its readers before its group has heard of any watermark", async () => {
    const c = await startedCoordinator({ alignment });
    await c.run(() => {
      c.coordinator.handleEventFromOperator(0, 0, { type: "ReportedWatermark", watermark: 42 });
      // The group's answer is still under way.
      c.coordinator.announceCombinedWatermark();
    });
    expect(sent(c)).toEqual(limits(1042));
  });

  it("holds a source to the slowest of its group, at its own drift", async () => {
    const world = new CoordinatorWorld();
    const fast = await startedCoordinator({ name: "fast", alignment }, world);
    const slow = await startedCoordinator(
      { name: "slow", alignment: { group: "g1", driftMs: 10 } },
      world,
    );
    await report(fast, 0, 5000);
    await report(slow, 0, 7);
    expect(await announced(fast)).toEqual(limits(1007));
    expect(await announced(slow)).toEqual(limits(17));
    await report(slow, 0, MAX);
    expect(await announced(fast)).toEqual(limits(6000));
  });

  it("keeps a restarted source's place in its group until it leaves for good", async () => {
    const world = new CoordinatorWorld();
    const fast = await startedCoordinator({ name: "fast", alignment }, world);
    const slow = await startedCoordinator({ name: "slow", alignment }, world);
    await report(fast, 0, 5000);
    await report(slow, 0, 7);
    await slow.post(event("CloseCoordinator"));
    expect(await announced(fast)).toEqual(limits(1007));
    const again = await startedCoordinator({ name: "slow", alignment }, world);
    expect(await announced(fast)).toEqual(limits(1007));
    await report(again, 0, 20);
    expect(await announced(fast)).toEqual(limits(1020));
    await again.post(event("CloseCoordinator", { leaveAlignmentGroup: true }));
    expect(await announced(fast)).toEqual(limits(6000));
  });
});
