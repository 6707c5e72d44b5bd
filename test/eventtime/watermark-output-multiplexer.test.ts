import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WatermarkOutputMultiplexer } from "../../src/eventtime/index.js";

class Underlying {
  readonly watermarks: number[] = [];
  idle = false;

  emitWatermark(watermark: number): void {
    this.watermarks.push(watermark);
    this.idle = false;
  }

  markIdle(): void {
    this.idle = true;
  }

  markActive(): void {
    this.idle = false;
  }
}

function setUp(...ids: string[]) {
  const underlying = new Underlying();
  const multiplexer = new WatermarkOutputMultiplexer(underlying);
  for (const id of ids) multiplexer.registerNewOutput(id);
  return {
    underlying,
    multiplexer,
    immediate: (id: string) => multiplexer.getImmediateOutput(id),
    deferred: (id: string) => multiplexer.getDeferredOutput(id),
  };
}

describe("immediate outputs", () => {
  it("emits the watermark of a single output at once [WM-01]", () => {
    const { underlying, immediate } = setUp("a");
    immediate("a").emitWatermark(0);
    expect(underlying).toMatchObject({ watermarks: [0], idle: false });
  });

  it("is idle without a watermark when its single output is idle [WM-02]", () => {
    const { underlying, immediate } = setUp("a");
    immediate("a").markIdle();
    expect(underlying).toMatchObject({ watermarks: [], idle: true });
  });

  it("becomes active with a watermark after idleness [WM-03]", () => {
    const { underlying, immediate } = setUp("a");
    immediate("a").markIdle();
    immediate("a").emitWatermark(0);
    expect(underlying).toMatchObject({ watermarks: [0], idle: false });
  });

  it("takes the lowest of the active outputs and leaves an idle one out [WM-04]", () => {
    const { underlying, immediate } = setUp("a", "b", "c");
    immediate("a").emitWatermark(2);
    immediate("b").emitWatermark(5);
    immediate("c").markIdle();
    expect(underlying).toMatchObject({ watermarks: [2], idle: false });
  });

  it("goes on to the next watermark when the lowest output becomes idle [WM-05]", () => {
    const { underlying, immediate } = setUp("a", "b");
    immediate("a").emitWatermark(2);
    immediate("b").emitWatermark(5);
    immediate("a").markIdle();
    expect(underlying).toMatchObject({ watermarks: [2, 5], idle: false });
  });

  it.each([
    ["a", "b"],
    ["b", "a"],
  ])("ends on the highest watermark when %s and then %s become idle [WM-06]", (first, second) => {
    const { underlying, immediate } = setUp("a", "b");
    immediate("a").emitWatermark(5);
    immediate("b").emitWatermark(2);
    immediate(first).markIdle();
    immediate(second).markIdle();
    expect(underlying.watermarks.at(-1)).toBe(5);
    expect(underlying.idle).toBe(true);
  });

  it("does not go back when an idle output returns with a lower watermark [WM-08]", () => {
    const { underlying, immediate } = setUp("a", "b");
    immediate("a").emitWatermark(2);
    immediate("b").emitWatermark(5);
    immediate("a").markIdle();
    immediate("a").emitWatermark(3);
    expect(underlying).toMatchObject({ watermarks: [2, 5], idle: false });
  });
});

