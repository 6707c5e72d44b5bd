import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SlidingWindowOptions, slidingWindow, tumblingWindow } from "../../src/state/index.js";
import { dealKeyedState } from "../../src/state/keyed-state-bytes.js";
import type { Element } from "../stream/elements.js";
import { BoundOperator, bytesOf, record, watermark } from "./bound-operator.js";

interface Item {
  readonly id: number;
  readonly key: string;
}

type Late = { readonly tooLate: number };

/** Gathers the ids, so that nothing that is lost or doubled can hide. */
const ids = {
  create: (): number[] => [],
  add(all: number[], { id }: Item): number[] {
    all.push(id);
    return all;
  },
  merge: (a: number[], b: number[]): number[] => [...a, ...b],
};

const byKey = ({ key }: Item): string => key;
const tooLate = ({ id }: Item): Late => ({ tooLate: id });
const item = (id: number, key: string, time: number): Element<Item> => record({ id, key }, time);

const ten = tumblingWindow({ name: "ten", size: 10, keyOf: byKey, aggregate: ids, late: tooLate });

describe("tumblingWindow", () => {
  it("emits each key's window before the watermark that passes its last millisecond", () => {
    const operator = new BoundOperator<Item, unknown>(ten);
    const out = operator.run([
      item(1, "a", 0),
      item(2, "b", 9),
      item(3, "a", 9),
      item(4, "a", 10),
      watermark(8),
      watermark(9),
    ]);
    expect(out).toEqual([
      { control: "Watermark", value: 8 },
      { record: { key: "a", start: 0, end: 10, value: [1, 3], late: 0 }, timestamp: 9 },
      { record: { key: "b", start: 0, end: 10, value: [2], late: 0 }, timestamp: 9 },
      { control: "Watermark", value: 9 },
    ]);
  });

  it("cuts at its offset, also before 1970", () => {
    const shifted = tumblingWindow({
      name: "shifted",
      size: 10,
      offset: -3,
      keyOf: byKey,
      aggregate: ids,
    });
    const operator = new BoundOperator<Item, { start: number }>(shifted);
    const input = [-14, -13, -4, -3, 6, 7].map((time, i) => item(i, "a", time));
    const out = operator.records([...input, watermark(Number.POSITIVE_INFINITY)]);
    expect(out).toMatchObject([
      { start: -23, value: [0] },
      { start: -13, value: [1, 2] },
      { start: -3, value: [3, 4] },
      { start: 7, value: [5] },
    ]);
  });

  it("counts a record that is too late, and emits what `late` makes of it", () => {
    const operator = new BoundOperator<Item, unknown>(ten);
    const out = operator.records([watermark(9), item(1, "a", 9), item(2, "a", 10), watermark(19)]);
    expect(out).toEqual([{ tooLate: 1 }, { key: "a", start: 10, end: 20, value: [2], late: 1 }]);
  });

  it("emits what comes within the allowed lateness as one more part, at the next watermark", () => {
    const lenient = tumblingWindow({
      name: "lenient",
      size: 10,
      allowedLateness: 5,
      keyOf: byKey,
      aggregate: ids,
      late: tooLate,
    });
    const operator = new BoundOperator<Item, unknown>(lenient);
    const out = operator.records([
      item(1, "a", 3),
      watermark(13),
      item(2, "a", 4),
      item(3, "a", 5),
      watermark(14),
      item(4, "a", 6),
    ]);
    expect(out).toMatchObject([{ value: [1] }, { value: [2, 3] }, { tooLate: 4 }]);
  });

  it("decides after a restore as before what is late", () => {
    const first = new BoundOperator<Item, unknown>(ten);
    first.run([item(1, "a", 12), watermark(11)]);
    const second = new BoundOperator<Item, unknown>(ten, [bytesOf(first.barrier(1))]);
    expect(
      second.records([item(2, "a", 9), watermark(5), item(3, "a", 13), watermark(19)]),
    ).toEqual([{ tooLate: 2 }, { key: "a", start: 10, end: 20, value: [1, 3], late: 1 }]);
  });

  it("goes on after a drain: what ended time is not kept", () => {
    const first = new BoundOperator<Item, unknown>(ten);
    first.run([item(1, "a", 2), watermark(5), watermark(Number.POSITIVE_INFINITY)]);
    const second = new BoundOperator<Item, unknown>(ten, [bytesOf(first.barrier(1))]);
    expect(second.records([item(2, "a", 8), watermark(9)])).toMatchObject([{ value: [2] }]);
  });

  it("refuses the state of windows of another size", () => {
    const state = bytesOf(new BoundOperator<Item, unknown>(ten).barrier(1));
    const twenty = tumblingWindow({ name: "ten", size: 20, keyOf: byKey, aggregate: ids });
    expect(() => new BoundOperator(twenty, [state])).toThrow(
      "windows of 10 ms every 10 ms from 0, not of windows of 20 ms every 20 ms",
    );
  });

  it("refuses a record without time, a key that is none, and options that mean nothing", () => {
    const operator = (): BoundOperator<Item, unknown> => new BoundOperator(ten);
    expect(() => operator().run([item(1, "a", Number.NEGATIVE_INFINITY)])).toThrow("event time");
    expect(() => operator().run([item(1, "a", 1.7e18)])).toThrow("event time 1700000000000000000");
    const bad = tumblingWindow({ name: "bad", size: 1, keyOf: () => Number.NaN, aggregate: ids });
    expect(() => new BoundOperator<Item, unknown>(bad).run([item(1, "a", 1)])).toThrow("keyOf");
    const options = { name: "x", size: 10, keyOf: byKey, aggregate: ids };
    expect(() => tumblingWindow({ ...options, size: 0 })).toThrow("tumblingWindow.size");
    expect(() => slidingWindow({ ...options, slide: 11 })).toThrow("slidingWindow.slide");
    const everyMs = { ...options, size: "1d", slide: 1 } as const;
    expect(() => slidingWindow(everyMs)).toThrow("slidingWindow.slide: expected a duration of at");
    expect(() => slidingWindow({ ...options, slide: 0.5 })).toThrow("slidingWindow.slide");
    expect(() => tumblingWindow({ ...options, offset: 0.5 })).toThrow("tumblingWindow.offset");
  });

  it("declines a checkpoint of what is not JSON, and names the key", () => {
    const dates = tumblingWindow({
      name: "dates",
      size: 10,
      keyOf: byKey,
      aggregate: { create: () => new Date(0), add: (date) => date, merge: (date) => date },
    });
    const operator = new BoundOperator<Item, unknown>(dates);
    operator.run([item(1, "a", 1)]);
    expect(() => bytesOf(operator.barrier(1))).toThrow('window of "a" is a Date');
    expect(operator.records([watermark(9)])).toHaveLength(1);
  });
});

