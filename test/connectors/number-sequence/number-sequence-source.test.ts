import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { numberSequenceSource } from "../../../src/connectors/number-sequence/index.js";
import { splitNumberRange } from "../../../src/enumerator/number-sequence-split.js";
import { readAll, SourceRun } from "../source-run.js";

const MAX = Number.MAX_SAFE_INTEGER;

/** What NumberSequenceIterator.split of Flink 2.2.1 gave. */
const FLINK: readonly (readonly [number, number, number, readonly string[]])[] = [
  [1, 10, 3, ["1:1..4", "2:5..7", "3:8..10"]],
  [0, 4, 8, ["1:0..0", "2:1..1", "3:2..2", "4:3..3", "5:4..4"]],
  [5, 5, 1, ["1:5..5"]],
  [-7, 9, 4, ["1:-7..-3", "2:-2..1", "3:2..5", "4:6..9"]],
  [0, 99, 7, ["1:0..14", "2:15..29", "3:30..43", "4:44..57", "5:58..71", "6:72..85", "7:86..99"]],
  [
    -MAX,
    MAX,
    3,
    [
      "1:-9007199254740991..-3002399751580331",
      "2:-3002399751580330..3002399751580330",
      "3:3002399751580331..9007199254740991",
    ],
  ],
  [3, 4, 2, ["1:3..3", "2:4..4"]],
];

describe("splitNumberRange", () => {
  it.each(FLINK)("cuts %d to %d into %d as Flink does", (from, to, parts, expected) => {
    const splits = splitNumberRange(from, to, parts);
    expect(splits.map((split) => `${split.splitId}:${split.from}..${split.to}`)).toEqual(expected);
  });

  it("gives disjoint, complete, non-empty runs that differ by one at most", () => {
    const bound = fc.maxSafeInteger();
    fc.assert(
      fc.property(bound, bound, fc.integer({ min: 1, max: 200 }), (a, b, parts) => {
        const from = Math.min(a, b);
        const to = Math.max(a, b);
        const splits = splitNumberRange(from, to, parts);
        let next = BigInt(from);
        for (const split of splits) {
          expect(BigInt(split.from)).toBe(next);
          expect(split.to).toBeGreaterThanOrEqual(split.from);
          next = BigInt(split.to) + 1n;
        }
        expect(next).toBe(BigInt(to) + 1n);
        const sizes = splits.map((split) => BigInt(split.to) - BigInt(split.from));
        expect(Number((sizes[0] ?? 0n) - (sizes.at(-1) ?? 0n))).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("numberSequenceSource", () => {
  it("gives every number once, with any number of subtasks and splits", async () => {
    for (const options of [{}, { splits: 1 }, { splits: 7 }]) {
      const source = numberSequenceSource({ from: -3, to: 20, ...options });
      const numbers = await readAll(source, { parallelism: 3 });
      expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, i) => i - 3));
    }
  });

  it("reaches the largest safe number and stops there", async () => {
    expect(await readAll(numberSequenceSource({ from: MAX - 2, to: MAX }))).toEqual([
      MAX - 2,
      MAX - 1,
      MAX,
    ]);
  });

  it("goes on after a restore with exactly the rest, from every position", async () => {
    const source = numberSequenceSource({ from: 0, to: 11, splits: 3 });
    for (let taken = 0; taken <= 12; taken++) {
      const first = new SourceRun(source, { parallelism: 2 }).start();
      const before = await first.take(taken);
      const restore = first.checkpoint();
      const after = await readAll(source, { parallelism: 2, restore });
      expect([...before, ...after].sort((a, b) => a - b)).toEqual([...Array(12).keys()]);
    }
  });

  it("refuses options that make no sequence", () => {
    const refused = (options: object) => () => numberSequenceSource(options as never);
    expect(refused({ from: 2, to: 1 })).toThrow(/numberSequenceSource\.to: .*≥.*got 1/);
    expect(refused({ from: 0, to: 2 ** 53 })).toThrow(/numberSequenceSource\.to/);
    expect(refused({ from: 0.5, to: 2 })).toThrow(/numberSequenceSource\.from/);
    expect(refused({ from: 0, to: 2, splits: 0 })).toThrow(/numberSequenceSource\.splits/);
    expect(refused({ from: 0, to: 2, step: 1 })).toThrow(/numberSequenceSource\.step.*misspelt/);
  });
});
