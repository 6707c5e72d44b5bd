import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EntrySnapshots, type SnapshotEntry } from "../../src/state/entry-snapshots.js";
import type { StateSnapshot } from "../../src/stream/operator-context.js";
import { bytesOf } from "./bound-operator.js";

/** More entries than three slices take. */
const KEYS = 3500;

interface Entry extends SnapshotEntry {
  value: number;
}

type Step =
  | { readonly type: "change" | "remove"; readonly key: number }
  | { readonly type: "begin" | "some" | "all" | "cancel" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom("change" as const, "change" as const, "remove" as const),
      key: fc.nat(KEYS + 50),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "begin" as const,
        "some" as const,
        "some" as const,
        "all" as const,
        "cancel" as const,
      ),
    }),
  },
);

function entriesIn(snapshot: StateSnapshot): Map<number, number> {
  const { entries } = JSON.parse(new TextDecoder().decode(bytesOf(snapshot))) as {
    entries: [number, number, number][];
  };
  expect(new Set(entries.map(([, key]) => key)).size).toBe(entries.length);
  return new Map(entries.map(([, key, value]) => [key, value]));
}

describe("a snapshot of entries", () => {
  it("is what they were at its barrier, whatever is changed, cancelled or begun before it is bytes", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const snapshots = new EntrySnapshots<Entry>(({ key, value }) => [key, value]);
        const entries = new Map<number, Entry>();
        const set = (key: number, value: number): void => {
          const entry = entries.get(key);
          if (entry === undefined) {
            entries.set(key, { key, value, generation: snapshots.generation });
            return;
          }
          snapshots.touch(entry);
          entry.value = value;
        };
        for (let key = 0; key < KEYS; key++) set(key, 0);
        const begun: { snapshot: StateSnapshot; expected: Map<number, number> }[] = [];
        for (const [i, next] of steps.entries()) {
          const last = begun.at(-1);
          if (next.type === "change") set(next.key, i);
          else if (next.type === "remove") {
            const entry = entries.get(next.key);
            if (entry === undefined) continue;
            snapshots.touch(entry);
            entries.delete(next.key);
          } else if (next.type === "begin") {
            const expected = new Map([...entries].map(([key, { value }]) => [key, value]));
            begun.push({ snapshot: snapshots.begin({}, entries.values()), expected });
          } else if (next.type === "some") last?.snapshot.serializeSome();
          else if (next.type === "cancel") {
            last?.snapshot.cancel();
            begun.pop();
          } else if (last !== undefined) bytesOf(last.snapshot);
        }
        for (const { snapshot, expected } of begun) expect(entriesIn(snapshot)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("that is no JSON is declined, and the next one is whole", () => {
    const snapshots = new EntrySnapshots<Entry>(({ key, value }) => {
      if (Number.isNaN(value)) throw new Error(`${key} is NaN`);
      return [key, value];
    });
    const entries = Array.from({ length: KEYS }, (_, key) => ({ key, value: 0, generation: 0 }));
    const bad = entries[KEYS - 1] as Entry;
    bad.value = Number.NaN;
    const first = snapshots.begin({}, entries.values());
    first.serializeSome();
    const second = snapshots.begin({}, entries.values());
    expect(() => bytesOf(first)).toThrow("3499 is NaN");
    expect(() => bytesOf(second)).toThrow("3499 is NaN");
    const third = snapshots.begin({}, entries.values());
    snapshots.touch(bad);
    bad.value = 1;
    expect(() => bytesOf(third)).toThrow("3499 is NaN");
    expect(entriesIn(snapshots.begin({}, entries.values())).size).toBe(KEYS);
  });
});
