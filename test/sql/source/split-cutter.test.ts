import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CutPlan, SplitCutter } from "../../../src/sql/source/split-cutter.js";
import type { KeyRange, SqlKey, SqlTable } from "../../../src/sql/source/sql-table.js";

/** A table of the keys 0, 1, 2, …, as a database would give them. */
class Keys implements Pick<SqlTable, "highest" | "marks"> {
  readonly rows: number;
  mostRows = 0;
  mostKeys = 0;
  looks = 0;

  constructor(rows: number) {
    this.rows = rows;
  }

  async highest(): Promise<SqlKey | null> {
    return this.rows === 0 ? null : [String(this.rows - 1)];
  }

  async marks({ after, to }: KeyRange, rows: number, every: number): Promise<readonly SqlKey[]> {
    expect(rows % every).toBe(0);
    const keys: SqlKey[] = [];
    const first = after === null ? 0 : Number(after[0]) + 1;
    for (let i = first + every - 1; i <= Number(to[0]) && i < first + rows; i += every) {
      keys.push([String(i)]);
    }
    this.looks++;
    this.mostRows = Math.max(this.mostRows, rows);
    this.mostKeys = Math.max(this.mostKeys, keys.length);
    return keys;
  }
}

async function cut(
  table: Keys,
  plan: CutPlan,
  rowsPerLook: number,
  after: SqlKey | null = null,
): Promise<readonly KeyRange[]> {
  const cutter = new SplitCutter({ table, plan, after, rowsPerLook });
  for (;;) {
    const ranges = await cutter.step();
    if (ranges !== undefined) return ranges;
  }
}

/** How many rows each range has; throws when there is a gap. */
function sizes(ranges: readonly KeyRange[], after: SqlKey | null = null): number[] {
  let last = after;
  return ranges.map((range) => {
    expect(range.after).toEqual(last);
    last = range.to;
    return Number(range.to[0]) - (range.after === null ? -1 : Number(range.after[0]));
  });
}

describe("SplitCutter", () => {
  it("cuts into splits of exactly so many rows, and a last one of the rest", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(500),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 100 }),
        async (rows, splitSize, rowsPerLook) => {
          const table = new Keys(rows);
          const found = sizes(await cut(table, { splitSize }, rowsPerLook));
          const whole = Math.floor(rows / splitSize);
          const rest = rows % splitSize === 0 ? [] : [rows % splitSize];
          expect(found).toEqual([...Array(whole).fill(splitSize), ...rest]);
          expect(table.mostRows).toBeLessThanOrEqual(rowsPerLook);
        },
      ),
    );
  });

  it("cuts into so many splits, all within one part in eight of each other", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(40_000),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 3000 }),
        async (rows, splits, rowsPerLook) => {
          fc.pre(rows / rowsPerLook < 2000);
          const table = new Keys(rows);
          const found = sizes(await cut(table, { splits }, rowsPerLook));
          expect(found.length).toBe(Math.min(rows, splits));
          expect(found.reduce((a, b) => a + b, 0)).toBe(rows);
          const even = rows / splits;
          for (const size of found) expect(Math.abs(size - even)).toBeLessThanOrEqual(even / 8 + 1);
          expect(table.mostRows).toBeLessThanOrEqual(rowsPerLook);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keeps a few thousand marks of a table of millions of rows", async () => {
    const table = new Keys(5_000_000);
    const found = sizes(await cut(table, { splits: 10 }, 65_536));
    expect(found.length).toBe(10);
    for (const size of found) expect(Math.abs(size - 500_000)).toBeLessThan(5000);
    expect(table.mostKeys).toBeLessThanOrEqual(2048);
    expect(table.looks).toBeLessThan(200);
  });

  it("finds only what lies above a key, which may be nothing", async () => {
    const table = new Keys(100);
    expect(sizes(await cut(table, { splitSize: 30 }, 7, ["49"]), ["49"])).toEqual([30, 20]);
    expect(await cut(table, { splitSize: 30 }, 7, ["99"])).toEqual([]);
    expect(await cut(table, { splits: 3 }, 7, ["200"])).toEqual([]);
    expect(await cut(new Keys(0), { splits: 3 }, 7)).toEqual([]);
  });

  it("refuses more splits than may wait", async () => {
    await expect(cut(new Keys(100_001), { splitSize: 1 }, 65_536)).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      hint: expect.stringContaining("splitSize"),
    });
  });
});
