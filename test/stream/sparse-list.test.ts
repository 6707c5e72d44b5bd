import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SparseList } from "../../src/stream/sparse-list.js";

interface Item {
  readonly n: number;
  isGone: boolean;
}

function listOf(count: number): {
  readonly items: readonly Item[];
  readonly list: SparseList<Item>;
} {
  const list = new SparseList<Item>((item) => item.isGone);
  const items = Array.from({ length: count }, (_, n) => ({ n, isGone: false }));
  for (const item of items) list.push(item);
  return { items, list };
}

function remove(list: SparseList<Item>, item: Item): void {
  item.isGone = true;
  list.oneWent();
}

describe("a sparse list", () => {
  it("has what has come and not gone, in the order in which it came", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4000 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (count, chances, share) => {
          const { items, list } = listOf(count);
          for (const item of items) {
            if ((chances.next().value as number) < share) remove(list, item);
          }
          list.push({ n: -1, isGone: false });
          const left = items.filter(({ isGone }) => !isGone).map(({ n }) => n);
          expect([...list].map(({ n }) => n)).toEqual([...left, -1]);
          expect(list.size).toBe(left.length + 1);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("gives each item once while items go", () => {
    const { list } = listOf(5000);
    const seen: number[] = [];
    for (const item of list) {
      seen.push(item.n);
      remove(list, item);
    }
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, n) => n));
    expect([list.size, ...list]).toEqual([0]);
  });

  it("is empty when it was cleared, and takes more", () => {
    const { list } = listOf(3);
    list.clear();
    expect([list.size, ...list]).toEqual([0]);
    const item = { n: 7, isGone: false };
    list.push(item);
    expect([...list]).toEqual([item]);
  });
});
