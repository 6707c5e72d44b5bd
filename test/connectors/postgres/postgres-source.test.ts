import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type PostgresSourceOptions,
  postgresSource,
} from "../../../src/connectors/postgres/index.js";
import { failureOf, read, readInTwoLives } from "../../sql/source/rows-once.js";
import { usePostgres } from "../../support/postgres-server.js";
import { SourceRun } from "../source-run.js";

const server = usePostgres();

type Options = Omit<PostgresSourceOptions<unknown>, "connection">;

const source = <T = Readonly<Record<string, unknown>>>(options: Options) =>
  postgresSource<T>({
    connection: { ...server().connection },
    ...(options as Omit<PostgresSourceOptions<T>, "connection">),
  });

const column = (rows: readonly Readonly<Record<string, unknown>>[], name: string): unknown[] =>
  rows.map((row) => row[name]);

let tables = 0;

/** A table of its own for each test. */
async function table(columns: string, rows = ""): Promise<string> {
  const name = `t${tables++}`;
  await server().query(
    `CREATE TABLE ${name} (${columns}); ${rows === "" ? "" : `INSERT INTO ${name} ${rows}`}`,
  );
  return name;
}

const squares = (): Promise<string> =>
  table(
    "id bigint PRIMARY KEY, name text",
    "SELECT i * i, 'name ' || i FROM generate_series(0, 99) i",
  );

