import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Sink } from "../../../src/api/sink.js";
import { type SqliteSinkOptions, sqliteSink } from "../../../src/connectors/sqlite/sqlite-sink.js";
import type { StagedTransaction } from "../../../src/connectors/sqlite/sqlite-sink-staging.js";
import { explain } from "../../../src/errors/index.js";
import { rejection, request, sinkContext, writeAll } from "../../sql/sink/sink-context.js";

type Values = Readonly<Record<string, unknown>>;
const TABLE = 'odd "table"';

/** A new file with one table, and a sink into it. */
function fileOf(columns: readonly string[], options: Partial<SqliteSinkOptions<Values>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "headwater-sqlite-sink-"));
  const path = join(folder, "some.db");
  const database = new Database(path);
  onTestFinished(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  database.exec(`CREATE TABLE "odd ""table""" (${columns.join(", ")})`);
  const sink = sqliteSink<Values>({
    path,
    sync: false,
    table: TABLE,
    columns: columns.map((column) => column.split(" ")[0] ?? ""),
    ...options,
  });
  const all = <R = Values>(): R[] =>
    database.prepare('SELECT * FROM "odd ""table""" ORDER BY rowid').all() as R[];
  return { path, folder, database, sink, all };
}

async function write(sink: Sink<Values>, records: readonly Values[]): Promise<void> {
  const writer = await sink.createWriter(sinkContext());
  try {
    await writeAll(writer, records);
  } finally {
    await writer.close?.();
  }
}

async function staged(sink: Sink<Values>, rows: readonly Values[], subtask = 0, parallelism = 1) {
  const context = sinkContext({ indexOfSubtask: subtask, currentParallelism: parallelism });
  const writer = await sink.createWriter(context);
  await writeAll(writer, rows);
  const [committable] = (await writer.prepareCommit?.()) ?? [];
  await writer.close?.();
  return committable as StagedTransaction;
}

async function commit(sink: Sink<Values>, committable: StagedTransaction) {
  const committer = await sink.committer?.create(sinkContext());
  const asked = request<unknown>(committable);
  try {
    await committer?.commit([asked]);
  } finally {
    await committer?.close?.();
  }
  return asked;
}

describe.each(["at-least-once", "exactly-once"] as const)(
  "rows that are written %s",
  (delivery) => {
    it("come out as they went in", async () => {
      const { sink, all, database } = fileOf(["i INTEGER", "t TEXT", "b BLOB", "r REAL", "x"], {
        delivery,
        maxBatchRows: 3,
      });
      const row = fc.record({
        i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        t: fc.option(fc.string({ unit: "grapheme" })),
        b: fc.uint8Array({ maxLength: 30 }),
        r: fc.double({ noNaN: true }),
        x: fc.constantFrom(null, "text", 2n ** 60n),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 10 }), async (rows) => {
          database.exec('DELETE FROM "odd ""table"""');
          if (delivery === "at-least-once") await write(sink, rows);
          else await commit(sink, await staged(sink, rows));
          database.defaultSafeIntegers(true);
          expect(all()).toEqual(
            rows.map(({ b, r, ...rest }) => ({ ...rest, b: Buffer.from(b), r: r === 0 ? 0 : r })),
          );
        }),
        { numRuns: 40 },
      );
    });

    it("have whole numbers as such in a text column, JSON for objects, ISO 8601 for dates", async () => {
      const { sink, all } = fileOf(["a TEXT", "b", "c", "d"], { delivery });
      const rows = [{ a: 5, b: { k: [1] }, c: new Date(0), d: true }];
      if (delivery === "at-least-once") await write(sink, rows);
      else await commit(sink, await staged(sink, rows));
      expect(all()).toEqual([{ a: "5", b: '{"k":[1]}', c: "1970-01-01T00:00:00.000Z", d: 1 }]);
    });

    it("are refused by their key, and without another value", async () => {
      const { sink, all } = fileOf(["id INTEGER PRIMARY KEY", "u TEXT UNIQUE"], {
        delivery,
        key: "id",
      });
      const rows = [
        { id: 1, u: "secret" },
        { id: 7, u: "secret" },
      ];
      const act = async () =>
        delivery === "at-least-once"
          ? write(sink, rows)
          : void (await commit(sink, await staged(sink, rows)));
      const error = await rejection(act());
      expect(error.retry).toBe("never");
      expect(explain(error)).toMatch(/cannot write row \{id: 7\}: UNIQUE constraint failed/);
      expect(explain(error)).not.toContain("secret");
      expect(all()).toEqual([]);
      for (const value of [Number.NaN, 2n ** 63n, Symbol("secret"), new Date(Number.NaN)]) {
        const refused = await rejection(write(sink, [{ id: 9, u: value }]));
        expect(explain(refused)).toMatch(/cannot write row \{id: 9\}, column u: it is/);
        expect(explain(refused)).not.toContain("secret");
      }
    });

    it("leave the last row of each key with an upsert", async () => {
      const { sink, all } = fileOf(["k INTEGER PRIMARY KEY", "v"], {
        delivery,
        mode: "upsert",
        key: "k",
        maxBatchRows: 2,
      });
      const rows = [1, 2, 1, "1", 1, 2].map((k, v) => ({ k, v }));
      for (let i = 0; i < 2; i++) {
        if (delivery === "at-least-once") await write(sink, rows);
        else await commit(sink, await staged(sink, rows));
      }
      expect(all()).toEqual([
        { k: 1, v: 4 },
        { k: 2, v: 5 },
      ]);
    });
  },
);

