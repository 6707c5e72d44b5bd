import { describe, expect, it } from "vitest";
import { ImmediateScheduler, ManualScheduler } from "../../src/mailbox/index.js";

describe("ManualScheduler", () => {
  it("runs deferred work one piece at a time, oldest first", () => {
    const scheduler = new ManualScheduler();
    const log: string[] = [];
    scheduler.defer(() => {
      log.push("a");
      scheduler.defer(() => log.push("c"));
    });
    scheduler.defer(() => log.push("b"));
    expect(scheduler.runOne()).toBe(true);
    expect(log).toEqual(["a"]);
    scheduler.runAll();
    expect(log).toEqual(["a", "b", "c"]);
    expect(scheduler.runOne()).toBe(false);
  });

  it("reports a live-lock instead of running for ever", () => {
    const scheduler = new ManualScheduler();
    const again = (): void => scheduler.defer(again);
    again();
    expect(() => scheduler.runAll(100)).toThrow("still deferred after 100 turns");
  });

  it("settles only when promises and deferred work are both quiet", async () => {
    const scheduler = new ManualScheduler();
    const log: string[] = [];
    scheduler.defer(() => {
      void Promise.resolve()
        .then(() => scheduler.defer(() => log.push("deferred by a promise")))
        .then(() => Promise.resolve())
        .then(() => log.push("a promise behind it"))
        .then(() => scheduler.defer(() => log.push("last")));
    });
    await scheduler.settle();
    expect(log).toEqual(["deferred by a promise", "a promise behind it", "last"]);
    expect(scheduler.pending).toBe(0);
  });

  it("begins to count quiet turns anew after each piece of work", async () => {
    const scheduler = new ManualScheduler();
    const log: number[] = [];
    const step = async (n: number): Promise<void> => {
      for (let i = 0; i < 6; i++) await Promise.resolve();
      log.push(n);
      if (n < 5) scheduler.defer(() => void step(n + 1));
    };
    scheduler.defer(() => void step(1));
    await scheduler.settle(10);
    expect(log).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("ImmediateScheduler", () => {
  it("lets promises run before the deferred work", async () => {
    const log: string[] = [];
    await new Promise<void>((resolve) => {
      new ImmediateScheduler().defer(() => {
        log.push("deferred");
        resolve();
      });
      void Promise.resolve().then(() => log.push("promise"));
    });
    expect(log).toEqual(["promise", "deferred"]);
  });
});
