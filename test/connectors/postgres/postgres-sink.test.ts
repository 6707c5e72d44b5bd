import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Sink } from "../../../src/api/sink.js";
import {
  type PostgresSinkOptions,
  postgresSink,
} from "../../../src/connectors/postgres/postgres-sink.js";
import { copyDriverMissing } from "../../../src/connectors/postgres/postgres-sink-copy.js";
import { statementFailed } from "../../../src/connectors/postgres/postgres-sink-errors.js";
import type { PreparedTransaction } from "../../../src/connectors/postgres/postgres-sink-transactions.js";
import { explain } from "../../../src/errors/index.js";
import { rejection, request, sinkContext, writeAll } from "../../sql/sink/sink-context.js";
import { startPostgres, usePostgres } from "../../support/postgres-server.js";

const server = usePostgres();
const METHODS = ["copy", "insert"] as const;
type Values = Readonly<Record<string, unknown>>;
let tables = 0;

/** A new table with these columns, and a sink into it. */
async function tableOf(
  columns: Readonly<Record<string, string>>,
  options: Partial<PostgresSinkOptions<Values>> = {},
) {
  const table = `odd "table" ${tables++}`;
  const quoted = `"${table.replaceAll('"', '""')}"`;
  const entries = Object.entries(columns).map(([name, type]) => `"${name}" ${type}`);
  await server().query(`CREATE TABLE ${quoted} (${entries.join(", ")})`);
  const sink = postgresSink<Values>({
    connection: server().connection,
    table,
    columns: Object.keys(columns),
    ...options,
  });
  return { table, quoted, sink };
}

async function write(sink: Sink<Values>, records: readonly Values[]): Promise<void> {
  const writer = await sink.createWriter(sinkContext());
  try {
    await writeAll(writer, records);
  } finally {
    await writer.close?.();
  }
}

/** A writer that has prepared a transaction of one row. */
async function prepared(sink: Sink<Values>, n: number, subtask = 0, parallelism = 1) {
  const context = sinkContext({ indexOfSubtask: subtask, currentParallelism: parallelism });
  const writer = await sink.createWriter(context);
  await writeAll(writer, [{ n }]);
  const [committable] = (await writer.prepareCommit?.()) ?? [];
  await writer.close?.();
  return committable as PreparedTransaction;
}

async function commit(sink: Sink<Values>, committable: PreparedTransaction) {
  const committer = await sink.committer?.create(sinkContext());
  const asked = request<unknown>(committable);
  await committer?.commit([asked]);
  await committer?.close?.();
  return asked;
}

const names = async (): Promise<string[]> =>
  (await server().query<{ gid: string }>("SELECT gid FROM pg_prepared_xacts ORDER BY gid")).map(
    ({ gid }) => gid,
  );

