import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SplitIterator } from "../../src/api/source-reader.js";
import type { TimestampAssigner, WatermarkGenerator } from "../../src/api/watermark.js";
import { SourceOutputWithWatermarks } from "../../src/eventtime/source-output-with-watermarks.js";
import {
  BoundedOutOfOrdernessWatermarks,
  NO_WATERMARKS,
  PunctuatedWatermarks,
  RECORD_TIMESTAMP,
  WatermarksWithIdleness,
} from "../../src/eventtime/watermark-generators.js";
import { VirtualClock } from "../../src/mailbox/index.js";
import { ChunkBuilder } from "../../src/stream/index.js";

/** Steps through values, and fills only when it is asked to. */
class Values implements SplitIterator<number> {
  readonly fill?: NonNullable<SplitIterator<number>["fill"]>;
  readonly values: readonly number[];
  #next = 0;

  constructor(values: readonly number[], fills: boolean) {
    this.values = values;
    if (!fills) return;
    this.fill = (records, at, atMost) => {
      let count = 0;
      while (count < atMost && this.hasNext()) records[at + count++] = this.next();
      return count;
    };
  }

  get position(): number {
    return this.#next;
  }

  hasNext(): boolean {
    return this.#next < this.values.length;
  }

  next(): number {
    return this.values[this.#next++] as number;
  }
}

const GENERATORS: Record<string, (clock: VirtualClock) => WatermarkGenerator<number>> = {
  none: () => NO_WATERMARKS,
  "out of order": () => new BoundedOutOfOrdernessWatermarks(2),
  punctuated: () =>
    new PunctuatedWatermarks((record, time) => (record % 3 === 0 ? time : undefined)),
  "out of order, idle": (clock) =>
    new WatermarksWithIdleness(new BoundedOutOfOrdernessWatermarks(2), 5, clock),
  "punctuated, idle": (clock) =>
    new WatermarksWithIdleness(
      new PunctuatedWatermarks((record) => (record > 50 ? record : undefined)),
      5,
      clock,
    ),
};

const ASSIGNERS: Record<string, TimestampAssigner<number>> = {
  none: RECORD_TIMESTAMP,
  twice: (record) => record * 2,
};

/** What comes out of polls of these budgets, with a periodic watermark after each. */
function run(
  how: "collect" | "collectFrom" | "fill",
  options: { values: number[]; budgets: number[]; generator: string; assigner: string },
) {
  const clock = new VirtualClock(0);
  const builder = new ChunkBuilder<number>();
  const budget = { remaining: 0 };
  const watermarks = (name: string) => ({
    emitWatermark: (watermark: number) => {
      // As an operator past its limit does it.
      if (name === "onEvent" && watermark % 2 === 0) budget.remaining = 0;
      builder.emitWatermark(watermark);
    },
    markIdle: () => builder.emitWatermarkStatus("IDLE"),
    markActive: () => builder.emitWatermarkStatus("ACTIVE"),
  });
  const output = new SourceOutputWithWatermarks(
    builder,
    { onEvent: watermarks("onEvent"), periodic: watermarks("periodic") },
    ASSIGNERS[options.assigner] as TimestampAssigner<number>,
    (GENERATORS[options.generator] as (clock: VirtualClock) => WatermarkGenerator<number>)(clock),
  );
  const values = new Values(options.values, how === "fill");
  const polls: number[] = [];
  for (const remaining of options.budgets) {
    budget.remaining = remaining;
    if (values.hasNext()) {
      if (how === "collect") {
        do output.collect(values.next());
        while (--budget.remaining > 0 && values.hasNext());
      } else {
        const before = values.position;
        expect(output.collectFrom(values, budget)).toBe(values.position - before);
      }
    }
    polls.push(values.position);
    clock.advance(2);
    output.emitPeriodicWatermark();
  }
  return { chunk: builder.take(), polls };
}

describe("collectFrom", () => {
  it("gives what collect gives, watermarks in their places, however the budget is", () => {
    fc.assert(
      fc.property(
        fc.record({
          values: fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 30 }),
          budgets: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 8 }),
          generator: fc.constantFrom(...Object.keys(GENERATORS)),
          assigner: fc.constantFrom(...Object.keys(ASSIGNERS)),
        }),
        (options) => {
          const expected = run("collect", options);
          expect(run("collectFrom", options)).toEqual(expected);
          expect(run("fill", options)).toEqual(expected);
        },
      ),
    );
  });

  it("takes what it has collected off the budget", () => {
    const output = new SourceOutputWithWatermarks<number>(
      new ChunkBuilder<number>(),
      { onEvent: noOutput, periodic: noOutput },
      RECORD_TIMESTAMP,
      NO_WATERMARKS,
    );
    for (const fills of [true, false]) {
      const budget = { remaining: 5 };
      expect(output.collectFrom(new Values([1, 2, 3], fills), budget)).toBe(3);
      expect(budget.remaining).toBe(2);
    }
  });

  it("refuses a timestamp that is none, also within a run", () => {
    const output = new SourceOutputWithWatermarks<number>(
      new ChunkBuilder<number>(),
      { onEvent: noOutput, periodic: noOutput },
      (record) => (record === 2 ? Number.NaN : record),
      NO_WATERMARKS,
    );
    expect(() => output.collectFrom(new Values([1, 2, 3], true), { remaining: 3 })).toThrow(
      /assigner gave NaN/,
    );
  });
});

const noOutput = { emitWatermark() {}, markIdle() {}, markActive() {} };
