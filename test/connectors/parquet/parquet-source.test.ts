import { describe, expect, it } from "vitest";
import { parquetSource } from "../../../src/connectors/parquet/index.js";
import { readAll, SourceRun } from "../source-run.js";
import {
  FLIGHTS,
  read,
  SMALL_COLUMNS,
  SMALL_FILE,
  sourceOf,
  startRun,
  toFile,
  toRecords,
  variedColumns,
} from "./parquet-files.js";
import { writeParquet } from "./parquet-writer.js";

const small = toFile(SMALL_FILE);
const expected = toRecords(SMALL_COLUMNS);

describe("parquetSource", () => {
  it("gives every row as an object with a property a column", async () => {
    const rows = await read(small);
    expect(rows).toEqual(expected);
    expect(Object.keys(rows[0] ?? {})).toEqual(SMALL_COLUMNS.map((column) => column.name));
  });

  it("gives the same rows whatever the batch size, the pages and the assignment", async () => {
    for (const batchSize of [1, 5, 8192]) {
      expect(await read(small, { batchSize, assignment: "on-request" })).toEqual(expected);
    }
    for (const pageRows of [1, 8, 40]) {
      const path = toFile(writeParquet({ columns: SMALL_COLUMNS, rowGroups: [40], pageRows }));
      expect(await read(path)).toEqual(expected);
    }
  });

  it("reads the wanted columns only, in the file's order", async () => {
    const rows = await read(small, { columns: ["city", "id"] });
    expect(rows.map((row) => Object.keys(row).join())).toEqual(expected.map(() => "id,city"));
  });

  it("reads several files one after the other and skips row groups without rows", async () => {
    const columns = variedColumns(3);
    const path = toFile(writeParquet({ columns, rowGroups: [0, 3, 0] }));
    const rows = await readAll(parquetSource({ path: [path, small] }));
    expect(rows).toEqual([...toRecords(columns), ...expected]);
  });

  it("ends at once when there is no row", async () => {
    const path = toFile(writeParquet({ columns: variedColumns(0), rowGroups: [] }));
    expect(await read(path)).toEqual([]);
  });

  it("gives timestamps as dates or as milliseconds, rounded down", async () => {
    const path = toFile(
      writeParquet({
        columns: [
          { name: "micros", type: "INT64", convertedType: "TIMESTAMP_MICROS", values: [1500, -1] },
          { name: "millis", type: "INT64", convertedType: "TIMESTAMP_MILLIS", values: [7, -7] },
          { name: "day", type: "INT32", convertedType: "DATE", values: [1, -1] },
        ],
        rowGroups: [2],
      }),
    );
    const numbers = [
      { micros: 1, millis: 7, day: 86_400_000 },
      { micros: -1, millis: -7, day: -86_400_000 },
    ];
    expect(await read(path, { timestamps: "number" })).toEqual(numbers);
    expect(await read(path)).toEqual(
      numbers.map(({ micros, millis, day }) => ({
        micros: new Date(micros),
        millis: new Date(millis),
        day: new Date(day),
      })),
    );
  });

  it("gives bytes as text only where they are annotated as text", async () => {
    const values = [Uint8Array.of(0x61, 0x62)];
    const type = "BYTE_ARRAY" as const;
    const columns = [
      { name: "raw", type, values },
      { name: "text", type, values, convertedType: "UTF8" as const },
      { name: "kind", type, values, convertedType: "ENUM" as const },
    ];
    expect(await read(toFile(writeParquet({ columns, rowGroups: [1] })))).toEqual([
      { raw: values[0], text: "ab", kind: "ab" },
    ]);
  });

  it("names file, row group, column and row of an integer that is no safe number", async () => {
    for (const dictionary of [true, false]) {
      const values = [1, 2, 3, 2n ** 53n];
      const columns = [{ name: "big", type: "INT64" as const, dictionary, values }];
      const path = toFile(writeParquet({ columns, rowGroups: [2, 2] }));
      await expect(read(path)).rejects.toMatchObject({
        code: "FETCHER_FAILED",
        hint: expect.stringContaining('"bigint"'),
        cause: {
          cause: {
            code: "LIMIT_EXCEEDED",
            message: expect.stringMatching(/row group 1, column big, row 3: 9007199254740992/),
          },
        },
      });
      expect(await read(path, { int64: "bigint" })).toEqual(
        values.map((value) => ({ big: BigInt(value) })),
      );
    }
  });

  it("makes numbers of the integers in lists too, and names the row of one that is none", async () => {
    const values = [[1, 2], [], [2n ** 53n]];
    const columns = [{ name: "list", type: "INT64" as const, repeated: true, values }];
    const path = toFile(writeParquet({ columns, rowGroups: [2, 1] }));
    expect(await read(path, { int64: "bigint" })).toEqual([
      { list: [1n, 2n] },
      { list: [] },
      { list: [2n ** 53n] },
    ]);
    const run = startRun(path);
    expect(await run.take(2)).toEqual([{ list: [1, 2] }, { list: [] }]);
    await run.close();
    await expect(read(path)).rejects.toMatchObject({
      cause: {
        cause: { message: expect.stringMatching(/column list, row 2: 9007199254740992/) },
      },
    });
  });

  it("reads all three million flights as hyparquet does", async () => {
    const source = sourceOf(FLIGHTS, {
      timestamps: "number",
      columns: ["date", "delay", "origin"],
    });
    const run = new SourceRun(source, { parallelism: 2 }).start();
    const sums = { rows: 0, delay: 0, date: 0, yak: 0 };
    for (let rows = await run.take(50_000); rows.length > 0; rows = await run.take(50_000)) {
      for (const row of rows as { date: number; delay: number; origin: string }[]) {
        sums.rows++;
        sums.delay += row.delay;
        sums.date = Math.max(sums.date, row.date);
        if (row.origin === "YAK") sums.yak++;
      }
    }
    await run.close();
    expect(sums).toMatchObject({ rows: 3_000_000, delay: 20_003_603 });
    expect(new Date(sums.date).getUTCFullYear()).toBe(2001);
  });

  it("refuses options that it cannot take, by name", async () => {
    const refused = (options: object) => () => parquetSource(options as never);
    expect(refused({})).toThrow(/parquetSource\.path/);
    expect(refused({ path: [] })).toThrow(/parquetSource\.path/);
    expect(refused({ path: ["a", "a"] })).toThrow(/parquetSource\.path: expected each entry once/);
    expect(refused({ path: "a", batchsize: 3 })).toThrow(/parquetSource\.batchsize.*misspelt/);
    expect(refused({ path: "a", batchSize: 0 })).toThrow(/parquetSource\.batchSize/);
    expect(refused({ path: "a", columns: [] })).toThrow(/parquetSource\.columns/);
    expect(refused({ path: "a", int64: "text" })).toThrow(/parquetSource\.int64/);
    await expect(read(small, { columns: ["nope"] })).rejects.toThrow(
      /parquetSource\.columns: expected one of .*\(id, small, .*got "nope"/,
    );
  });
});

describe("a restored parquetSource", () => {
  it.each(["on-request", "all-at-once"] as const)(
    "goes on with exactly the rest from every row (%s)",
    async (assignment) => {
      for (let taken = 0; taken <= expected.length; taken++) {
        const run = startRun(small, { assignment, batchSize: 4 });
        const before = await run.take(taken);
        const restore = run.checkpoint();
        await run.close();
        const after = await readAll(sourceOf(small, { assignment, batchSize: 4 }), { restore });
        const all = [...before, ...after];
        // Row groups take turns when one subtask has all of them.
        if (assignment === "all-at-once") all.sort((a, b) => Number(a.id) - Number(b.id));
        expect(all, `after ${taken} rows`).toEqual(expected);
      }
    },
  );

  it("reads the footers when the checkpoint was before their discovery", async () => {
    const run = startRun(small);
    const restore = run.checkpoint();
    await run.enumeratorRun.settled();
    await run.close();
    expect(await readAll(sourceOf(small), { restore })).toEqual(expected);
  });

  it("does not read a file that was replaced by one of another size", async () => {
    const path = toFile(SMALL_FILE);
    const run = startRun(path);
    await run.take(5);
    const restore = run.checkpoint();
    await run.close();
    const { writeFileSync } = await import("node:fs");
    writeFileSync(path, writeParquet({ columns: variedColumns(50), rowGroups: [50] }));
    await expect(readAll(sourceOf(path), { restore })).rejects.toMatchObject({
      cause: {
        cause: { code: "FILE_CORRUPT", message: expect.stringMatching(/bytes now and had/) },
      },
    });
  });
});
