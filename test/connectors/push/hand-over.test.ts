import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HandOver, type Overflow } from "../../../src/connectors/push/hand-over.js";

function handOver(overflow: Overflow, bufferSize: number) {
  const seen = { dropped: 0, refusing: 0, turns: [] as (() => void)[] };
  const buffer = new HandOver<number>({
    bufferSize,
    overflow,
    inLaterTurn: (callback) => {
      seen.turns.push(callback);
      return () => {};
    },
    dropped: () => seen.dropped++,
    refusing: () => seen.refusing++,
  });
  return { buffer, seen };
}

type Step =
  | { readonly do: "add"; readonly count: number }
  | { readonly do: "take"; readonly count: number }
  | { readonly do: "watermark" }
  | { readonly do: "idle" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("add" as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ do: fc.constant("take" as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ do: fc.constant("watermark" as const) }),
    fc.record({ do: fc.constant("idle" as const) }),
  ),
  { maxLength: 40 },
);

describe("the hand-over", () => {
  it("gives what a simple list would give, with what stands between, and drops the oldest", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 8 }), (all, bufferSize) => {
        const { buffer, seen } = handOver("drop-oldest", bufferSize);
        let next = 0;
        let watermark = 0;
        let dropped = 0;
        const waiting: number[] = [];
        let lastWatermark = Number.NEGATIVE_INFINITY;
        const taken: number[] = [];
        const expected: number[] = [];
        for (const step of all) {
          if (step.do === "add") {
            for (let i = 0; i < step.count; i++) {
              if (waiting.length >= bufferSize) {
                waiting.shift();
                dropped++;
              }
              waiting.push(next);
              void buffer.add(next, next * 10, `p${next}`);
              next++;
            }
          } else if (step.do === "watermark") {
            // Behind all records so far.
            watermark = next - 1;
            buffer.addWatermark(watermark);
          } else if (step.do === "idle") {
            buffer.addIdle();
          } else {
            const content = buffer.take(step.count);
            expected.push(...waiting.splice(0, step.count));
            taken.push(...content.values);
            for (const [i, value] of content.values.entries()) {
              expect(content.timestamps[i]).toBe(value * 10);
              expect(content.positions[i]).toBe(`p${value}`);
            }
            for (const control of content.controls) {
              if (control.watermark === undefined) continue;
              expect(control.watermark).toBeGreaterThanOrEqual(lastWatermark);
              lastWatermark = control.watermark;
              // It neither overtakes a record nor falls behind a later one.
              for (const [i, value] of content.values.entries()) {
                expect(i < control.at).toBe(value <= control.watermark);
              }
            }
          }
          expect(buffer.size).toBe(waiting.length);
          expect(buffer.size).toBeLessThanOrEqual(bufferSize);
        }
        expect(taken).toEqual(expected);
        expect(seen.dropped).toBe(dropped);
      }),
      { numRuns: 1000 },
    );
  });

  it("holds one thing between two records, however often a producer says something there", () => {
    for (const overflow of ["block", "drop-oldest", "fail"] as const) {
      const { buffer } = handOver(overflow, 4);
      for (let i = 0; i < 1000; i++) {
        if (overflow === "drop-oldest" || i < 4) void buffer.add(i, i, undefined);
        for (let j = 0; j < 10; j++) {
          buffer.addWatermark(i);
          buffer.addIdle();
        }
      }
      const { values, controls } = buffer.take(100);
      expect(values).toHaveLength(4);
      expect(controls.length).toBeLessThanOrEqual(5);
      expect(controls.at(-1)).toEqual({ at: 4, watermark: 999, isIdle: true });
    }
  });

  it("lets a producer that waits go on as soon as there is room", async () => {
    const { buffer } = handOver("block", 3);
    expect(buffer.add(0, 0, undefined)).toBeUndefined();
    expect(buffer.add(1, 0, undefined)).toBeUndefined();
    let waited = false;
    const room = buffer.add(2, 0, undefined) as Promise<void>;
    void room.then(() => {
      waited = true;
    });
    await Promise.resolve();
    expect(waited).toBe(false);
    expect(buffer.take(1).values).toEqual([0]);
    await room;
    expect(buffer.add(3, 0, undefined)).toBeInstanceOf(Promise);
  });

  it("fails when a producer does not wait, behind the records that it holds", async () => {
    const { buffer, seen } = handOver("block", 3);
    for (let i = 0; i < 6; i++) void buffer.add(i, 0, undefined);
    await expect(buffer.add(6, 0, undefined)).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      hint: expect.stringContaining("promise"),
    });
    expect(seen.refusing).toBe(1);
    expect(buffer.take(10).values).toEqual([0, 1, 2, 3, 4, 5]);
    expect(() => buffer.take(10)).toThrow(/faster than the job reads/);
    expect(buffer.isDone).toBe(false);
  });

  it("lets others have a turn when a producer drops without end", async () => {
    const { buffer, seen } = handOver("drop-oldest", 4);
    let pushed = 0;
    const endless = (async () => {
      for (;;) await buffer.add(pushed++, 0, undefined);
    })();
    for (let i = 0; i < 100; i++) await Promise.resolve();
    expect(pushed).toBe(4);
    seen.turns[0]?.();
    for (let i = 0; i < 100; i++) await Promise.resolve();
    expect(pushed).toBe(8);
    expect(buffer.take(10).values).toEqual([4, 5, 6, 7]);
    buffer.close();
    await expect(endless).rejects.toThrow("closed");
  });

  it("takes nothing after its end, and a producer that waits hears of it", async () => {
    const { buffer } = handOver("block", 1);
    const room = buffer.add(0, 0, undefined);
    buffer.close();
    await expect(room).rejects.toThrow("closed");
    await expect(buffer.add(1, 0, undefined)).rejects.toThrow("closed");
    buffer.addWatermark(1);
    expect(buffer.take(5)).toMatchObject({ values: [], controls: [] });
    expect(buffer.isDone).toBe(true);
  });
});