interface Settings {
  readonly size: number;
  readonly slide: number;
  readonly offset: number;
  readonly allowedLateness: number;
}

const settings: fc.Arbitrary<Settings> = fc
  .record({
    size: fc.integer({ min: 1, max: 12 }),
    slide: fc.integer({ min: 1, max: 12 }),
    offset: fc.integer({ min: -15, max: 15 }),
    allowedLateness: fc.constantFrom(0, 0, 4, 1000),
  })
  .map((some) => ({ ...some, slide: Math.min(some.slide, some.size) }));

type Step =
  | { readonly type: "record"; readonly key: string; readonly time: number }
  | { readonly type: "watermark"; readonly by: number }
  | { readonly type: "snapshot" }
  | { readonly type: "serialize" }
  /** Goes on from the last snapshot's state, which is dealt to so many subtasks and back to one. */
  | { readonly type: "restore"; readonly parallelism: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("record" as const),
      key: fc.constantFrom("a", "b", "c"),
      time: fc.integer({ min: -20, max: 60 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("watermark" as const),
      by: fc.integer({ min: 0, max: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "snapshot" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "serialize" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("restore" as const),
      parallelism: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

/** What is plain about windows: the starts of those that a time is in. */
function startsOf(time: number, { size, slide, offset }: Settings): number[] {
  const starts: number[] = [];
  for (let start = time - size + 1; start <= time; start++) {
    if ((((start - offset) % slide) + slide) % slide === 0) starts.push(start);
  }
  return starts;
}

function operatorOf(given: Settings) {
  const options: SlidingWindowOptions<Item, string, number[], number[], Late> = {
    name: "windows",
    ...given,
    keyOf: byKey,
    aggregate: ids,
    late: tooLate,
  };
  return slidingWindow(options);
}

describe("windows of any kind", () => {
  it("have each record once in each of its windows, or late, as a plain model says, also after restores", () => {
    fc.assert(
      fc.property(settings, fc.array(step, { maxLength: 60 }), (given, steps) => {
        let operator = new BoundOperator<Item, unknown>(operatorOf(given));
        // The model: what is open, the watermark, what was late; and all that at the last snapshot.
        let open: { start: number; key: string; id: number }[] = [];
        let now = Number.NEGATIVE_INFINITY;
        let saved: { bytes: () => Uint8Array; open: typeof open; now: number } | undefined;
        const fire = (): string[] => {
          const due = open.filter(({ start }) => start + given.size - 1 <= now);
          open = open.filter((one) => !due.includes(one));
          return due.map(({ start, key, id }) => `${start} ${key} ${id}`).sort();
        };
        const fired = (out: readonly unknown[]): string[] =>
          (out as { start: number; key: string; value: number[] }[])
            .flatMap(({ start, key, value }) => value.map((id) => `${start} ${key} ${id}`))
            .sort();
        for (const [id, next] of steps.entries()) {
          switch (next.type) {
            case "record": {
              const isOpen = (start: number): boolean =>
                start + given.size - 1 + given.allowedLateness > now;
              const starts = startsOf(next.time, given).filter(isOpen);
              open.push(...starts.map((start) => ({ start, key: next.key, id })));
              const out = operator.records([item(id, next.key, next.time)]);
              expect(out).toEqual(starts.length === 0 ? [{ tooLate: id }] : []);
              break;
            }
            case "watermark": {
              now = Math.max(now, -20) + next.by;
              expect(fired(operator.records([watermark(now)]))).toEqual(fire());
              break;
            }
            case "snapshot": {
              const snapshot = operator.barrier(id);
              saved = { bytes: () => bytesOf(snapshot), open: [...open], now };
              break;
            }
            case "serialize":
              saved?.bytes();
              break;
            case "restore": {
              if (saved === undefined) break;
              const dealt = dealKeyedState(saved.bytes(), next.parallelism, 0);
              operator = new BoundOperator<Item, unknown>(operatorOf(given), dealt);
              ({ open, now } = saved);
              open = [...open];
              break;
            }
          }
        }
        now = Number.POSITIVE_INFINITY;
        expect(fired(operator.records([watermark(now)]))).toEqual(fire());
      }),
      { numRuns: 400 },
    );
  });
});
