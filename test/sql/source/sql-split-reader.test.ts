import { describe, expect, it } from "vitest";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";
import type { SqlSplit } from "../../../src/sql/source/index.js";
import { SqlSplitReader } from "../../../src/sql/source/sql-split-reader.js";
import type { KeyRange, SqlPage, SqlTable } from "../../../src/sql/source/sql-table.js";

interface Deferred {
  readonly range: KeyRange;
  answer(): void;
  fail(error: Error): void;
}

/** Numbers as keys, two rows a page, each page when the test says so. */
function handDriven() {
  const asked: Deferred[] = [];
  let opened = 0;
  let closed = 0;
  const table: SqlTable = {
    highest: async () => null,
    marks: async () => [],
    page: (range) =>
      new Promise<SqlPage>((resolve, reject) => {
        const from = range.after === null ? 0 : Number(range.after[0]) + 1;
        const to = Math.min(from + 2, Number(range.to[0]) + 1);
        const rows = Array.from({ length: to - from }, (_, i) => [from + i]);
        const columns = [{ name: "n" }];
        const page = {
          columns,
          rows,
          isLast: false,
          keyOf: (row: readonly unknown[]) => [String(row[0])],
        };
        asked.push({ range, answer: () => resolve(page), fail: reject });
      }),
    close: async () => {
      closed++;
    },
  };
  const access = {
    name: "t(n)",
    rowsPerLook: 10,
    open: async () => {
      opened++;
      return table;
    },
  };
  const reader = new SqlSplitReader<{ n: number }>(access, undefined, new MetricRegistry().root());
  return { reader, asked, opened: () => opened, closed: () => closed };
}

const split = (name: string, after: number | null, to: number): SqlSplit => ({
  splitId: name,
  table: "t(n)",
  after: after === null ? null : [String(after)],
  to: [String(to)],
  rows: 0,
});

type Reader = ReturnType<typeof handDriven>["reader"];

/** What a fetch has: `a: 0 1 end`. */
async function fetched(fetch: ReturnType<Reader["fetch"]>): Promise<string> {
  const batch = await fetch;
  const parts: unknown[] = [];
  for (let id = batch.nextSplit(); id !== null; id = batch.nextSplit()) {
    parts.push(`${id}:`);
    for (let row = batch.nextRecordFromSplit(); row !== null; row = batch.nextRecordFromSplit()) {
      parts.push(row.value.n);
    }
  }
  if (batch.finishedSplits().size > 0) parts.push(`end ${[...batch.finishedSplits()].join()}`);
  return parts.join(" ");
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe("SqlSplitReader", () => {
  it("takes turns between its splits, page by page, on one connection", async () => {
    const { reader, asked, opened, closed } = handDriven();
    reader.handleSplitsChanges({
      type: "ADDITION",
      splits: [split("a", null, 3), split("b", 9, 12)],
    });
    const seen: string[] = [];
    for (let i = 0; i < 4; i++) {
      const fetch = reader.fetch();
      await settle();
      asked.at(-1)?.answer();
      seen.push(await fetched(fetch));
    }
    expect(seen).toEqual(["a: 0 1", "b: 10 11", "a: 2 3 end a", "b: 12 end b"]);
    expect(opened()).toBe(1);
    await reader.close();
    expect(closed()).toBe(1);
  });

  it("keeps a page that comes after a wake-up for the next fetch", async () => {
    const { reader, asked } = handDriven();
    reader.handleSplitsChanges({ type: "ADDITION", splits: [split("a", null, 1)] });
    const first = reader.fetch();
    await settle();
    reader.wakeUp();
    expect(await fetched(first)).toBe("");
    const second = reader.fetch();
    asked[0]?.answer();
    expect(await fetched(second)).toBe("a: 0 1 end a");
    expect(asked.length).toBe(1);
  });

  it("hands out nothing of a split while it is paused, and loses nothing of it", async () => {
    const { reader, asked } = handDriven();
    const [a, b] = [split("a", null, 1), split("b", 9, 11)];
    reader.handleSplitsChanges({ type: "ADDITION", splits: [a, b] });
    const first = reader.fetch();
    await settle();
    reader.pauseOrResumeSplits([a], []);
    asked[0]?.answer();
    expect(await fetched(first)).toBe("");
    const second = reader.fetch();
    await settle();
    asked[1]?.answer();
    expect(await fetched(second)).toBe("b: 10 11 end b");
    const idle = reader.fetch();
    reader.pauseOrResumeSplits([], [a]);
    reader.wakeUp();
    expect(await fetched(idle)).toBe("");
    expect(await fetched(reader.fetch())).toBe("a: 0 1 end a");
    expect(asked.length).toBe(2);
  });

  it("drops the page of a split that was removed", async () => {
    const { reader, asked } = handDriven();
    const a = split("a", null, 1);
    reader.handleSplitsChanges({ type: "ADDITION", splits: [a] });
    const fetch = reader.fetch();
    await settle();
    reader.handleSplitsChanges({ type: "REMOVAL", splits: [a] });
    asked[0]?.answer();
    expect(await fetched(fetch)).toBe("");
  });

  it("throws what reading a page fails with, at the fetch that waits for it", async () => {
    const { reader, asked } = handDriven();
    reader.handleSplitsChanges({ type: "ADDITION", splits: [split("a", null, 1)] });
    const first = reader.fetch();
    await settle();
    reader.wakeUp();
    await first;
    asked[0]?.fail(new Error("gone"));
    await settle();
    await expect(reader.fetch()).rejects.toThrow("gone");
    await reader.close();
  });

  it("closes a connection that stands only after the end", async () => {
    const { reader, opened, closed } = handDriven();
    reader.handleSplitsChanges({ type: "ADDITION", splits: [split("a", null, 1)] });
    const fetch = reader.fetch();
    const closing = reader.close();
    await closing;
    await fetch;
    expect([opened(), closed()]).toEqual([1, 1]);
  });

  it("refuses a split of another table", () => {
    const { reader } = handDriven();
    const other = { ...split("a", null, 1), table: "u(n)" };
    expect(() => reader.handleSplitsChanges({ type: "ADDITION", splits: [other] })).toThrow(
      /u\(n\).*t\(n\)/,
    );
  });
});
