import { expect, it } from "vitest";
import { postgresSource } from "../../../src/connectors/postgres/index.js";
import { fixedDelayRestart } from "../../../src/index.js";
import { Ledger } from "../../files/ledger.js";
import { FileJob } from "../../files/play-job.js";
import { jobOfRows, range } from "../../sql/source/job-of-rows.js";
import { usePostgres } from "../../support/postgres-server.js";

const server = usePostgres();

it("has each row once in its state when the server is killed and comes back", async () => {
  await server().query("CREATE TABLE t (id uuid PRIMARY KEY, n int)");
  await server().query("INSERT INTO t SELECT gen_random_uuid(), n FROM generate_series(0, 1999) n");
  const source = postgresSource<{ n: number }>({
    connection: { ...server().connection },
    table: "t",
    key: "id",
    columns: ["n"],
    fetchSize: 10,
    splitSize: 150,
  });
  const ledger = new Ledger();
  const job = await FileJob.start(jobOfRows(source, ledger), {
    parallelism: 2,
    checkpoint: { interval: 5 },
    restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 100 }),
  });
  for (const at of [200, 1000]) {
    await job.until(() => ledger.numbers.length >= at);
    await server().kill();
    const before = job.harness.handle.status().restarts;
    await job.until(() => job.harness.handle.status().restarts > before + 1);
    await server().start();
  }
  const { status } = await job.finish();
  expect(status.restarts).toBeGreaterThan(3);
  expect(ledger.numbers).toEqual(range(0, 2000));
}, 60_000);

it("incrementing: goes on with rows of higher keys, and leaves no connection behind", async () => {
  await server().query("CREATE TABLE u (id bigint PRIMARY KEY, n int)");
  const source = postgresSource<{ n: number }>({
    connection: { ...server().connection },
    table: "u",
    key: "id",
    mode: "incrementing",
    pollInterval: 30,
  });
  const ledger = new Ledger();
  const job = await FileJob.start(jobOfRows(source, ledger), { parallelism: 2 });
  for (const [from, to] of [
    [0, 10],
    [10, 500],
  ] as const) {
    await server().query(
      `INSERT INTO u SELECT n * n, n FROM generate_series(${from}, ${to - 1}) n`,
    );
    await job.until(() => ledger.seen.length >= to);
  }
  expect(ledger.numbers).toEqual(range(0, 500));
  const canceled = job.harness.handle.cancel();
  await job.finish().catch(() => {});
  await canceled;
  let open = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 200 && open > 0; i++) {
    const [row] = await server().query<{ open: string }>(
      "SELECT count(*) AS open FROM pg_stat_activity WHERE application_name = 'headwater'",
    );
    open = Number(row?.open);
  }
  expect(open).toBe(0);
}, 60_000);
