import { describe, expect, it } from "vitest";
import { ParquetBatch } from "../../../src/connectors/parquet/parquet-batch.js";

const group = {
  rows: 3,
  names: ["plain", 'strange "name"\n`$`', "__proto__"],
  columns: [Float64Array.of(1, 2, 3), ["a", "b", "a"], ["x", "y", null]],
};

describe("ParquetBatch", () => {
  it("makes plain objects with the columns in order, whatever they are called", () => {
    const batch = new ParquetBatch<object>("split", group, 1, 3);
    expect(batch.nextSplit()).toBe("split");
    const rows = [batch.nextRecordFromSplit(), batch.nextRecordFromSplit()] as object[];
    expect(rows.map((row) => Object.entries(row))).toEqual(
      [1, 2].map((row) => group.names.map((name, i) => [name, group.columns[i]?.[row]])),
    );
    for (const row of rows) expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(batch.nextRecordFromSplit()).toBeNull();
    expect(batch.nextSplit()).toBeNull();
  });

  it("says that its split is finished only when it has the row group's last row", () => {
    expect([...new ParquetBatch("split", group, 0, 2).finishedSplits()]).toEqual([]);
    expect([...new ParquetBatch("split", group, 2, 3).finishedSplits()]).toEqual(["split"]);
  });
});