describe("deferred outputs", () => {
  it("say nothing until the periodic emission, then the highest and idleness [WM-07]", () => {
    const { underlying, multiplexer, deferred } = setUp("a", "b");
    deferred("a").emitWatermark(5);
    deferred("a").markIdle();
    deferred("b").emitWatermark(2);
    deferred("b").markIdle();
    expect(underlying).toMatchObject({ watermarks: [], idle: false });
    multiplexer.onPeriodicEmit();
    expect(underlying).toMatchObject({ watermarks: [5], idle: true });
  });

  it("emit nothing, and are not idle, when there are none [WM-09]", () => {
    const { underlying, multiplexer } = setUp();
    multiplexer.onPeriodicEmit();
    expect(underlying).toMatchObject({ watermarks: [], idle: false });
  });

  it("are combined at the periodic emission [WM-10]", () => {
    const { underlying, multiplexer, deferred } = setUp("a", "b");
    deferred("a").emitWatermark(0);
    deferred("b").emitWatermark(1);
    expect(underlying.watermarks).toEqual([]);
    multiplexer.onPeriodicEmit();
    expect(underlying).toMatchObject({ watermarks: [0], idle: false });
  });

  it("emit a single output's watermark [WM-11]", () => {
    const { underlying, multiplexer, deferred } = setUp("a");
    deferred("a").emitWatermark(0);
    multiplexer.onPeriodicEmit();
    expect(underlying).toMatchObject({ watermarks: [0], idle: false });
  });

  it("are idle without a watermark [WM-12], and active again with one [WM-13]", () => {
    const { underlying, multiplexer, deferred } = setUp("a");
    deferred("a").markIdle();
    multiplexer.onPeriodicEmit();
    expect(underlying).toMatchObject({ watermarks: [], idle: true });
    deferred("a").emitWatermark(0);
    multiplexer.onPeriodicEmit();
    expect(underlying).toMatchObject({ watermarks: [0], idle: false });
  });

  it("take the lowest of the active ones [WM-14]", () => {
    const { underlying, multiplexer, deferred } = setUp("a", "b", "c");
    deferred("a").emitWatermark(2);
    deferred("b").emitWatermark(5);
    deferred("c").markIdle();
    multiplexer.onPeriodicEmit();
    expect(underlying).toMatchObject({ watermarks: [2], idle: false });
  });

  it("count as soon as an immediate output emits [WM-15]", () => {
    const { underlying, immediate, deferred } = setUp("a", "b");
    deferred("a").emitWatermark(5);
    immediate("b").emitWatermark(2);
    expect(underlying.watermarks).toEqual([2]);
  });

  it("never go back behind what was emitted for the same id [WM-16]", () => {
    const { underlying, multiplexer, immediate, deferred } = setUp("a");
    deferred("a").emitWatermark(5);
    multiplexer.onPeriodicEmit();
    immediate("a").emitWatermark(2);
    multiplexer.onPeriodicEmit();
    expect(underlying.watermarks).toEqual([5]);
  });

  it("hide a lower immediate watermark of the same id [WM-17]", () => {
    const { underlying, immediate, deferred } = setUp("a");
    deferred("a").emitWatermark(5);
    immediate("a").emitWatermark(2);
    expect(underlying.watermarks).toEqual([]);
  });
});

describe("unregistering", () => {
  it("lets the rest go on when the lowest is gone [WM-18]", () => {
    const { underlying, multiplexer, immediate } = setUp("low", "high");
    immediate("low").emitWatermark(156_765);
    immediate("high").emitWatermark(156_770);
    multiplexer.unregisterOutput("low");
    immediate("high").emitWatermark(156_775);
    expect(underlying.watermarks.at(-1)).toBe(156_775);
  });

  it("emits nothing by itself [WM-19]", () => {
    const { underlying, multiplexer, immediate } = setUp("low", "high");
    immediate("low").emitWatermark(-4343);
    immediate("high").emitWatermark(4343);
    multiplexer.unregisterOutput("low");
    expect(underlying.watermarks).toEqual([-4343]);
  });

  it("of the highest takes nothing back [WM-20]", () => {
    const { underlying, multiplexer, immediate } = setUp("a");
    immediate("a").emitWatermark(2);
    multiplexer.unregisterOutput("a");
    multiplexer.registerNewOutput("b");
    immediate("b").emitWatermark(1);
    expect(underlying.watermarks).toEqual([2]);
  });

  it("says whether the output was known [WM-21]", () => {
    const { multiplexer } = setUp("a");
    expect(multiplexer.unregisterOutput("a")).toBe(true);
    expect(multiplexer.unregisterOutput("a")).toBe(false);
  });

  it("of all keeps the last watermark and is not idle [WM-22]", () => {
    const { underlying, multiplexer, immediate } = setUp("a");
    immediate("a").emitWatermark(7);
    multiplexer.unregisterOutput("a");
    multiplexer.onPeriodicEmit();
    expect(underlying).toMatchObject({ watermarks: [7], idle: false });
  });
});

it("refuses an id twice and an unknown id", () => {
  const { multiplexer } = setUp("a");
  expect(() => multiplexer.registerNewOutput("a")).toThrow(/already a watermark output for a/);
  expect(() => multiplexer.getImmediateOutput("b")).toThrow(/no watermark output for b/);
  expect(() => multiplexer.getDeferredOutput("b")).toThrow(/no watermark output for b/);
});