describe("a staged transaction", () => {
  const exactlyOnce = { delivery: "exactly-once" } as const;

  it("is moved once, and the file remembers that it was", async () => {
    const { sink, all } = fileOf(["n"], exactlyOnce);
    const committable = await staged(sink, [{ n: 1 }, { n: 2 }]);
    expect(all()).toEqual([]);
    expect((await commit(sink, committable)).outcome).toBe("COMMITTED");
    expect((await commit(sink, committable)).outcome).toBe("ALREADY_COMMITTED");
    expect(all()).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it("that the file does not know is never taken for committed", async () => {
    const { sink, path, folder, all } = fileOf(["n"], exactlyOnce);
    const older = join(folder, "older.db");
    copyFileSync(path, older);
    const committable = await staged(sink, [{ n: 1 }]);
    await commit(sink, committable);
    const elsewhere = sqliteSink<Values>({
      ...exactlyOnce,
      path: older,
      table: TABLE,
      columns: ["n"],
    });
    const asked = await commit(elsewhere, committable);
    expect(asked.outcome).toBe("FAILED");
    expect(explain(asked.reason)).toMatch(/older\.db does not know the transaction/);
    expect(all()).toHaveLength(1);
  });

  it("is put off while another connection holds the lock", async () => {
    const { sink, database, all } = fileOf(["n"], exactlyOnce);
    const committable = await staged(sink, [{ n: 1 }]);
    database.exec("BEGIN IMMEDIATE");
    expect((await commit(sink, committable)).outcome).toBe("RETRY");
    database.exec("COMMIT");
    expect((await commit(sink, committable)).outcome).toBe("COMMITTED");
    expect(all()).toEqual([{ n: 1 }]);
  });

  it("is removed at the start only when no restored state can hold it", async () => {
    const { sink, database, path } = fileOf(["n"], exactlyOnce);
    const other = sqliteSink<Values>({
      ...{ ...exactlyOnce, path, table: TABLE, columns: ["n"] },
      prefix: "other",
    });
    const left = (): unknown[] =>
      database
        .prepare("SELECT name FROM headwater_transactions WHERE state = 'STAGED' ORDER BY id")
        .pluck()
        .all();
    const foreign = await staged(other, [{ n: 9 }], 0, 1);
    const all: StagedTransaction[] = [];
    for (const subtask of [0, 1, 2, 3]) all.push(await staged(sink, [{ n: subtask }], subtask, 4));
    expect(left()).toHaveLength(5);
    const open = async (indexOfSubtask: number, restored: readonly number[]) => {
      const context = sinkContext({
        indexOfSubtask,
        currentParallelism: 2,
        restoredCheckpointId: 1,
      });
      const states = restored.map((subtask) => ({ subtask, parallelism: 3 }));
      await (await sink.createWriter(context, states)).close?.();
    };
    await open(0, [0, 2]);
    expect(left()).toEqual([foreign.name, all[1]?.name]);
    await open(1, [1]);
    expect(left()).toEqual([foreign.name]);
  });
});

describe("a locked file", () => {
  it("is tried again, and after the last retry the error says so", async () => {
    const { sink, database, all } = fileOf(["n"], { maxRetries: 3 });
    const writer = await sink.createWriter(sinkContext());
    database.exec("BEGIN IMMEDIATE");
    const writing = writeAll(writer, [{ n: 1 }]);
    setImmediate(() => database.exec("COMMIT"));
    await writing;
    expect(all()).toEqual([{ n: 1 }]);
    database.exec("BEGIN IMMEDIATE");
    const error = await rejection(writeAll(writer, [{ n: 2 }]));
    database.exec("COMMIT");
    expect(error.retry).toBe("backoff");
    expect(explain(error)).toMatch(/sqliteSink of table .* cannot write 1 rows/);
    await writer.close?.();
  });
});

describe("options", () => {
  it("name what is not there", async () => {
    const { path } = fileOf(["n"]);
    const sink = (table: string, column: string, more = {}) =>
      sqliteSink<Values>({ path, table, columns: [column], ...more });
    expect(explain(await rejection(write(sink("no", "n"), [])))).toMatch(/cannot find the table/);
    expect(explain(await rejection(write(sink(TABLE, "m"), [])))).toMatch(/find column m/);
    const noKey = sink(TABLE, "n", { mode: "upsert", key: "n" });
    expect(explain(await rejection(write(noKey, [])))).toMatch(/ON CONFLICT clause does not match/);
    expect(() => sink(TABLE, "n", { mode: "upsert" })).toThrow(/sqliteSink.key/);
    expect(() => sink(TABLE, "n", { connection: "x" })).toThrow(/no such option/);
  });

  it("name the record on which toRow throws", async () => {
    const { sink } = fileOf(["n"], {
      toRow({ n }) {
        if (n === 3) throw new TypeError("no row of 3");
        return [n];
      },
    });
    const error = await rejection(write(sink, [{ n: 1 }, { n: 2 }, { n: 3 }]));
    expect(error).toMatchObject({ code: "SINK_FAILED", retry: "backoff" });
    expect(explain(error)).toMatch(/record 2 since it was opened: toRow threw: no row of 3/);
  });

  it("refuse a database in memory, which would be gone with the writer", () => {
    const options = { table: "t", columns: ["a"], createTable: "CREATE TABLE t (a)" };
    expect(() => sqliteSink({ ...options, path: ":memory:" })).toThrow(/path.*the path of a file/);
  });

  it("make rows with toRow, by name or in order, and refuse another number of values", async () => {
    const by = fileOf(["a", "b"], { toRow: ({ n }, timestamp) => ({ a: n, b: timestamp }) });
    await write(by.sink, [{ n: 1 }]);
    expect(by.all()).toEqual([{ a: 1, b: 0 }]);
    const inOrder = fileOf(["a", "b"], { toRow: ({ n }) => [n, "b"] });
    await write(inOrder.sink, [{ n: 1 }]);
    expect(inOrder.all()).toEqual([{ a: 1, b: "b" }]);
    const wrong = fileOf(["a", "b"], { toRow: ({ n }) => [n] });
    expect(explain(await rejection(write(wrong.sink, [{ n: 1 }])))).toMatch(/got 1 values/);
  });
});
