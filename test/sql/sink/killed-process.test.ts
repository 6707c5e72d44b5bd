import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { compileJobs, JobProcess } from "../../integration/compiled-job.js";
import { type PostgresServer, startPostgres, usePostgres } from "../../support/postgres-server.js";

const COUNT = 20_000;
/** Records a second of a process that is to be killed: it has to be in the middle then. */
const RATE = 3000;
const FULL_RATE = 20_000;

const url = ({ connection: { host, port, user, password, database } }: PostgresServer): string =>
  `postgres://${user}:${password}@${host}:${port}/${database}`;

/** Runs the job in a process of its own; how that ended. */
async function work(args: readonly (string | number)[]): Promise<string> {
  const job = new JobProcess("numbers-to-a-table", args.map(String));
  const { signal, stdout, stderr } = await job.ended;
  expect(stderr).toBe("");
  return signal ?? stdout.trim();
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "headwater-killed-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

interface Row {
  readonly n: number;
  readonly pad: string;
}

function sqliteRows(path: string): readonly Row[] {
  const database = new Database(join(path, "sink.db"));
  try {
    return database.prepare("SELECT n, pad FROM numbers").all() as Row[];
  } finally {
    database.close();
  }
}

function check(rows: readonly Row[]): readonly number[] {
  for (const { n, pad } of rows) expect(pad).toBe("x".repeat(n % 50));
  const numbers = rows.map(({ n }) => n).sort((a, b) => a - b);
  expect(new Set(numbers).size).toBe(numbers.length);
  return numbers;
}

const everything = Array.from({ length: COUNT }, (_, n) => n);
const server = usePostgres();

beforeAll(() => compileJobs("killed-databases"), 60_000);

describe.each(["sqlite", "postgres"])(
  "a process that is killed while it writes into %s",
  (kind) => {
    it("leaves each row there once at most, and others go on without a loss or a repetition", {
      timeout: 180_000,
    }, async () => {
      const [kills = []] = fc.sample(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 3, maxLength: 3 }),
        1,
      );
      const path = folder();
      const where = kind === "sqlite" ? kind : url(server());
      const rows = async () =>
        kind === "sqlite" ? sqliteRows(path) : server().query<Row>("SELECT n, pad FROM numbers");
      let seen: readonly number[] = [];
      for (const [i, fatal] of kills.entries()) {
        const parallelism = [2, 4, 1][i] ?? 2;
        expect(await work([path, where, COUNT, RATE, fatal, parallelism]), `${kills}`).toBe(
          "SIGKILL",
        );
        const now = check(await rows());
        expect(now).toEqual(expect.arrayContaining([...seen]));
        seen = now;
      }
      expect(seen.length).toBeGreaterThan(0);
      expect(await work([path, where, COUNT, FULL_RATE, 0, 3])).toBe("FINISHED after 0 restarts");
      expect(check(await rows()), `killed after ${kills}`).toEqual(everything);
      if (kind === "postgres") {
        expect(await server().query("SELECT gid FROM pg_prepared_xacts")).toEqual([]);
      }
    });
  },
);

describe("a server that is killed while a job writes exactly once into it", () => {
  it("has each row once when it is back and the job is through", { timeout: 60_000 }, async ({
    skip,
  }) => {
    if (process.platform === "win32") skip("there are no signals");
    // The server that the others use goes on; commits wait for the disk, as a crash needs it.
    const own = await startPostgres({ fsync: true });
    onTestFinished(() => own.stop());
    const path = folder();
    const working = work([path, url(own), 6000, RATE, 0, 2]);
    const reached = async (n: number): Promise<void> => {
      for (;;) {
        const [row] = await own
          .query<{ count: number }>("SELECT count(*)::int AS count FROM numbers")
          .catch(() => []);
        if ((row?.count ?? 0) >= n) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    for (const n of [500, 2000]) {
      await reached(n);
      await own.kill();
      await own.start();
    }
    expect(await working).toMatch(/^FINISHED after [1-9]\d* restarts$/);
    const rows = await own.query<Row>("SELECT n, pad FROM numbers");
    expect(check(rows)).toEqual(everything.slice(0, 6000));
    expect(await own.query("SELECT gid FROM pg_prepared_xacts")).toEqual([]);
  });
});
