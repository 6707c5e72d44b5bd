import fc from "fast-check";
import { from, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  type Chunk,
  FINAL_STATE,
  isStateful,
  map,
  type OperatorContext,
  type ProcessFunction,
  process,
  type StatefulOperator,
} from "../../src/stream/index.js";
import { STANDALONE } from "../../src/stream/operator-context.js";
import { anyStream, chunksOf, collect, type Element, elementsOf } from "./elements.js";

/** Sums records; emits the sum at each watermark. */
const sumAtWatermarks = process<number, number>({
  name: "sum",
  create: ({ restoredStates }) => {
    let sum = restoredStates.reduce((a: number, state) => a + (state as number), 0);
    return {
      processRecord: (n) => {
        sum += n;
      },
      processWatermark: (_watermark, out) => out.collect(sum),
      snapshotState: () => sum,
    };
  },
});

interface Acknowledged {
  readonly checkpointId: number;
  readonly operator: string;
  readonly state: unknown;
}

function bound(operator: unknown, restoredStates: readonly unknown[] = []) {
  const acknowledged: Acknowledged[] = [];
  const declined: { readonly checkpointId: number; readonly message: string }[] = [];
  const context: OperatorContext = {
    ...STANDALONE,
    indexOfSubtask: 1,
    currentParallelism: 2,
    restoredStates,
    acknowledge: (checkpointId, name, state) =>
      acknowledged.push({ checkpointId, operator: name, state }),
    decline: (checkpointId, error) => declined.push({ checkpointId, message: error.message }),
  };
  const run = (elements: readonly (Element<number> | undefined)[]): Element<unknown>[] => {
    const bind = (operator as StatefulOperator).bind(context) as unknown as typeof sumAtWatermarks;
    return elementsOf(collect(from(chunksOf(elements)).pipe(bind)));
  };
  return { acknowledged, declined, run };
}

const record = (n: number): Element<number> => ({ record: n, timestamp: n });

describe("process", () => {
  it("emits at a watermark in front of it, with its time", () => {
    const { run } = bound(sumAtWatermarks);
    expect(run([record(1), record(2), { control: "Watermark", value: 9 }, record(3)])).toEqual([
      { record: 3, timestamp: 9 },
      { control: "Watermark", value: 9 },
    ]);
  });

  it("takes a timestamp of its own over that of the record", () => {
    const shift = process<number, number>({
      name: "shift",
      create: () => ({ processRecord: (n, t, out) => out.collect(n, t + 1) }),
    });
    expect(elementsOf(collect(from(chunksOf([record(4)])).pipe(shift)))).toEqual([
      { record: 4, timestamp: 5 },
    ]);
  });

  it("acknowledges at each barrier the state of all before it, and the final one at the end", () => {
    const { run, acknowledged } = bound(sumAtWatermarks);
    run([
      record(1),
      { control: "Barrier", value: 7 },
      record(2),
      { control: "Barrier", value: 8 },
      record(3),
      { control: "EndOfData", value: 0 },
    ]);
    expect(acknowledged).toEqual([
      { checkpointId: 7, operator: "sum", state: 1 },
      { checkpointId: 8, operator: "sum", state: 3 },
      { checkpointId: FINAL_STATE, operator: "sum", state: 6 },
    ]);
  });

  it("goes on from its state as if it had never stopped, wherever the barrier was", () => {
    fc.assert(
      fc.property(anyStream, anyStream, (before, after) => {
        const end: Element<number> = { control: "EndOfData", value: 0 };
        const cut: Element<number> = { control: "Barrier", value: 5000 };
        const whole = bound(sumAtWatermarks);
        whole.run([...before, cut, ...after, end]);
        const first = bound(sumAtWatermarks);
        first.run([...before, cut]);
        const second = bound(sumAtWatermarks, [first.acknowledged.at(-1)?.state]);
        second.run([...after, end]);
        expect([...first.acknowledged, ...second.acknowledged]).toEqual(whole.acknowledged);
      }),
    );
  });

  it("gives every subscription a function of its own", () => {
    const input = chunksOf([record(1), { control: "Watermark", value: 1 }]);
    for (let i = 0; i < 2; i++) {
      const [first] = elementsOf(collect(from(input).pipe(sumAtWatermarks)));
      expect(first).toEqual({ record: 1, timestamp: 1 });
    }
  });

  it("tells a subtask apart from operators without state", () => {
    expect(isStateful(sumAtWatermarks)).toBe(true);
    expect(isStateful(map((n: number) => n))).toBe(false);
    expect(isStateful(undefined)).toBe(false);
  });

  const failures: Readonly<Record<string, Partial<ProcessFunction<number, number>>>> = {
    processRecord: { processRecord: fail },
    processWatermark: { processWatermark: fail },
  };
  it.each(Object.entries(failures))("fails the stream when %s throws", (_name, broken) => {
    const input = new Subject<Chunk<number>>();
    const errors: unknown[] = [];
    const fn = { processRecord: () => {}, ...broken };
    input
      .pipe(process<number, number>({ name: "broken", create: () => fn }))
      .subscribe({ error: (error) => errors.push(error) });
    for (const chunk of chunksOf([record(1), { control: "Watermark", value: 1 }]))
      input.next(chunk);
    expect(errors).toEqual([new Error("boom")]);
    expect(input.observed).toBe(false);
  });

  it("declines the checkpoint, and goes on, when its state cannot be taken in a job", () => {
    const broken = process<number, number>({
      name: "broken",
      create: () => ({
        processRecord: (record, _timestamp, out) => out.collect(record),
        snapshotState: fail,
      }),
    });
    const { acknowledged, declined, run } = bound(broken);
    const elements: Element<number>[] = [
      { record: 1, timestamp: 0 },
      { control: "Barrier", value: 7 },
      { record: 2, timestamp: 0 },
    ];
    expect(run(elements)).toEqual(elements);
    expect(acknowledged).toEqual([]);
    expect(declined).toEqual([
      { checkpointId: 7, message: "operator broken could not snapshot its state" },
    ]);
  });

  it.each([
    [{ a: [1, Number.NaN] }, "state.a[1] is NaN"],
    [new Map([[1, 2]]), "state is a Map"],
    [{ at: new Date(0) }, "state.at is a Date"],
    [[undefined], "state[0] is undefined"],
  ])("declines the checkpoint when JSON would change its state: %o", (state, mistake) => {
    const lossy = process<number, number>({
      name: "lossy",
      create: () => ({ processRecord: () => {}, snapshotState: () => state }),
    });
    const { acknowledged, declined, run } = bound(lossy);
    run([{ control: "Barrier", value: 7 }]);
    expect(acknowledged).toEqual([]);
    const message = `the state of operator lossy is not JSON: ${mistake}`;
    expect(declined).toEqual([{ checkpointId: 7, message }]);
  });

  it.each(["", "__proto__", 3])("refuses %o as a name", (name) => {
    const create = () => ({ processRecord: () => {} });
    expect(() => process({ name: name as string, create })).toThrow("process.name");
  });

  it("names itself when its state cannot be taken", () => {
    const broken = process<number, number>({
      name: "broken",
      create: () => ({ processRecord: () => {}, snapshotState: fail }),
    });
    const input = chunksOf<number>([{ control: "Barrier", value: 1 }]);
    expect(() => collect(from(input).pipe(broken))).toThrow(
      expect.objectContaining({
        code: "OPERATOR_FAILED",
        message: "operator broken could not snapshot its state",
        cause: new Error("boom"),
      }),
    );
  });
});

function fail(): never {
  throw new Error("boom");
}
