import { statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Source } from "../../../src/api/source.js";
import type { SimpleVersionedSerializer } from "../../../src/api/source-split.js";
import {
  type ParquetEnumeratorState,
  type ParquetSplit,
  parquetSource,
} from "../../../src/connectors/parquet/index.js";
import { FilesFolder } from "../../files/files-folder.js";
import { readAll, type SourceCheckpoint, SourceRun } from "../source-run.js";
import {
  FLIGHTS,
  read,
  readDirty,
  SMALL_COLUMNS,
  SMALL_FILE,
  sourceOf,
  startRun,
  toFile,
  toRecords,
  variedColumns,
} from "./parquet-files.js";
import { writeParquet } from "./parquet-writer.js";

const folder = new FilesFolder();
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

  it("makes a bad record of a row with an integer that is no safe number, and of no other", async () => {
    for (const dictionary of [true, false]) {
      const values = [1, 2, 3, 2n ** 53n, 5, -(2n ** 53n)];
      const columns = [{ name: "big", type: "INT64" as const, dictionary, values }];
      const path = toFile(writeParquet({ columns, rowGroups: [2, 4] }));
      const { rows, bad, left } = await readDirty(path);
      expect(rows).toEqual([{ big: 1 }, { big: 2 }, { big: 3 }, { big: 5 }]);
      expect(left).toBe(0);
      expect(bad.map(({ splitId, position }) => [splitId, position])).toEqual([
        [`${path}#1`, 1],
        [`${path}#1`, 3],
      ]);
      expect(bad[0]).toMatchObject({
        rawLength: 0,
        error: {
          code: "LIMIT_EXCEEDED",
          message: expect.stringMatching(/row group 1, column big, row 3: 9007199254740992/),
          hint: expect.stringContaining('"bigint"'),
        },
      });
      expect(await read(path, { int64: "bigint" })).toEqual(
        values.map((value) => ({ big: BigInt(value) })),
      );
    }
  });

  it("makes numbers of the integers in lists too, and names the row of one that is none", async () => {
    const values = [[1, 2], [], [1, 2n ** 53n, 2n ** 54n]];
    const columns = [{ name: "list", type: "INT64" as const, repeated: true, values }];
    const path = toFile(writeParquet({ columns, rowGroups: [2, 1] }));
    expect(await read(path, { int64: "bigint" })).toEqual([
      { list: [1n, 2n] },
      { list: [] },
      { list: [1n, 2n ** 53n, 2n ** 54n] },
    ]);
    const { rows, bad } = await readDirty(path);
    expect(rows).toEqual([{ list: [1, 2] }, { list: [] }]);
    expect(bad.map(({ error }) => (error as Error).message)).toEqual([
      expect.stringMatching(/column list, row 2: 9007199254740992/),
    ]);
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
    expect(refused({ path: "a", splitSize: 3 })).toThrow(/parquetSource\.splitSize/);
    expect(refused({ path: "a", discoveryInterval: 0 })).toThrow(
      /parquetSource\.discoveryInterval/,
    );
    expect(refused({ path: "a", columns: ["a", "a"] })).toThrow(
      /columns: expected each entry once/,
    );
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

  it("does not read a file that was replaced or touched since it was found", async () => {
    const another = writeParquet({ columns: variedColumns(50), rowGroups: [50] });
    const changes: [(path: string) => void, RegExp, RegExp][] = [
      [(path) => writeFileSync(path, another), /FILE_CHANGED/, /bytes now and had/],
      [(path) => utimesSync(path, 1, 1), /FILE_CHANGED/, /it was modified at 1970-01-01T00:00:01/],
      [(path) => unlinkSync(path), /FILE_NOT_FOUND/, /has vanished/],
    ];
    for (const [change, code, message] of changes) {
      const path = toFile(SMALL_FILE);
      const run = startRun(path);
      await run.take(5);
      const restore = run.checkpoint();
      await run.close();
      change(path);
      const rerun = new SourceRun(sourceOf(path), { restore }).start();
      await expect(rerun.take()).rejects.toMatchObject({
        cause: {
          cause: { code: expect.stringMatching(code), message: expect.stringMatching(message) },
        },
      });
      expect(rerun.badRecords).toEqual([]);
      await rerun.close();
    }
  });

  it("reads a file of another time when only the size counts, not one of other rows", async () => {
    const path = toFile(SMALL_FILE);
    const options = { changeDetection: "size" } as const;
    const run = startRun(path, options);
    const before = await run.take(5);
    const restore = run.checkpoint();
    await run.close();
    utimesSync(path, 1, 1);
    const after = await readAll(sourceOf(path, options), { restore });
    expect(after.length + before.length).toBe(expected.length);
    writeFileSync(
      path,
      writeParquet({ columns: SMALL_COLUMNS, rowGroups: [14, 19, 7], pageRows: 6 }),
    );
    expect(statSync(path).size).toBe(SMALL_FILE.length);
    await expect(readAll(sourceOf(path, options), { restore })).rejects.toMatchObject({
      cause: {
        cause: {
          code: "FILE_CHANGED",
          message: expect.stringMatching(/row group \d has other rows/),
        },
      },
    });
  });

  it("refuses to go on with a column that the file does not have: that is no bad record", async () => {
    const run = startRun(small);
    await run.take(5);
    const restore = run.checkpoint();
    await run.close();
    const rerun = new SourceRun(sourceOf(small, { columns: ["nope"] }), { restore }).start();
    await expect(rerun.take()).rejects.toMatchObject({
      cause: { cause: { code: "OPTION_INVALID" } },
    });
    expect(rerun.badRecords).toEqual([]);
    await rerun.close();
  });

  it("goes on from a checkpoint of version 1, whose splits knew no time", async () => {
    const path = toFile(SMALL_FILE);
    const run = startRun(path, { assignment: "on-request" });
    const before = await run.take(15);
    const restore = toFirstVersion(run.checkpoint());
    await run.close();
    utimesSync(path, 1, 1);
    const source = readsFirstVersion(sourceOf(path, { assignment: "on-request" }));
    expect([...before, ...(await readAll(source, { restore }))]).toEqual(expected);
  });
});

