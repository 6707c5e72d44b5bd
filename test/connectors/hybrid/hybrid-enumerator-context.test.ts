import { describe, expect, it } from "vitest";
import { rootFailure } from "../../coordinator/testing-coordinator.js";
import { gathering, HybridCoordinator, switched, twoSources } from "./hybrid-fixtures.js";

describe("the hybrid enumerator", () => {
  it("restores the splits of its source that nobody has [HY-07]", async () => {
    const [first, second] = twoSources();
    const before = await HybridCoordinator.start([first, second]);
    const restoredAt = async (state: Uint8Array) => {
      const sources = twoSources();
      await HybridCoordinator.start(sources, { restore: { checkpointId: 1, state } });
      return sources.map(({ enumerators }) => enumerators[0]?.unassigned.length);
    };
    expect(await restoredAt(before.checkpoint(1))).toEqual([1, undefined]);
    await before.announceAll();
    await before.finished(0, 0);
    await before.finished(1, 0);
    expect(await restoredAt(before.checkpoint(2))).toEqual([undefined, 0]);
  });

  it("passes on checkpoints and events to the current source only [HY-08]", async () => {
    const [first, second] = twoSources();
    const c = await switched([first, second]);
    const calls = first.calls.length;
    c.under.coordinator.notifyCheckpointComplete(3);
    c.under.coordinator.notifyCheckpointAborted(4);
    await c.sourceEvent(0, { type: "Hello" });
    const wrapped = (sourceIndex: number) =>
      ({ type: "WrappedSourceEvent", sourceIndex, event: { type: "Inner" } }) as never;
    await c.sourceEvent(1, wrapped(1));
    await c.sourceEvent(1, wrapped(0));
    expect(second.calls.slice(-4)).toEqual([
      "notifyCheckpointComplete 3",
      "notifyCheckpointAborted 4",
      "handleSourceEvent 0 Hello",
      "handleSourceEvent 1 Inner",
    ]);
    expect(first.calls).toHaveLength(calls);
  });

  it("ends the splits of the last source only [HY-09]", async () => {
    const c = await HybridCoordinator.start(twoSources());
    await c.announceAll();
    expect(c.hasNoMoreSplits(0)).toBe(false);
    await c.finished(0, 0);
    await c.finished(1, 0);
    expect(c.hasNoMoreSplits(0)).toBe(true);
    await c.restart(0, 1, -1);
    await c.finished(0, -1, 1);
    expect(c.hasNoMoreSplits(0)).toBe(false);
    await c.finished(0, 0, 1);
    expect(c.hasNoMoreSplits(0)).toBe(true);
  });

  it("lets nothing of an enumerator reach a reader, nor the enumerator, once it is over", async () => {
    const [first, second] = twoSources();
    const seen: string[] = [];
    const c = await HybridCoordinator.start([first, second]);
    await c.announceAll();
    const { context } = first.enumerators[0] as (typeof first.enumerators)[0];
    let signal: AbortSignal | undefined;
    let resolve = (_value: string): void => {};
    await c.under.run(() => {
      context.callAsync(
        (given) => {
          signal = given;
          return new Promise<string>((done) => {
            resolve = done;
          });
        },
        () => seen.push("handler"),
      );
    });
    await c.finished(0, 0);
    await c.finished(1, 0);
    expect(signal?.aborted).toBe(true);
    await c.under.run(() => context.runInCoordinatorLoop(() => seen.push("action")));
    resolve("late");
    await c.under.world.scheduler.settle();
    expect(seen).toEqual([]);
    c.sent();
    expect(() => context.sendEventToSourceReader(0, { type: "Late" })).toThrow(
      /source 0 has ended/,
    );
    expect(() => context.signalNoMoreSplits(0)).toThrow(/source 0 has ended/);
    expect(c.sent()).toEqual([]);
  });

  it("wraps what its enumerator says to a reader, which must be one of its own", async () => {
    const [first, second] = twoSources();
    const c = await HybridCoordinator.start([first, second]);
    await c.register(0);
    await c.register(1);
    await c.finished(0, -1);
    c.sent();
    const { context } = first.enumerators[0] as (typeof first.enumerators)[0];
    expect([...context.registeredReaders().keys()]).toEqual([0]);
    expect([...context.registeredReadersOfAttempts().keys()]).toEqual([0]);
    await c.under.run(() => context.sendEventToSourceReader(0, { type: "Hi" }));
    expect(c.sent()).toEqual(["0: WrappedSourceEvent 0"]);
    expect(() => context.sendEventToSourceReader(1, { type: "Hi" })).toThrow(
      /subtask 1 cannot get the event Hi: its reader is not registered with source 0/,
    );
  });

  it("fails the job when an enumerator that is over cannot be closed", async () => {
    const [first, second] = twoSources();
    const c = await HybridCoordinator.start([first, second]);
    await c.announceAll();
    Object.assign(first.enumerators[0] as object, {
      close: () => Promise.reject(new Error("stuck")),
    });
    await c.finished(0, 0);
    await c.finished(1, 0);
    await c.under.world.scheduler.settle();
    expect(rootFailure(c.under)).toBe("stuck");
  });

  it("refuses a checkpoint of more sources than there are", async () => {
    const c = await switched(twoSources());
    const state = c.checkpoint(1);
    const restored = await HybridCoordinator.start([gathering(0, 9)], {
      restore: { checkpointId: 1, state },
    });
    expect(rootFailure(restored.under)).toMatch(/taken at source 2 of .* which has 1 now/);
    expect(restored.under.jobFailed?.cause?.code).toBe("CHECKPOINT_STATE_UNMATCHED");
  });
});