describe.each(METHODS)("rows that are written by %s", (method) => {
  it("come out as they went in", async () => {
    const { quoted, sink } = await tableOf(
      {
        id: "bigint",
        t: "text",
        b: "bytea",
        j: "jsonb",
        d: "timestamptz",
        f: "double precision",
        y: "boolean",
        a: "text[]",
        m: "int[]",
        z: "numeric",
      },
      { method, maxBatchRows: 3 },
    );
    const text = fc.string({ unit: "grapheme" }).map((s) => s.replaceAll("\0", ""));
    const row = fc.record({
      t: fc.option(
        fc.oneof(text, fc.constantFrom("\\N", "\\.", "a\tb\nc\rd\\", "", "NULL", "😀\u{2028}")),
      ),
      b: fc.uint8Array({ maxLength: 40 }),
      j: fc.record({ k: text, n: fc.integer() }),
      d: fc.date({
        min: new Date("0001-01-02"),
        max: new Date("9999-01-01"),
        noInvalidDate: true,
      }),
      f: fc.double(),
      y: fc.boolean(),
      a: fc.array(fc.option(text)),
      m: fc.constantFrom(
        [],
        [
          [1, 2],
          [3, null],
        ],
        [7],
      ),
      z: fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
    });
    let next = 0n;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), async (given) => {
        await server().query(`TRUNCATE ${quoted}`);
        const rows = given.map((one) => ({ ...one, id: 2n ** 60n + next++ }));
        await write(sink, rows);
        const found = await server().query(`SELECT * FROM ${quoted} ORDER BY id`);
        expect(found).toEqual(
          rows.map(({ id, b, z, f, ...rest }) => ({
            ...rest,
            id: String(id),
            b: Buffer.from(b),
            z: String(z),
            f: f === 0 ? 0 : f,
          })),
        );
      }),
      { numRuns: 30 },
    );
  });

  it("are refused with table, key and constraint, and without a value beside the key", async () => {
    const { quoted, sink } = await tableOf(
      { id: "int", age: "int CONSTRAINT grown CHECK (age > 17)", u: "text UNIQUE" },
      { method, key: "id" },
    );
    const good = { id: 1, age: 20, u: "secret-1" };
    const bad: readonly (readonly [Values, RegExp])[] = [
      [{ id: 7, age: 3, u: "secret-2" }, /a check constraint .*constraint grown/],
      [{ id: 7, age: "secret-3", u: "x" }, /cannot be read as its column's type/],
      [{ id: 7, age: 40, u: "secret-1" }, /a unique key .*SQLSTATE 23505/],
      [{ id: 7, age: 40, u: "secret\0nul" }, /column u: .*NUL character/],
      [{ id: 7, age: Symbol("secret"), u: "x" }, /column age: it is a symbol/],
      [{ id: 7, age: new Date(Number.NaN), u: "x" }, /column age: it is an invalid Date/],
    ];
    for (const [row, what] of bad) {
      const error = await rejection(write(sink, [good, row, { id: 8, age: 30, u: "secret-4" }]));
      expect(error.code).toBe("SINK_FAILED");
      expect(error.retry).toBe("never");
      const shown = explain(error);
      expect(shown).toMatch(what);
      expect(shown).toMatch(/cannot write row \{id: "?7"?\}/);
      expect(shown).toContain("odd");
      expect(shown).not.toContain("secret");
      expect(await server().query(`SELECT * FROM ${quoted}`)).toEqual([]);
    }
  });
});

describe("an upsert", () => {
  it("leaves the last row of each key, however rows are batched and repeated", async () => {
    const { quoted, sink } = await tableOf(
      { k: "int", l: "text", v: "int", primary: "int" },
      { mode: "upsert", key: ["k", "l"], maxBatchRows: 4 },
    );
    await server().query(`ALTER TABLE ${quoted} ADD UNIQUE (k, l)`);
    const row = fc.record({
      k: fc.integer({ min: 0, max: 4 }),
      l: fc.constantFrom("a", "b"),
      v: fc.integer({ min: 0, max: 1000 }),
      primary: fc.constant(null),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (rows) => {
        await server().query(`TRUNCATE ${quoted}`);
        await write(sink, rows);
        await write(sink, rows);
        const last = new Map(rows.map((one) => [`${one.k} ${one.l}`, one]));
        const found = await server().query<{ k: number; l: string }>(`SELECT * FROM ${quoted}`);
        expect(new Map(found.map((one) => [`${one.k} ${one.l}`, one]))).toEqual(last);
        expect(found).toHaveLength(last.size);
      }),
      { numRuns: 25 },
    );
  });

  it("takes the last row when keys differ here and are equal in the database", async () => {
    const { quoted, sink } = await tableOf(
      { k: "numeric PRIMARY KEY", v: "int" },
      { mode: "upsert", key: "k" },
    );
    await write(sink, [
      { k: "1", v: 1 },
      { k: "1.0", v: 2 },
      { k: "1", v: 3 },
    ]);
    expect(await server().query(`SELECT v FROM ${quoted}`)).toEqual([{ v: 3 }]);
  });

  it("needs a unique constraint, and a key that is not NULL", async () => {
    const { sink } = await tableOf({ k: "int", v: "int" }, { mode: "upsert", key: "k" });
    expect(explain(await rejection(write(sink, [])))).toMatch(/unique constraint or index/);
    const { sink: other } = await tableOf({ k: "int UNIQUE" }, { mode: "upsert", key: "k" });
    expect(explain(await rejection(write(other, [{ k: null }])))).toMatch(/key k is NULL/);
  });
});