type Json = Record<string, unknown>;

const parse = (bytes: Uint8Array): Json => JSON.parse(Buffer.from(bytes).toString()) as Json;
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const withoutTime = ({ modified, ...split }: Json): Json => {
  expect(modified).toBeTypeOf("number");
  return split;
};

/** The checkpoint as the first version wrote it. */
function toFirstVersion({ enumerator, splits }: SourceCheckpoint): SourceCheckpoint {
  const { discovered, splits: pending } = parse(enumerator);
  return {
    enumerator: bytesOf({ discovered, splits: (pending as Json[]).map(withoutTime) }),
    splits: splits.map((own) => own.map((split) => bytesOf(withoutTime(parse(split))))),
  };
}

/** The source, with a checkpoint whose bytes are of version 1. */
function readsFirstVersion<T>(source: Source<T, ParquetSplit, ParquetEnumeratorState>) {
  const ofFirst = <V>(serializer: SimpleVersionedSerializer<V>): SimpleVersionedSerializer<V> => {
    let isFirst = true;
    return {
      version: serializer.version,
      serialize: (value) => {
        isFirst = false;
        return serializer.serialize(value);
      },
      deserialize: (version, bytes) => serializer.deserialize(isFirst ? 1 : version, bytes),
    };
  };
  return {
    ...source,
    splitSerializer: ofFirst(source.splitSerializer),
    enumeratorCheckpointSerializer: ofFirst(source.enumeratorCheckpointSerializer),
  };
}

describe("a parquetSource of directories and patterns", () => {
  const write = (name: string, from: number): void => {
    folder.write(writeParquet({ columns: ids(from), rowGroups: [2] }), name);
  };
  const ids = (from: number) => [{ name: "id", type: "INT64" as const, values: [from, from + 1] }];
  write("tree/b.parquet", 2);
  write("tree/a.parquet", 0);
  write("tree/sub/c.parquet", 4);
  write("tree/_temporary.parquet", 9);
  const idsOf = async (path: string | readonly string[]): Promise<unknown[]> =>
    (await readAll(parquetSource({ path }))).map(({ id }) => id);

  it("reads their files in order, each once, hidden ones left out", async () => {
    expect(await idsOf(folder.join("tree"))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await idsOf(folder.join("tree/*.parquet"))).toEqual([0, 1, 2, 3]);
    const paths = ["tree/sub", "tree/b.parquet", "tree"].map((name) => folder.join(name));
    expect(await idsOf(paths)).toEqual([4, 5, 2, 3, 0, 1]);
  });

  it("names a file among them that is no Parquet file", async () => {
    write("mixed/a.parquet", 0);
    const readme = folder.write("these are the flights of 2001", "mixed/readme.txt");
    await expect(idsOf(folder.join("mixed"))).rejects.toMatchObject({
      code: "FILE_CORRUPT",
      message: expect.stringContaining(readme),
    });
    expect(await idsOf(folder.join("mixed/*.parquet"))).toEqual([0, 1]);
  });
});
