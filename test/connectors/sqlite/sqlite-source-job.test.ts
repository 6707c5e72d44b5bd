import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { sqliteSource } from "../../../src/connectors/sqlite/index.js";
import { fixedDelayRestart, MemoryCheckpointStorage } from "../../../src/index.js";
import { Ledger } from "../../files/ledger.js";
import { FileJob } from "../../files/play-job.js";
import { jobOfRows, range } from "../../sql/source/job-of-rows.js";
import { Faults } from "../../support/faulty-source.js";

const folder = mkdtempSync(join(tmpdir(), "sqlite-source-job-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;

/** A database with the rows of these numbers; their keys have gaps that grow. */
function databaseOf(numbers: readonly number[]) {
  const path = join(folder, `${files++}.db`);
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = OFF");
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)");
  const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
  const add = database.transaction((more: readonly number[]) => {
    for (const n of more) insert.run(n * n, n);
  });
  add(numbers);
  return { path, add, close: () => database.close() };
}

describe("a job that reads a SQLite table", () => {
  it("has each row once in its state when a subtask fails, wherever", async () => {
    const { path, close } = databaseOf(range(0, 1000));
    let wentOn = 0;
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 999 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 5, max: 300 }),
      fc.integer({ min: 20, max: 500 }),
      async (failAt, interval, fetchSize, splitSize) => {
        const ledger = new Ledger();
        const source = sqliteSource<{ n: number }>({
          path,
          table: "t",
          key: "id",
          fetchSize,
          splitSize,
        });
        const faults = new Faults().at("operator", 1, failAt);
        const job = await FileJob.start(jobOfRows(source, ledger, faults), {
          parallelism: 2,
          checkpoint: { interval },
          restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
        });
        const { status } = await job.finish();
        expect(status.restarts).toBe(1);
        expect(ledger.numbers).toEqual(range(0, 1000));
        if (ledger.seen.length < 1000 + failAt) wentOn++;
      },
    );
    await fc.assert(property, { numRuns: 10 });
    expect(wentOn).toBeGreaterThan(0);
    close();
  }, 60_000);

  it("reads exactly the rest from a savepoint, with more and with fewer subtasks", async () => {
    const { path, close } = databaseOf(range(0, 3000));
    const source = sqliteSource<{ n: number }>({
      path,
      table: "t",
      key: "id",
      splits: 7,
      fetchSize: 30,
    });
    const checkpoint = { storage: new MemoryCheckpointStorage() };
    let fromSavepoint: string | undefined;
    let read = 0;
    for (const [parallelism, until] of [
      [2, 500],
      [4, 1500],
      [1, 3000],
    ] as const) {
      const ledger = new Ledger();
      const job = await FileJob.start(jobOfRows(source, ledger), {
        parallelism,
        checkpoint,
        tick: 2,
        ...(fromSavepoint === undefined ? {} : { fromSavepoint }),
      });
      await job.until(() => read + ledger.seen.length >= until);
      if (until < 3000) {
        fromSavepoint = (await job.result(job.harness.handle.stop())).location;
      }
      await job.finish();
      read += ledger.seen.length;
      expect(new Set(ledger.numbers).size).toBe(read);
    }
    expect(read).toBe(3000);
    close();
  }, 60_000);

  it("incrementing: goes on with rows of higher keys, also from a savepoint", async () => {
    const { path, add, close } = databaseOf([]);
    const source = sqliteSource<{ n: number }>({
      path,
      table: "t",
      key: "id",
      splitSize: 40,
      mode: "incrementing",
      pollInterval: 20,
    });
    expect(source.boundedness).toBe("CONTINUOUS_UNBOUNDED");
    const options = { parallelism: 2, checkpoint: { storage: new MemoryCheckpointStorage() } };
    const first = new Ledger();
    const job = await FileJob.start(jobOfRows(source, first), options);
    await job.until(() => job.harness.now > 100);
    for (const [from, to] of [
      [0, 100],
      [100, 101],
      [101, 300],
    ] as const) {
      add(range(from, to));
      await job.until(() => first.seen.length >= to);
      expect(first.numbers).toEqual(range(0, to));
    }
    const { location } = await job.result(job.harness.handle.stop());
    await job.finish();

    add(range(300, 350));
    const second = new Ledger();
    const resumed = await FileJob.start(jobOfRows(source, second), {
      ...options,
      fromSavepoint: location,
    });
    await resumed.until(() => second.seen.length >= 50);
    add(range(350, 360));
    await resumed.until(() => second.seen.length >= 60);
    expect(second.numbers).toEqual(range(0, 360));
    expect(second.seen).toHaveLength(60);
    const canceled = resumed.harness.handle.cancel();
    await resumed.finish();
    await canceled;
    close();
  }, 60_000);
});
