import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RealClock, VirtualClock } from "../../src/mailbox/index.js";

describe("VirtualClock", () => {
  it("fires a chain of timers in one advance, each at its own time", () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.now());
      clock.schedule(10, again);
    };
    clock.schedule(10, again);
    clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
    expect(clock.nextTimer()).toBe(40);
  });

  it("fires timers by time and then by the order in which they were scheduled", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }), (delays) => {
        const clock = new VirtualClock(100);
        const fired: [number, number][] = [];
        delays.forEach((delay, i) => {
          clock.schedule(delay, () => fired.push([clock.now(), i]));
        });
        clock.advance(5);
        const expected = delays.map((delay, i): [number, number] => [100 + delay, i]);
        expect(fired).toEqual(expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });

  it("does not fire a timer that another one cancels at the same time", () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.schedule(1, () => cancel());
    const cancel = clock.schedule(1, () => fired.push("cancelled"));
    clock.advance(1);
    expect(fired).toEqual([]);
  });

  it("jumps to the next timer, and says when there is none", () => {
    const clock = new VirtualClock();
    clock.schedule(7, () => {});
    expect(clock.advanceToNextTimer()).toBe(true);
    expect(clock.relativeTime()).toBe(7);
    expect(clock.advanceToNextTimer()).toBe(false);
  });

  it("takes a negative delay as none", () => {
    const clock = new VirtualClock(50);
    let fired = Number.NaN;
    clock.schedule(-10, () => {
      fired = clock.now();
    });
    clock.advance(0);
    expect(fired).toBe(50);
  });
});

describe("RealClock", () => {
  // Node's own timers under a simulated time: nobody waits 30 days for a test.
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const DAY = 86_400_000;

  it("waits the whole of a delay that is longer than Node's timers can be", () => {
    const fired = vi.fn();
    new RealClock().schedule(60 * DAY, fired);
    vi.advanceTimersByTime(60 * DAY - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledOnce();
  });

  it("cancels a long delay also after Node's timer has been renewed", () => {
    const fired = vi.fn();
    const cancel = new RealClock().schedule(60 * DAY, fired);
    vi.advanceTimersByTime(40 * DAY);
    cancel();
    vi.advanceTimersByTime(40 * DAY);
    expect(fired).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("rounds a fraction of a millisecond up: never early", () => {
    const clock = new RealClock();
    const start = clock.relativeTime();
    let at = 0;
    clock.schedule(1.5, () => {
      at = clock.relativeTime();
    });
    vi.advanceTimersByTime(5);
    expect(at - start).toBeGreaterThanOrEqual(1.5);
  });

  it("is never early with the real timers of Node either", async () => {
    vi.useRealTimers();
    const clock = new RealClock();
    const lateness = await Promise.all(
      Array.from({ length: 300 }, (_, i) => {
        const due = clock.relativeTime() + i / 7;
        return new Promise<number>((resolve) => {
          clock.schedule(i / 7, () => resolve(clock.relativeTime() - due));
        });
      }),
    );
    expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
  });
});
