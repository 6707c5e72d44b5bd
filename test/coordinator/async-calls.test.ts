import { describe, expect, it } from "vitest";
import type { SourceSplit, SplitEnumeratorContext } from "../../src/api/index.js";
import type { CoordinatorUnderTest } from "../conformance/fixtures/coordinator-under-test.js";
import {
  event,
  rootFailure,
  startedCoordinator,
  throwing,
  VariedSource,
} from "./testing-coordinator.js";

type Context = SplitEnumeratorContext<SourceSplit>;

/** A promise that is settled by hand. */
function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

async function started() {
  const c = await startedCoordinator();
  const call = (start: (context: Context) => void): Promise<void> =>
    c.run(() => start(c.coordinator.context));
  const advance = async (ms: number): Promise<void> => {
    c.world.clock.advance(ms);
    await c.world.scheduler.settle();
  };
  const close = (): Promise<void> => c.post(event("CloseCoordinator"));
  return { c: c as CoordinatorUnderTest, world: c.world, call, advance, close };
}

describe("an asynchronous call", () => {
  it("runs outside the current event and hands its result to the handler", async () => {
    const { call } = await started();
    const log: unknown[] = [];
    await call((context) => {
      context.callAsync(
        async () => {
          log.push("called");
          return 7;
        },
        (result, error) => log.push(result, error),
      );
      log.push("returned");
    });
    expect(log).toEqual(["returned", "called", 7, undefined]);
  });

  it("hands an error to the handler, thrown or rejected, and does not fail the job", async () => {
    const { c, call } = await started();
    const errors: unknown[] = [];
    for (const callable of [throwing("sync"), () => Promise.reject(new Error("async"))]) {
      await call((context) => context.callAsync(callable, (_r, error) => errors.push(error)));
    }
    await call((context) =>
      context.callAsync(
        () => Promise.reject(undefined),
        (_r, error) => errors.push(error),
      ),
    );
    expect(errors.map((error) => (error as Error).message)).toEqual([
      "sync",
      "async",
      "a call failed without a reason",
    ]);
    expect(c.jobFailed).toBeUndefined();
  });

  it("fails the job when its handler throws", async () => {
    const { c, call } = await started();
    await call((context) => context.callAsync(() => 1, throwing("bad handler")));
    expect(c.jobFailed).toMatchObject({
      code: "ENUMERATOR_FAILED",
      message: expect.stringMatching(/handling the result of an asynchronous call/),
    });
    expect(rootFailure(c)).toBe("bad handler");
  });

  it("is aborted by close; its handler hears of it and cannot fail the job [CC-07]", async () => {
    const closing = deferred<void>();
    const unmoved = deferred<number>();
    const source = new VariedSource(() => ({ close: () => closing.promise as never }));
    const c = await startedCoordinator({ source });
    const handled: unknown[] = [];
    const handler = (result: unknown, error: unknown): void => {
      handled.push(result, (error as Error).message);
      throw error;
    };
    await c.run(() => {
      const { context } = c.coordinator;
      context.callAsync(
        (signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => reject(new Error("interrupted")));
          }),
        handler,
      );
      // One that does not mind the abort: what it brings is not wanted any more.
      context.callAsync(() => unmoved.promise, handler);
    });
    await c.post(event("CloseCoordinator"));
    expect(handled).toEqual([undefined, "interrupted"]);
    unmoved.resolve(7);
    await c.world.scheduler.settle();
    expect(handled.slice(2)).toEqual([undefined, "the coordinator has been closed"]);
    closing.resolve();
    await c.world.scheduler.settle();
    expect(c.jobFailed).toBeUndefined();
    expect(c.toJob.map((e) => e.type)).toEqual(["CoordinatorClosed"]);
  });

  it("is refused after close", async () => {
    const { c, close } = await started();
    await close();
    expect(() =>
      c.coordinator.context.callAsync(
        () => 1,
        () => {},
      ),
    ).toThrow(/closed/);
  });

  it("is limited in number", async () => {
    const { c, call } = await started();
    await expect(
      call((context) => {
        for (let i = 0; i <= 10_000; i++)
          context.callAsync(
            () => new Promise(() => {}),
            () => {},
          );
      }),
    ).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(c.jobFailed).toBeUndefined();
  });
});

describe("asynchronous calls one after the other", () => {
  it("have no limit", async () => {
    const { call } = await started();
    let handled = 0;
    for (let batch = 0; batch < 3; batch++) {
      await call((context) => {
        for (let i = 0; i < 5000; i++) {
          context.callAsync(
            () => i,
            () => handled++,
          );
        }
      });
    }
    expect(handled).toBe(15_000);
  });
});

describe("a periodic call", () => {
  it("is made at a fixed rate from its initial delay on", async () => {
    const { world, call, advance } = await started();
    const times: number[] = [];
    await call((context) =>
      context.callAsync(
        () => world.clock.now(),
        (time) => times.push(time ?? -1),
        { initialDelay: 5, period: 10 },
      ),
    );
    for (let i = 0; i < 36; i++) await advance(1);
    expect(times).toEqual([5, 15, 25, 35]);
  });

  it("is under way once at most, and makes up for what it missed once, in its rhythm", async () => {
    const { world, call, advance } = await started();
    const calls: { at: number; done: () => void }[] = [];
    const handled: number[] = [];
    await call((context) =>
      context.callAsync(
        () => {
          const { promise, resolve } = deferred<void>();
          calls.push({ at: world.clock.now(), done: resolve });
          return promise;
        },
        () => handled.push(world.clock.now()),
        { initialDelay: 0, period: 10 },
      ),
    );
    const at = (): number[] => calls.map((made) => made.at);
    await advance(0);
    for (let i = 0; i < 34; i++) await advance(1);
    expect(at()).toEqual([0]);
    calls[0]?.done();
    await advance(0);
    await advance(0);
    expect(handled).toEqual([34]);
    expect(at()).toEqual([0, 34]);
    calls[1]?.done();
    for (let i = 0; i < 7; i++) await advance(1);
    expect(at()).toEqual([0, 34, 40]);
  });

  it("goes on after an error", async () => {
    const { call, advance } = await started();
    const errors: unknown[] = [];
    await call((context) =>
      context.callAsync(throwing("down"), (_r, error) => errors.push(error), {
        initialDelay: 0,
        period: 10,
      }),
    );
    for (let i = 0; i < 25; i++) await advance(1);
    expect(errors).toHaveLength(3);
  });

  it("ends with the coordinator", async () => {
    const { world, call, advance, close } = await started();
    let count = 0;
    await call((context) =>
      context.callAsync(
        () => ++count,
        () => {},
        { initialDelay: 0, period: 10 },
      ),
    );
    await advance(0);
    expect(count).toBe(1);
    await close();
    expect(world.clock.pendingTimers).toBe(0);
    await advance(100);
    expect(count).toBe(1);
  });

  it("is not made again when the coordinator has closed meanwhile", async () => {
    const { world, call, advance, close } = await started();
    const { promise, resolve } = deferred<void>();
    await call((context) =>
      context.callAsync(
        () => promise,
        () => {},
        { initialDelay: 0, period: 10 },
      ),
    );
    await advance(0);
    await close();
    resolve();
    await advance(100);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it("needs a period", async () => {
    const { c } = await started();
    for (const schedule of [
      { initialDelay: 0, period: 0 },
      { initialDelay: -1, period: 1 },
      { initialDelay: 0, period: Number.NaN },
    ]) {
      expect(() =>
        c.coordinator.context.callAsync(
          () => 1,
          () => {},
          schedule,
        ),
      ).toThrow(/period/);
    }
  });
});