it("takes nothing from an output that was unregistered", () => {
  const { underlying, multiplexer, immediate } = setUp("a", "b");
  const stale = immediate("a");
  immediate("b").emitWatermark(3);
  multiplexer.unregisterOutput("a");
  stale.markIdle();
  stale.emitWatermark(99);
  immediate("b").markIdle();
  expect(underlying).toMatchObject({ watermarks: [3], idle: true });
});

it("ignores a watermark that is no number", () => {
  const { underlying, immediate } = setUp("a");
  immediate("a").emitWatermark(Number.NaN);
  immediate("a").emitWatermark(4);
  expect(underlying.watermarks).toEqual([4]);
});

/** Flink's way: look at every output each time. */
class ScanningModel {
  readonly outputs = new Map<string, { watermark: number; idle: boolean }>();
  readonly emitted: (number | "IDLE")[] = [];
  #combined = Number.NEGATIVE_INFINITY;
  #idle = false;

  set(id: string, watermark: number): boolean {
    const output = this.outputs.get(id);
    if (output === undefined) return false;
    output.idle = false;
    if (watermark <= output.watermark) return false;
    output.watermark = watermark;
    return watermark > this.#combined;
  }

  update(): void {
    const outputs = [...this.outputs.values()];
    if (outputs.length > 0) {
      const active = outputs.filter((output) => !output.idle).map((output) => output.watermark);
      this.#idle = active.length === 0;
      const next = this.#idle
        ? Math.max(...outputs.map((output) => output.watermark))
        : Math.min(...active);
      if (next > this.#combined) {
        this.#combined = next;
        this.emitted.push(next);
      }
    }
    if (this.#idle) this.emitted.push("IDLE");
  }
}

it("emits what looking at every output each time would emit", () => {
  const id = fc.constantFrom("a", "b", "c", "d", "e", "f", "g");
  const watermark = fc.oneof(
    fc.integer({ min: -5, max: 30 }),
    fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );
  const op = fc.constantFrom("register", "unregister", "now", "later", "idle", "idleLater");
  fc.assert(
    fc.property(fc.array(fc.tuple(op, id, watermark), { maxLength: 120 }), (steps) => {
      const model = new ScanningModel();
      const emitted: (number | "IDLE")[] = [];
      const multiplexer = new WatermarkOutputMultiplexer({
        emitWatermark: (value) => emitted.push(value),
        markIdle: () => emitted.push("IDLE"),
        markActive: () => {},
      });
      for (const [name, splitId, value] of steps) {
        const output = model.outputs.get(splitId);
        if (name === "register") {
          if (output !== undefined) continue;
          model.outputs.set(splitId, { watermark: Number.NEGATIVE_INFINITY, idle: false });
          multiplexer.registerNewOutput(splitId);
        } else if (output === undefined) {
          multiplexer.onPeriodicEmit();
          model.update();
        } else if (name === "unregister") {
          model.outputs.delete(splitId);
          multiplexer.unregisterOutput(splitId);
        } else if (name === "now") {
          if (model.set(splitId, value)) model.update();
          multiplexer.getImmediateOutput(splitId).emitWatermark(value);
        } else if (name === "later") {
          model.set(splitId, value);
          multiplexer.getDeferredOutput(splitId).emitWatermark(value);
        } else {
          output.idle = true;
          if (name === "idle") model.update();
          const outputs = name === "idle" ? "getImmediateOutput" : "getDeferredOutput";
          multiplexer[outputs](splitId).markIdle();
        }
      }
      expect(emitted).toEqual(model.emitted);
    }),
    { numRuns: 500, verbose: 1 },
  );
});

it("combines the watermarks of 10,000 splits, each after each", () => {
  const splits = Array.from({ length: 10_000 }, (_, index) => `split-${index}`);
  const { underlying, immediate } = setUp(...splits);
  const outputs = splits.map(immediate);
  for (let round = 1; round <= 20; round++) {
    outputs.forEach((output, index) => {
      output.emitWatermark(round * 10_000 + index);
    });
  }
  expect(underlying.watermarks.at(-1)).toBe(200_000);
});
