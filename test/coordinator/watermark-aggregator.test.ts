import { describe, expect, it } from "vitest";
import { WatermarkAggregator } from "../../src/coordinator/watermark-aggregator.js";
import { SeededRandom } from "../../src/mailbox/index.js";

const MAX = Number.POSITIVE_INFINITY;
const MIN = Number.NEGATIVE_INFINITY;

/**
 * A watermark for a random number of 0 to 99: sometimes an extreme, often one that others have too.
 */
function watermark(n: number): number {
  if (n < 5) return MAX;
  return n < 10 ? MIN : n * 7 - 300;
}

describe("WatermarkAggregator", () => {
  it("follows the minimum of the latest watermarks, up and down [CA-06]", () => {
    const aggregator = new WatermarkAggregator<string>();
    const updates: [string, number, number][] = [
      ["0", 10, 10],
      ["1", 12, 10],
      ["2", 13, 10],
      ["1", 9, 9],
      ["1", MAX, 10],
      ["1", 8, 8],
      ["1", 20, 10],
      ["0", 23, 13],
      ["2", 22, 20],
    ];
    let before = MIN;
    for (const [key, watermark, combined] of updates) {
      const changed = aggregator.aggregate(key, watermark);
      expect(aggregator.combined).toBe(combined);
      expect(changed).toBe(combined === before ? undefined : combined);
      before = combined;
    }
  });

  it.each([1, 2, 3])("is always the minimum over random updates, seed %i [CA-07]", (seed) => {
    const random = new SeededRandom(seed);
    const below = (n: number): number => Math.floor(random.next() * n);
    for (const keys of [1, 2, 10, 300]) {
      const aggregator = new WatermarkAggregator<number>();
      const latest = new Map<number, number>();
      for (let i = 0; i < 3000; i++) {
        const key = below(keys);
        if (below(20) === 0) {
          aggregator.remove(key);
          latest.delete(key);
        } else {
          const value = watermark(below(100));
          aggregator.aggregate(key, value);
          latest.set(key, value);
        }
        const expected = latest.size === 0 ? MIN : Math.min(...latest.values());
        expect(aggregator.combined).toBe(expected);
        expect(aggregator.size).toBe(latest.size);
      }
      expect(new Set(aggregator.keys)).toEqual(new Set(latest.keys()));
    }
  });

  it("is at the minimum while there is no key", () => {
    const aggregator = new WatermarkAggregator<string>();
    expect(aggregator.combined).toBe(MIN);
    expect(aggregator.aggregate("a", MIN)).toBeUndefined();
    expect([...aggregator.keys]).toEqual(["a"]);
  });

  it("refuses a watermark that is no number", () => {
    expect(() => new WatermarkAggregator<string>().aggregate("a", Number.NaN)).toThrow(/NaN/);
  });
});