describe("postgresSource", () => {
  it("reads each row once, as an object with a property a column", async () => {
    const name = await squares();
    const rows = await read(source({ table: name, key: "id", fetchSize: 7 }), 2);
    expect(rows.length).toBe(100);
    expect(rows.slice(0, 2)).toEqual([
      { id: 0, name: "name 0" },
      { id: 1, name: "name 1" },
    ]);
    expect(new Set(column(rows, "id")).size).toBe(100);
  });

  it("reads any keys once, whatever the type, the splits, pages, subtasks and lives", async () => {
    const text = fc.string({ unit: "binary" }).map((s) => s.replaceAll(/[\0\uFFFD]/g, ""));
    const time = fc.date({
      noInvalidDate: true,
      min: new Date("0001-01-01"),
      max: new Date("9999-01-01"),
    });
    const kinds = {
      int4: fc.integer().map(String),
      int8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
      text: fc.oneof(text, fc.constantFrom("a", "A", "a ", "é", "e\u0301")),
      'text COLLATE "C"': text,
      "char(4)": fc.constantFrom("a", "A", "ab", "b ", "", "x y"),
      uuid: fc.uuid(),
      float8: fc.double().map((n) => String(n)),
      numeric: fc.tuple(fc.bigInt(), fc.nat(30)).map(([n, scale]) => `${n}e-${scale}`),
      date: time.map((date) => date.toISOString().slice(0, 10)),
      timestamptz: fc
        .tuple(time, fc.nat(999))
        .map(([date, us]) => `${date.toISOString().slice(0, -1)}${String(us).padStart(3, "0")}+00`),
      bytea: fc
        .uint8Array({ maxLength: 5 })
        .map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`),
    } as const;
    const kind = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]));
    const typed = kind.chain((type) =>
      fc.tuple(fc.constant(type), fc.array(kinds[type], { maxLength: 40 })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          key: typed,
          isComposite: fc.boolean(),
          cut: fc.oneof(
            fc.record({ splits: fc.integer({ min: 1, max: 12 }) }),
            fc.record({ splitSize: fc.integer({ min: 1, max: 50 }) }),
          ),
          fetchSize: fc.integer({ min: 1, max: 12 }),
          lives: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
          taken: fc.nat(45),
        }),
        async ({ key: [type, values], isComposite, cut, fetchSize, lives, taken }) => {
          const columns = isComposite ? "b, k" : "k";
          const name = await table(`n int, b int, k ${type}, UNIQUE (${columns})`);
          const [expected] = await server().query<{ all: number[] }>(
            `WITH i AS (INSERT INTO ${name} SELECT n, n % 3, v::${type.split(" ")[0]} FROM unnest($1::text[]) WITH ORDINALITY AS u(v, n) ON CONFLICT DO NOTHING RETURNING n) SELECT coalesce(array_agg(n ORDER BY n), '{}') AS "all" FROM i`,
            [values],
          );
          const key = isComposite ? ["b", "k"] : "k";
          const one = source<{ n: number }>({
            table: name,
            key,
            columns: ["n"],
            fetchSize,
            ...cut,
          });
          const rows = await readInTwoLives(one, taken, lives);
          expect(rows.map(({ n }) => n).sort((x, y) => x - y)).toEqual(expected?.all);
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);

  it("makes splits of equal numbers of rows of keys that are far from even", async () => {
    const name = await table(
      "id uuid PRIMARY KEY",
      "SELECT gen_random_uuid() FROM generate_series(1, 90)",
    );
    const run = new SourceRun(source({ table: name, key: "id", splits: 9, fetchSize: 4 })).start();
    const rows = await run.take(45);
    const { splits } = JSON.parse(Buffer.from(run.checkpoint().enumerator).toString());
    await run.close();
    expect(rows.length).toBe(45);
    expect(run.enumeratorRun.assigned.length).toBe(5);
    expect(splits.length).toBe(4);
  });

  it("loses no digit of any type", async () => {
    const name = await table(
      `id int PRIMARY KEY, b bool, i8 bigint, n numeric, f4 real, f8 float8, d date, t timestamp,
       tz timestamptz, j jsonb, u uuid, y bytea, a text[], i int[], big bigint[], iv interval, nothing text`,
      `VALUES (1, true, 42, 12345678901234567890.123456789, 1.5, 'NaN', '0001-02-03', '2024-01-02 03:04:05.123456',
        '2024-01-02 03:04:05.123456+02', '{"a": [1, 1.5e3, "x12345678901234567890"]}',
        '00000000-0000-4000-8000-000000000001', '\\x00ff', '{a,"b,c",NULL}', '{1,2}', '{9007199254740993}', '1 day', NULL)`,
    );
    const [row] = await read(source({ table: name, key: "id" }));
    expect(row).toEqual({
      id: 1,
      b: true,
      i8: 42,
      n: "12345678901234567890.123456789",
      f4: 1.5,
      f8: Number.NaN,
      d: "0001-02-03",
      t: "2024-01-02 03:04:05.123456",
      tz: "2024-01-02 01:04:05.123456+00",
      j: { a: [1, 1500, "x12345678901234567890"] },
      u: "00000000-0000-4000-8000-000000000001",
      y: Buffer.from([0, 255]),
      a: ["a", "b,c", null],
      i: [1, 2],
      big: "{9007199254740993}",
      iv: "1 day",
      nothing: null,
    });
    const other = source({
      table: name,
      key: "id",
      timestamps: "date",
      int64: "bigint",
      json: "string",
    });
    expect(await read(other)).toMatchObject([
      {
        i8: 42n,
        t: new Date("2024-01-02T03:04:05.123Z"),
        tz: new Date("2024-01-02T01:04:05.123Z"),
        j: '{"a": [1, 1500, "x12345678901234567890"]}',
      },
    ]);
  });

  it("gives what has no exact value as a bad record, with its key", async () => {
    const name = await table(
      "id int PRIMARY KEY, v bigint, t timestamptz, j json",
      `VALUES (1, 9007199254740993, 'epoch', '1'), (2, 1, 'infinity', '1'), (3, 1, 'epoch', '{"x": 9007199254740993}'),
        (4, 1, '20000-01-02', '[0.1, 1e400]'), (5, 1, '0044-03-15 BC', '[1.10, 1e21, -0.0, 100000000000000000000]')`,
    );
    const run = new SourceRun(source({ table: name, key: "id", timestamps: "date" })).start();
    expect(column(await run.take(), "id")).toEqual([]);
    await run.close();
    const found = run.badRecords.map(({ raw, error }) => [
      Buffer.from(raw).toString(),
      String(error),
    ]);
    expect(found).toEqual([
      ['["1"]', expect.stringContaining("9007199254740993")],
      ['["2"]', expect.stringContaining("infinity")],
      ['["3"]', expect.stringContaining("9007199254740993")],
      ['["4"]', expect.stringContaining("1e400")],
      ['["5"]', expect.stringContaining("BC")],
    ]);
  });

  it("reads what a condition and a query with parameters leave", async () => {
    const name = await squares();
    const some = source({
      table: name,
      schema: "public",
      key: "id",
      columns: ["name"],
      where: "id > $1 AND name <> $2 -- no",
      parameters: [36, "name 8"],
      splitSize: 2,
      mapRow: (row) => row.name,
    });
    expect((await read(some)).slice(0, 2)).toEqual(["name 7", "name 9"]);
    const query = `SELECT id % $1 AS rest, count(*) AS many FROM ${name} GROUP BY 1`;
    const counts = source({
      query,
      parameters: [3],
      key: "rest",
      assumeUnique: true,
      fetchSize: 1,
    });
    expect(await read(counts)).toEqual([
      { rest: 0, many: 34 },
      { rest: 1, many: 66 },
    ]);
  });

  it("orders by the index's collation where the column holds more texts for equal", async () => {
    await server().query(
      "CREATE COLLATION IF NOT EXISTS blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    );
    const name = await table(
      "k text COLLATE blind NOT NULL",
      "VALUES ('a'), ('A'), ('b'), ('B'), ('c')",
    );
    await server().query(`CREATE UNIQUE INDEX ON ${name} (k COLLATE "C")`);
    for (let taken = 0; taken <= 5; taken++) {
      const rows = await readInTwoLives(
        source({ table: name, key: "k", fetchSize: 1, splitSize: 3 }),
        taken,
        [1, 2],
      );
      expect(column(rows, "k").sort()).toEqual(["A", "B", "a", "b", "c"]);
    }
  });
});

describe("what postgresSource refuses", () => {
  const code = async (options: Options & { connection?: object | string }): Promise<string> => {
    const error = await failureOf(source(options));
    return `${error.code}: ${error.message}`;
  };

  it("a connection that is none, without a word of its password", () => {
    for (const connection of [
      "secret",
      "mysql://u:secret@h/d",
      { password: 5n },
      { passwort: "secret" },
      { host: "", password: "secret" },
      "postgres://u:%secret@h/d",
      undefined,
    ]) {
      let message = "";
      try {
        postgresSource({ connection: connection as never, table: "t", key: "id" });
      } catch (error) {
        message = JSON.stringify({ message: String(error), ...(error as object) });
      }
      expect(message).toContain("OPTION_INVALID");
      expect(message).not.toContain("secret");
    }
  });

  it("a wrong password, and a server that is not there", async () => {
    const { connection } = server();
    const { host, port, user, database } = connection;
    const wrong = `postgres://${user}:hush-hush@${host}:${port}/${database}`;
    const error = await failureOf(source({ connection: wrong, table: "t", key: "id" } as never));
    expect(error).toMatchObject({ code: "CONNECTION_FAILED", retry: "never" });
    expect(error.message).toContain(`${host}:${port}/${database} as ${user}`);
    expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain("hush-hush");
    const nobody = await failureOf(
      source({ connection: { ...connection, port: 1 }, table: "t", key: "id" } as never),
    );
    expect(nobody).toMatchObject({ code: "CONNECTION_FAILED", retry: "backoff" });
  });

  it("tables, columns, keys and SQL that are not there", async () => {
    const t = await squares();
    expect(await code({ table: "none", key: "id" })).toMatch(/OPTION_INVALID.*none/);
    expect(await code({ table: t, schema: "elsewhere", key: "id" })).toMatch(
      /OPTION_INVALID.*elsewhere/,
    );
    expect(await code({ table: t, key: "ID" })).toMatch(/OPTION_INVALID.*no column "ID"/);
    expect(await code({ table: t, key: "id", columns: ["x"] })).toMatch(
      /OPTION_INVALID.*no column "x"/,
    );
    expect(await code({ table: t, key: "id", where: "id >" })).toMatch(/OPTION_INVALID/);
    expect(await code({ table: t, key: "id", parameters: [1] })).toMatch(/OPTION_INVALID/);
    const twice = `SELECT id, id FROM ${t}`;
    expect(await code({ query: twice, key: "id", assumeUnique: true })).toMatch(
      /OPTION_INVALID.*more than one/,
    );
    const json = await table("k json, p point");
    expect(await code({ table: json, key: "p", assumeUnique: true })).toMatch(
      /UNSUPPORTED_OPERATION.*"p"/,
    );
  });

  it("a key that is not unique, or null", async () => {
    const t = await table(
      "id int, d int UNIQUE DEFERRABLE, p int, e int",
      "VALUES (1, 1, 1, 1), (2, NULL, 2, 2)",
    );
    await server().query(
      `CREATE UNIQUE INDEX ON ${t} (p) WHERE p > 1; CREATE UNIQUE INDEX ON ${t} ((e + 1))`,
    );
    for (const key of ["id", "p", "e"]) {
      expect(await code({ table: t, key })).toMatch(/OPTION_INVALID.*unique/);
    }
    expect(await code({ table: t, key: "d" })).toMatch(/OPTION_INVALID.*NULL/);
    expect((await read(source({ table: t, key: "d", where: "d IS NOT NULL" }))).length).toBe(1);
    expect((await read(source({ table: t, key: "id", assumeUnique: true }))).length).toBe(2);
  });

  it("a key that is unique in a table, but not with those that inherit from it", async () => {
    const t = await table("id int PRIMARY KEY", "VALUES (1), (2)");
    expect((await read(source({ table: t, key: "id" }))).length).toBe(2);
    await server().query(`CREATE TABLE ${t}_child () INHERITS (${t})`);
    await server().query(`INSERT INTO ${t}_child VALUES (2), (3)`);
    // Rows with an equal key on both sides of a page's end would be lost.
    expect(await code({ table: t, key: "id" })).toMatch(/OPTION_INVALID.*unique/);
    const parts = await table("id int PRIMARY KEY) PARTITION BY RANGE (id", "SELECT 1 WHERE false");
    await server().query(
      `CREATE TABLE ${parts}_a PARTITION OF ${parts} FOR VALUES FROM (0) TO (5);
       CREATE TABLE ${parts}_b PARTITION OF ${parts} FOR VALUES FROM (5) TO (9);
       INSERT INTO ${parts} SELECT generate_series(0, 8)`,
    );
    expect((await read(source({ table: parts, key: "id", fetchSize: 2 }))).length).toBe(9);
  });

  it("a statement that takes too long, as an error that a restart may help", async () => {
    const name = await squares();
    const slow = source({
      table: name,
      key: "id",
      where: "pg_sleep(1) IS NOT NULL",
      statementTimeout: 30,
    });
    expect(await failureOf(slow)).toMatchObject({
      code: "CONNECTION_FAILED",
      retry: "backoff",
      hint: expect.stringContaining("statementTimeout"),
    });
  });
});
