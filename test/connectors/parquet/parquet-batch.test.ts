import { describe, expect, it } from "vitest";
import { BadRows } from "../../../src/connectors/parquet/bad-rows.js";
import { ParquetBatch, unreadableRows } from "../../../src/connectors/parquet/parquet-batch.js";

const group = {
  rows: 3,
  names: ["plain", 'strange "name"\n`$`', "__proto__"],
  columns: [Float64Array.of(1, 2, 3), ["a", "b", "a"], ["x", "y", null]],
  badRows: undefined,
};

describe("ParquetBatch", () => {
  it("makes plain objects with the columns in order, whatever they are called", () => {
    const batch = new ParquetBatch<object>("split", group, 1, 3);
    expect(batch.nextSplit()).toBe("split");
    const rows = [1, 2].map(() => batch.nextRecordFromSplit()?.value as object);
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

  it("gives a bad row in its place, and the others with where to go on", () => {
    const badRows = new BadRows({ path: "f", rowGroup: 2, rowStart: 100 });
    badRows.add(1, "big", 2n ** 60n);
    badRows.add(1, "other", 2n ** 61n);
    const batch = new ParquetBatch<object>("split", { ...group, badRows }, 0, 3);
    const seen = [0, 1, 2].map(() => {
      const { position, bad } = batch.nextRecordFromSplit() ?? {};
      return [position, bad?.position, (bad?.error as Error | undefined)?.message];
    });
    expect(seen).toEqual([
      [1, undefined, undefined],
      [
        2,
        1,
        "Parquet file f, row group 2, column big, row 101: 1152921504606846976 is beyond ±(2^53 − 1) and no exact number",
      ],
      [3, undefined, undefined],
    ]);
  });
});

describe("unreadableRows", () => {
  it("are one bad record, behind which the split ends", () => {
    const error = new Error("wrong");
    const batch = unreadableRows("split", 4, 9, error);
    expect(batch.nextSplit()).toBe("split");
    expect(batch.nextRecordFromSplit()).toEqual({
      value: undefined,
      position: 9,
      bad: { position: 4, raw: new Uint8Array(0), rawLength: 0, error },
    });
    expect(batch.nextRecordFromSplit()).toBeNull();
    expect(batch.nextSplit()).toBeNull();
    expect([...batch.finishedSplits()]).toEqual(["split"]);
  });
});