describe("options", () => {
  const base = { connection: "postgres://me:top-secret@h/d", table: "t", columns: ["a"] } as const;
  it.each([
    [{ mode: "upsert" }, /postgresSink.key: expected the columns of a unique constraint/],
    [{ mode: "upsert", key: "b" }, /postgresSink.key: expected one of columns/],
    [{ mode: "upsert", key: "a", method: "copy" }, /postgresSink.method/],
    [{ mode: "upsert", key: "a", delivery: "exactly-once" }, /postgresSink.delivery/],
    [{ columns: [] }, /postgresSink.columns: expected one or more names/],
    [{ prefix: "a:b" }, /postgresSink.prefix/],
    [{ sync: true }, /there is no such option/],
    [{ connection: "mysql://me:top-secret@h/d" }, /postgresSink.connection/],
  ])("%o are refused, and no password is shown", (wrong, expected) => {
    let error: unknown;
    try {
      postgresSink({ ...base, ...wrong } as PostgresSinkOptions<unknown>);
    } catch (thrown) {
      error = thrown;
    }
    expect(explain(error)).toMatch(expected);
    expect(explain(error)).not.toContain("top-secret");
  });

  it("name what is not there: table, column, right, password", async () => {
    const { connection } = server();
    const sink = (options: Partial<PostgresSinkOptions<Values>>) =>
      postgresSink<Values>({ connection, table: "nothing", columns: ["a"], ...options });
    expect(explain(await rejection(write(sink({}), [])))).toMatch(
      /cannot find the table "nothing"/,
    );
    const { table } = await tableOf({ n: "int" });
    expect(explain(await rejection(write(sink({ table }), [])))).toMatch(
      /find column a .*\n.* n\./,
    );
    await server().query("CREATE ROLE nobody_here LOGIN PASSWORD 'pw-of-nobody'");
    const other = { ...connection, user: "nobody_here", password: "pw-of-nobody" };
    const denied = sink({ connection: other, table, columns: ["n"] });
    expect(explain(await rejection(write(denied, [])))).toMatch(/permission denied.*\n?.*right/s);
    const wrong = sink({ connection: { ...other, password: "pw-of-somebody" } });
    const shown = explain(await rejection(write(wrong, [])));
    expect(shown).toMatch(/password authentication failed/);
    expect(shown).not.toMatch(/pw-of/);
  });
});

describe("a driver that is not installed", () => {
  it("is named, with the command that installs it, also by what fails of it", () => {
    const missing = copyDriverMissing(new Error("Cannot find package"));
    const shown = explain(statementFailed("postgresSink", "open the table", missing));
    expect(shown).toMatch(/needs pg-copy-streams[\s\S]*npm install pg-copy-streams@7/);
  });
});

describe("a batch whose connection is lost", () => {
  it.each(METHODS)("is written again on a new one, by %s", async (method) => {
    const { quoted, sink } = await tableOf({ n: "int UNIQUE" }, { method });
    const writer = await sink.createWriter(sinkContext());
    await writeAll(writer, [{ n: 1 }]);
    await server().query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headwater'",
    );
    await writeAll(writer, [{ n: 2 }]);
    await writer.close?.();
    expect(await server().query(`SELECT n FROM ${quoted} ORDER BY n`)).toEqual([
      { n: 1 },
      { n: 2 },
    ]);
  });
});

