import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { postgresError } from "../../../src/connectors/postgres/postgres-error.js";
import {
  type PostgresSinkOptions,
  postgresSink,
} from "../../../src/connectors/postgres/postgres-sink.js";
import { copyDriverMissing } from "../../../src/connectors/postgres/postgres-sink-copy.js";
import {
  isTransient,
  statementFailed,
} from "../../../src/connectors/postgres/postgres-sink-errors.js";
import { explain } from "../../../src/errors/index.js";
import { rejection, sinkContext, writeAll } from "../../sql/sink/sink-context.js";
import { usePostgres } from "../../support/postgres-server.js";
import { sinkTable, type Values, write } from "./sink-table.js";

const server = usePostgres();
const METHODS = ["copy", "insert"] as const;
const tableOf = (
  columns: Readonly<Record<string, string>>,
  options: Partial<PostgresSinkOptions<Values>> = {},
) => sinkTable(server(), columns, options);

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
          rows.map(({ id, b, z, ...rest }) => ({
            ...rest,
            id: String(id),
            b: Buffer.from(b),
            z: String(z),
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

describe("an upsert of keys that only the database finds equal", () => {
  const equalKeys = [
    { k: "1", v: 1 },
    { k: "1.0", v: 2 },
  ];

  it("names the row that is refused beside them", async () => {
    const { quoted, sink } = await tableOf(
      { k: "numeric PRIMARY KEY", v: "int CHECK (v > 0)" },
      { mode: "upsert", key: "k" },
    );
    const error = await rejection(write(sink, [...equalKeys, { k: "7", v: -1 }]));
    expect(explain(error)).toMatch(/cannot write row \{k: "7"\}: a check constraint/);
    expect(await server().query(`SELECT * FROM ${quoted}`)).toEqual([]);
  });

  it("tries again after a conflict between them", async () => {
    const { number, quoted, sink } = await tableOf(
      { k: "numeric PRIMARY KEY", v: "int" },
      { mode: "upsert", key: "k" },
    );
    const name = `conflicts_${number}`;
    // Each row passes the trigger twice: in the batch, and by itself.
    await server().query(
      `CREATE SEQUENCE ${name};
       CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF nextval('${name}') = 4 THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END IF;
         RETURN NEW; END $$;
       CREATE TRIGGER ${name} BEFORE INSERT ON ${quoted} FOR EACH ROW EXECUTE FUNCTION ${name}()`,
    );
    await write(sink, equalKeys);
    expect(await server().query(`SELECT k, v FROM ${quoted}`)).toEqual([{ k: "1", v: 2 }]);
    const [calls] = await server().query<{ last_value: string }>(`SELECT last_value FROM ${name}`);
    expect(Number(calls?.last_value)).toBeGreaterThan(4);
  });
});

describe("minus zero", () => {
  it("keeps its sign where the column has one", async () => {
    const { quoted, sink } = await tableOf({ f: "float8", i: "int", a: "float8[]" });
    await write(sink, [{ f: -0, i: -0, a: [-0] }]);
    expect(await server().query(`SELECT * FROM ${quoted}`)).toEqual([{ f: -0, i: 0, a: [-0] }]);
  });
});

describe.each(METHODS)("a trigger that refuses a row of %s", (method) => {
  it.each(["at-least-once", "exactly-once"] as const)(
    "does not bring its values into the error, %s",
    async (delivery) => {
      const { number, quoted, sink } = await tableOf(
        { id: "int", t: "text" },
        { method, delivery, key: "id" },
      );
      const name = `refuses_${number}`;
      await server().query(
        `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.id = 7 THEN RAISE EXCEPTION 'no % here', NEW.t; END IF; RETURN NEW; END $$;
         CREATE TRIGGER ${name} BEFORE INSERT ON ${quoted} FOR EACH ROW EXECUTE FUNCTION ${name}()`,
      );
      const error = await rejection(
        write(sink, [
          { id: 1, t: "fine" },
          { id: 7, t: "secret" },
        ]),
      );
      expect(error.retry).toBe("never");
      expect(explain(error)).toMatch(
        /cannot write row \{id: "7"\}: a trigger or function refused it/,
      );
      expect(explain(error)).not.toContain("secret");
    },
  );
});

describe("a column with a name that every object has", () => {
  it("is NULL where the record does not have it", async () => {
    const { quoted, sink } = await tableOf({
      id: "int",
      constructor: "text",
      ["__proto__"]: "text",
    });
    await write(sink, [{ id: 1 }, JSON.parse('{"id":2,"constructor":"Lotus","__proto__":"p"}')]);
    const found = await server().query(
      `SELECT "constructor" AS c, "__proto__" AS p FROM ${quoted} ORDER BY id`,
    );
    expect(found).toEqual([
      { c: null, p: null },
      { c: "Lotus", p: "p" },
    ]);
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

describe("an error of the system", () => {
  it.each(["EPIPE", "ECONNRESET", "EPERM"])("such as %s is about the connection", (code) => {
    // EPIPE looks like a SQLSTATE.
    const error = Object.assign(new Error(`write ${code}`), { code, errno: -1, syscall: "write" });
    expect(isTransient(error)).toBe(true);
    expect(statementFailed("a sink", "write", error)).toMatchObject({
      code: "SINK_FAILED",
      retry: "backoff",
    });
    expect(postgresError({ connector: "postgresSource" }, "read", error)).toMatchObject({
      code: "CONNECTION_FAILED",
      retry: "backoff",
    });
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
