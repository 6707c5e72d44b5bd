import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { sqliteSource } from "../../../src/connectors/sqlite/index.js";
import { failureOf, read, readInTwoLives } from "../../sql/source/rows-once.js";
import { SourceRun } from "../source-run.js";

const folder = mkdtempSync(join(tmpdir(), "sqlite-source-"));
let path = "";
let files = 0;
let database: Database.Database;

beforeEach(() => {
  path = join(folder, `${files++}.db`);
  database = new Database(path);
  database.pragma("synchronous = OFF");
  return () => database.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fill(rows: number): void {
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, size REAL)");
  const insert = database.prepare("INSERT INTO t VALUES (?, ?, ?)");
  database.transaction(() => {
    for (let i = 0; i < rows; i++) insert.run(i * i, `name ${i}`, i / 2);
  })();
}

const blobOf = (row: object): Buffer => Object.getOwnPropertyDescriptor(row, "__proto__")?.value;
const ids = (rows: readonly Readonly<Record<string, unknown>>[]): unknown[] =>
  rows.map((row) => row.id);

describe("sqliteSource", () => {
  it("reads each row once, as an object with a property a column", async () => {
    fill(3);
    const rows = await read(sqliteSource({ path, table: "t", key: "id" }));
    expect(rows).toEqual([
      { id: 0, name: "name 0", size: 0 },
      { id: 1, name: "name 1", size: 0.5 },
      { id: 4, name: "name 2", size: 1 },
    ]);
  });

  it("reads any keys of any types once, whatever the splits, pages, subtasks and lives", async () => {
    const value = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.integer({ min: -5, max: 5 }).map(BigInt),
      fc.double({ noNaN: true }),
      fc.string({ unit: "binary" }).filter((text) => !text.includes("\uFFFD")),
      fc.constantFrom("a", "A", "a ", "é", "\0", "a\0b", "😀"),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    );
    const collation = fc.constantFrom("BINARY", "NOCASE", "RTRIM");
    const affinity = fc.constantFrom("", "INTEGER", "TEXT", "REAL", "BLOB", "NUMERIC");
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          keys: fc.array(fc.tuple(value, value), { maxLength: 40 }),
          isComposite: fc.boolean(),
          columns: fc.tuple(affinity, affinity),
          collations: fc.tuple(collation, collation, collation),
          cut: fc.oneof(
            fc.record({ splits: fc.integer({ min: 1, max: 12 }) }),
            fc.record({ splitSize: fc.integer({ min: 1, max: 50 }) }),
          ),
          fetchSize: fc.integer({ min: 1, max: 12 }),
          lives: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
          taken: fc.nat(45),
        }),
        async ({ keys, isComposite, columns, collations, cut, fetchSize, lives, taken }) => {
          database.exec("DROP TABLE IF EXISTS t");
          database.exec(
            `CREATE TABLE t (a ${columns[0]} COLLATE ${collations[0]}, b ${columns[1]}, n INTEGER NOT NULL)`,
          );
          const indexed = isComposite
            ? `a COLLATE ${collations[1]}, b COLLATE ${collations[2]}`
            : `a COLLATE ${collations[1]}`;
          database.exec(`CREATE UNIQUE INDEX i ON t (${indexed})`);
          const insert = database.prepare("INSERT OR IGNORE INTO t VALUES (?, ?, ?)");
          for (const [n, [a, b]] of keys.entries()) insert.run(a, b, n);
          const expected = database.prepare("SELECT n FROM t ORDER BY n").pluck().all();
          const key = isComposite ? ["a", "b"] : "a";
          const options = { path, table: "t", key, columns: ["n"], fetchSize, ...cut };
          const rows = await readInTwoLives(sqliteSource<{ n: number }>(options), taken, lives);
          expect(rows.map(({ n }) => n).sort((x, y) => x - y)).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it("orders by the index's collation where the column holds more texts for equal", async () => {
    database.exec("CREATE TABLE t (k TEXT COLLATE NOCASE NOT NULL, n INTEGER NOT NULL)");
    database.exec("CREATE UNIQUE INDEX one ON t (k COLLATE BINARY)");
    database.exec("INSERT INTO t VALUES ('a', 1), ('A', 1), ('b', 1), ('B', 1), ('c', 1)");
    const readAll = async (key: string | readonly string[]): Promise<void> => {
      const source = sqliteSource({ path, table: "t", key, fetchSize: 1, splitSize: 3 });
      for (let taken = 0; taken <= 5; taken++) {
        const rows = await readInTwoLives(source, taken, [1, 2]);
        expect(rows.map((row) => row.k).sort()).toEqual(["A", "B", "a", "b", "c"]);
      }
    };
    await readAll("k");
    database.exec("DROP INDEX one; CREATE UNIQUE INDEX two ON t (n, k COLLATE BINARY)");
    await readAll(["n", "k"]);
  });

  it("goes on at the exact row from a checkpoint after any number of records", async () => {
    fill(23);
    const source = sqliteSource({ path, table: "t", key: "id", splitSize: 7, fetchSize: 3 });
    for (let taken = 0; taken <= 23; taken++) {
      const rows = await readInTwoLives(source, taken, [1, 1]);
      expect(ids(rows).length).toBe(23);
      expect(new Set(ids(rows)).size).toBe(23);
    }
  });

  it("makes splits of equal numbers of rows of keys that are far from even", async () => {
    fill(100);
    const run = new SourceRun(sqliteSource({ path, table: "t", key: "id", splits: 4 })).start();
    const rows = await run.take();
    await run.close();
    expect(rows.length).toBe(100);
    expect(run.enumeratorRun.assigned.map(({ splitId }) => splitId)).toEqual([
      "t(id)#0",
      "t(id)#1",
      "t(id)#2",
      "t(id)#3",
    ]);
    const other = new SourceRun(sqliteSource({ path, table: "t", key: "id", splits: 4 })).start();
    await other.take(25);
    const { splits } = JSON.parse(Buffer.from(other.checkpoint().enumerator).toString());
    await other.close();
    expect(splits.map((split: { to: string[] }) => split.to)).toEqual([
      ["i2401"],
      ["i5476"],
      ["i9801"],
    ]);
  });

  it("reads what a condition and a query with parameters leave, and makes records with mapRow", async () => {
    fill(10);
    const some = sqliteSource({
      path,
      table: "t",
      key: "id",
      columns: ["id"],
      where: "id > ? AND name <> ? -- not these",
      parameters: [9n, "name 5"],
      splitSize: 2,
    });
    expect(ids(await read(some))).toEqual([16, 36, 49, 64, 81]);
    const sums = sqliteSource<number>({
      path,
      query: "SELECT name, max(size) + ? AS most FROM t GROUP BY name",
      parameters: [0.5],
      key: "name",
      assumeUnique: true,
      fetchSize: 4,
      mapRow: (row) => row.most as number,
    });
    expect(await read(sums)).toEqual([0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]);
  });

  it("gives an integer that a number cannot hold as a bad record, or as a bigint", async () => {
    database.exec(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 7), (2, 9007199254740993), (3, 8)",
    );
    const options = { path, table: "t", key: "id" } as const;
    const run = new SourceRun(sqliteSource(options)).start();
    expect(await run.take()).toEqual([
      { id: 1, v: 7 },
      { id: 3, v: 8 },
    ]);
    expect(run.badRecords).toMatchObject([{ position: 1, splitId: "t(id)#0" }]);
    expect(Buffer.from(run.badRecords[0]?.raw ?? []).toString()).toBe('["i2"]');
    expect(String(run.badRecords[0]?.error)).toContain("9007199254740993");
    await run.close();
    const exact = await read(sqliteSource<{ v: bigint }>({ ...options, int64: "bigint" }));
    expect(exact.map(({ v }) => v)).toEqual([7n, 9007199254740993n, 8n]);
  });

  it("ends a page when it has many bytes, and reads blobs, texts and names of any kind", async () => {
    database.exec('CREATE TABLE "a ""b"" \'c\'" ("k ""1""" TEXT PRIMARY KEY, "__proto__" BLOB)');
    const insert = database.prepare('INSERT INTO "a ""b"" \'c\'" VALUES (?, ?)');
    for (const key of ["x", "y", "z"]) insert.run(key, Buffer.alloc(700_000, key));
    const source = sqliteSource({ path, table: `a "b" 'c'`, key: 'k "1"' });
    const run = new SourceRun(source).start();
    const rows = await run.take();
    expect(rows.map((row) => [row['k "1"'], blobOf(row)[0]])).toEqual([
      ["x", 120],
      ["y", 121],
      ["z", 122],
    ]);
    const metrics = run.subtasks[0]?.harness.metrics.snapshot() ?? {};
    const pages = Object.entries(metrics).find(([name]) => name.endsWith("sql.pagesRead"));
    expect(pages?.[1]).toBe(2);
    await run.close();
  });

  it("does not read rows above the highest key of the start", async () => {
    fill(10);
    const run = new SourceRun(sqliteSource({ path, table: "t", key: "id", fetchSize: 2 })).start();
    const first = await run.take(1);
    database.exec("INSERT INTO t VALUES (1000, 'late', 0), (2, 'in between', 0), (80, 'ahead', 0)");
    const rows = [...first, ...(await run.take())];
    await run.close();
    expect(ids(rows)).toEqual([0, 1, 4, 9, 16, 25, 36, 49, 64, 80, 81]);
  });
});