describe("a prepared transaction", () => {
  const exactlyOnce = { delivery: "exactly-once" } as const;

  it("is committed once; asked for again, the server knows that it was", async () => {
    const { quoted, sink } = await tableOf({ n: "int" }, exactlyOnce);
    const committable = await prepared(sink, 1);
    expect(await server().query(`SELECT n FROM ${quoted}`)).toEqual([]);
    expect((await commit(sink, committable)).outcome).toBe("COMMITTED");
    expect((await commit(sink, committable)).outcome).toBe("ALREADY_COMMITTED");
    expect(await server().query(`SELECT n FROM ${quoted}`)).toEqual([{ n: 1 }]);
  });

  it("that was rolled back, or is in another server, is never taken for committed", async () => {
    const { sink } = await tableOf({ n: "int" }, exactlyOnce);
    const committable = await prepared(sink, 1);
    await server().query(`ROLLBACK PREPARED '${committable.name}'`);
    const gone = await commit(sink, committable);
    expect(gone.outcome).toBe("FAILED");
    expect(explain(gone.reason)).toMatch(/has been rolled back/);
    const elsewhere = await commit(sink, { ...committable, system: "1" });
    expect(elsewhere.outcome).toBe("FAILED");
    expect(explain(elsewhere.reason)).toMatch(/another database cluster/);
  });

  it("is put off while the server cannot be reached", async () => {
    const own = await startPostgres();
    onTestFinished(() => own.stop());
    await own.query("CREATE TABLE t (n int)");
    const { connection } = own;
    const sink = postgresSink<Values>({ connection, table: "t", columns: ["n"], ...exactlyOnce });
    const committable = await prepared(sink, 1);
    await own.kill();
    expect((await commit(sink, committable)).outcome).toBe("RETRY");
    await own.start();
    expect((await commit(sink, committable)).outcome).toBe("COMMITTED");
  });

  it("is rolled back at the start only when no restored state can hold it", async () => {
    const { table, sink } = await tableOf({ n: "int" }, exactlyOnce);
    const of = (changes: Partial<PostgresSinkOptions<Values>>) =>
      postgresSink<Values>({
        connection: server().connection,
        table,
        columns: ["n"],
        ...exactlyOnce,
        ...changes,
      });
    const foreign = await prepared(of({ prefix: "other" }), 9);
    const all = [];
    for (const subtask of [0, 1, 2, 3]) all.push(await prepared(sink, subtask, subtask, 4));
    const [zero, one, two, three] = all as PreparedTransaction[];
    expect(await names()).toHaveLength(5);
    const open = async (indexOfSubtask: number, restored: readonly number[]) => {
      const context = sinkContext({
        indexOfSubtask,
        currentParallelism: 2,
        restoredCheckpointId: 1,
      });
      const states = restored.map((subtask) => ({ subtask, parallelism: 3 }));
      await (await sink.createWriter(context, states)).close?.();
    };
    // Of a checkpoint with three subtasks: 0 and 2 come to the first; the last one is in no state.
    await open(0, [0, 2]);
    expect(await names()).toEqual([foreign.name, one?.name].sort());
    await open(1, [1]);
    expect(await names()).toEqual([foreign.name]);
    for (const gone of [zero, one, two, three]) expect(gone?.name).toBeDefined();
    await server().query(`ROLLBACK PREPARED '${foreign.name}'`);
  });

  it("needs max_prepared_transactions, and says so before anything is written", async () => {
    const own = await startPostgres({ settings: { max_prepared_transactions: 0 } });
    onTestFinished(() => own.stop());
    await own.query("CREATE TABLE t (n int)");
    const { connection } = own;
    const sink = postgresSink<Values>({ connection, table: "t", columns: ["n"], ...exactlyOnce });
    const error = await rejection(write(sink, []));
    expect(error.retry).toBe("never");
    expect(explain(error)).toMatch(/max_prepared_transactions is 0.*\n.*twice the subtasks/);
  });

  it("can be prepared and committed by a user who may only write to the table", async () => {
    const { table, quoted } = await tableOf({ n: "int" });
    await server().query("CREATE ROLE writer_only LOGIN PASSWORD 'pw'");
    await server().query(`GRANT INSERT ON ${quoted} TO writer_only`);
    const connection = { ...server().connection, user: "writer_only", password: "pw" };
    const sink = postgresSink<Values>({ connection, table, columns: ["n"], ...exactlyOnce });
    const lost = await prepared(sink, 1);
    const committable = await prepared(sink, 2);
    expect(await names()).toEqual([committable.name]);
    expect((await commit(sink, committable)).outcome).toBe("COMMITTED");
    expect((await commit(sink, lost)).outcome).toBe("FAILED");
    expect(await server().query(`SELECT n FROM ${quoted}`)).toEqual([{ n: 2 }]);
  });

  it("of another writer under the same name is not touched: the second sink is refused", async () => {
    const { sink } = await tableOf({ n: "int" }, exactlyOnce);
    const writer = await sink.createWriter(sinkContext());
    const error = await rejection(Promise.resolve().then(() => sink.createWriter(sinkContext())));
    expect(explain(error)).toMatch(/another exactly-once sink.*\n.*prefix/);
    await writer.close?.();
    await (await sink.createWriter(sinkContext())).close?.();
  });
});