describe("what sqliteSource refuses", () => {
  const code = async (options: Parameters<typeof sqliteSource>[0]): Promise<string> => {
    const error = await failureOf(sqliteSource(options));
    return `${error.code}: ${error.message}`;
  };

  it("options that do not go together", () => {
    const base = { path, key: "id" };
    for (const [options, message] of [
      [base, "needs either table or query"],
      [{ ...base, table: "t", query: "SELECT 1" }, "needs either table or query"],
      [{ ...base, query: "SELECT 1 AS id" }, "assumeUnique"],
      [{ ...base, table: "t", splits: 2, splitSize: 3 }, "either splitSize or splits"],
      [{ ...base, table: "t", pollInterval: 5 }, "pollInterval"],
      [{ ...base, table: "t", key: ["a", "a"] }, "sqliteSource.key"],
      [{ ...base, table: "t", path: ":memory:" }, "the path of a file"],
      [{ ...base, table: "t", colums: ["a"] }, "misspelt"],
    ] as const) {
      expect(() => sqliteSource(options as never)).toThrow(message);
    }
  });

  it("a file that is not there, or no database", async () => {
    expect(await code({ path: join(folder, "none.db"), table: "t", key: "id" })).toMatch(
      /FILE_NOT_FOUND.*none\.db/,
    );
    expect(await code({ path: folder, table: "t", key: "id" })).toMatch(/FILE_NOT_FOUND.*no file/);
    const other = join(folder, "other.db");
    writeFileSync(
      other,
      "this is no database at all, but it is long enough to look like one.".repeat(20),
    );
    expect(await code({ path: other, table: "t", key: "id" })).toMatch(/FILE_CORRUPT.*other\.db/);
  });

  it("tables, columns, keys and SQL that are not there", async () => {
    fill(1);
    expect(await code({ path, table: "u", key: "id" })).toMatch(/OPTION_INVALID.*no such table: u/);
    expect(await code({ path, table: "t", key: "ID" })).toMatch(/OPTION_INVALID.*no column "ID"/);
    expect(await code({ path, table: "t", key: "nokey", assumeUnique: true })).toMatch(
      /OPTION_INVALID.*no column "nokey"/,
    );
    expect(await code({ path, table: "t", key: "id", columns: ["ID"] })).toMatch(
      /OPTION_INVALID.*no column "ID"/,
    );
    expect(await code({ path, table: "t", key: "id", where: "id >" })).toMatch(/OPTION_INVALID/);
    expect(await code({ path, table: "t", key: "id", where: "id > ?" })).toMatch(/OPTION_INVALID/);
  });

  it("a key that is not unique, or null", async () => {
    fill(1);
    expect(await code({ path, table: "t", key: "name" })).toMatch(/OPTION_INVALID.*unique/);
    database.exec(
      "CREATE VIEW w AS SELECT * FROM t; CREATE UNIQUE INDEX part ON t (name) WHERE id > 3",
    );
    expect(await code({ path, table: "t", key: "name" })).toMatch(/OPTION_INVALID.*unique/);
    expect(await code({ path, table: "w", key: "id" })).toMatch(/OPTION_INVALID.*unique/);
    expect(await code({ path, table: "w", key: "rowid" })).toMatch(/OPTION_INVALID/);
    database.exec("CREATE UNIQUE INDEX whole ON t (name); INSERT INTO t VALUES (77, NULL, 1)");
    expect(await code({ path, table: "t", key: "name" })).toMatch(/OPTION_INVALID.*NULL/);
    const where = "name IS NOT NULL";
    expect((await read(sqliteSource({ path, table: "t", key: "name", where }))).length).toBe(1);
    expect(ids(await read(sqliteSource({ path, table: "t", key: "rowid" })))).toEqual([0, 77]);
    expect(
      ids(await read(sqliteSource({ path, table: "w", key: "id", assumeUnique: true }))),
    ).toEqual([0, 77]);
  });

  it("a lock that stays, after busyTimeout", async () => {
    fill(1);
    database.exec("BEGIN EXCLUSIVE");
    expect(await code({ path, table: "t", key: "id", busyTimeout: 20 })).toMatch(
      /CONNECTION_FAILED.*locked/,
    );
    const waiting = read(sqliteSource({ path, table: "t", key: "id" }));
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    database.exec("COMMIT");
    expect((await waiting).length).toBe(1);
  });

  it("a checkpoint of another table", async () => {
    fill(10);
    const run = new SourceRun(sqliteSource({ path, table: "t", key: "id" })).start();
    await run.take(3);
    const restore = run.checkpoint();
    await run.close();
    const other = sqliteSource({ path, table: "t", key: "rowid" });
    expect(() => new SourceRun(other, { restore })).toThrow(/t\(id\).*t\(rowid\)/);
  });
});
