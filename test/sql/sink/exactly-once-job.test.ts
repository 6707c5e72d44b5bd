import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  map,
} from "../../../src/index.js";
import { faultySink, SINK_PLACES } from "../../files/sink/faulty-sink.js";
import { Faults, faultySource } from "../../support/faulty-source.js";
import { JobHarness, type JobHarnessOptions } from "../../support/job-harness.js";
import { usePostgres } from "../../support/postgres-server.js";
import {
  postgresDatabase,
  rowOf,
  type SinkDatabase,
  sqliteDatabase,
  TableReader,
} from "./sink-database.js";

/** Virtual milliseconds to one real one: timeouts must not pass while a database is slow. */
const HASTE = 50;

/** Databases need real time; virtual time passes in between, and nobody spins while they work. */
async function drive(harness: JobHarness, until: () => boolean): Promise<void> {
  const [start, realStart] = [harness.now, performance.now()];
  while (!until()) {
    await harness.step(1);
    const isIdle = harness.scheduler.pending === 0;
    const now = harness.now;
    if (now - start < (performance.now() - realStart) * HASTE) harness.advanceOneTimer();
    if (isIdle && harness.now === now) await wait(1);
    else await new Promise(setImmediate);
  }
}

const RESTART = fixedDelayRestart({ attempts: 1000, delay: 5 });

interface Plan {
  readonly splits: number;
  readonly perSplit: number;
  readonly interval: number;
  readonly tick: number;
  readonly method: "copy" | "insert";
  readonly maxBatchRows: number;
  readonly unique: boolean;
  readonly actions: readonly { readonly turns: number; readonly stop?: number | undefined }[];
  readonly failures: readonly { place: string; after: number; times: number }[];
}

const PLACES = [...SINK_PLACES, "SourceReader.pollNext", "SourceReader.snapshotState"];

const plan: fc.Arbitrary<Plan> = fc.record({
  splits: fc.integer({ min: 1, max: 4 }),
  perSplit: fc.integer({ min: 1, max: 400 }),
  interval: fc.integer({ min: 5, max: 80 }),
  tick: fc.constantFrom(0.5, 1, 3),
  method: fc.constantFrom("copy" as const, "insert" as const),
  maxBatchRows: fc.constantFrom(1, 7, 1000),
  unique: fc.boolean(),
  actions: fc.array(
    fc.record({
      turns: fc.integer({ min: 1, max: 120 }),
      stop: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 3 }),
    }),
    { maxLength: 6 },
  ),
  failures: fc.uniqueArray(
    fc.record({
      place: fc.constantFrom(...PLACES),
      after: fc.integer({ min: 0, max: 20 }),
      times: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 5, selector: ({ place }) => place },
  ),
});

function jobOf(
  database: SinkDatabase,
  given: Plan,
  faults: Faults,
  mode?: "insert" | "upsert",
): JobDefinition {
  const { splits, perSplit, method, maxBatchRows, unique } = given;
  const sink =
    mode === undefined
      ? faultySink(
          database.sink({ delivery: "exactly-once", method, maxBatchRows, unique }),
          faults,
        )
      : database.sink({ mode, maxBatchRows, unique: mode === "upsert" });
  return defineJob("numbers-to-a-table", (env) => {
    env
      .fromSource(faultySource({ faults, splits, perSplit, fetchSize: 5 }))
      .pipe(map(rowOf))
      .sinkTo(sink);
  });
}

async function play(given: Plan, database: SinkDatabase, faults: Faults) {
  const { interval, tick, actions, failures } = given;
  for (const { place, after, times } of failures) faults.at(place, times, after);
  const storage = new MemoryCheckpointStorage();
  const start = (options: JobHarnessOptions) =>
    JobHarness.start(jobOf(database, given, faults), {
      tick,
      restartStrategy: RESTART,
      checkpoint: { interval, storage, tolerableFailures: 1000 },
      ...options,
    });
  const reader = new TableReader(database);
  let stops = 0;
  let harness = await start({ parallelism: 2 });
  for (const { turns, stop } of actions) {
    let turn = 0;
    await drive(harness, () => harness.hasEnded || ++turn > turns);
    await reader.look();
    if (harness.hasEnded) break;
    if (stop === undefined || harness.handle.status().state !== "RUNNING") continue;
    let stopped: { readonly location?: string } | undefined;
    harness.handle.stop({ target: "savepoint" }).then(
      ({ location }) => {
        stopped = { location };
      },
      () => {
        stopped = {};
      },
    );
    await drive(harness, () => stopped !== undefined);
    const location = stopped?.location;
    if (location === undefined) continue;
    await drive(harness, () => harness.hasEnded);
    await reader.look();
    // It may have failed after the savepoint, and then goes on to its own end.
    if ((await harness.finish()).savepoint === undefined) break;
    stops++;
    harness = await start({ parallelism: stop, fromSavepoint: location });
  }
  await drive(harness, () => harness.hasEnded);
  const { state } = await harness.finish();
  expect(state).toBe("FINISHED");
  await reader.look();
  return { reader, stops };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const server = usePostgres();

describe.each([
  ["SQLite", sqliteDatabase, 20],
  ["Postgres", () => postgresDatabase(server()), 15],
] as const)("a job that writes exactly once into %s", (_, open, numRuns) => {
  it("shows each row once and whole, whatever fails whenever, stopped and resumed with any parallelism", {
    timeout: 180_000,
  }, async () => {
    const hits = new Set<string>();
    let resumed = 0;
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const database = open();
        const faults = new Faults();
        const { reader, stops } = await play(given, database, faults);
        expect(reader.numbers).toEqual(numbers(given.splits * given.perSplit));
        expect(await database.lingering()).toBe(0);
        for (const place of faults.hits) hits.add(place);
        resumed += stops;
        await database.remove();
      }),
      { numRuns },
    );
    // Else the property says less than it seems to.
    expect(hits.size).toBeGreaterThan(3);
    expect(resumed).toBeGreaterThan(1);
  });

  it("shows nothing before a checkpoint is complete", async () => {
    const database = open();
    const given = { splits: 3, perSplit: 400, method: "copy", maxBatchRows: 50 } as Plan;
    const storage = new MemoryCheckpointStorage();
    const store = storage.store.bind(storage);
    let seenWhenStored = -1;
    storage.store = async (data) => {
      if (seenWhenStored < 0) seenWhenStored = (await database.rows()).length;
      return store(data);
    };
    const harness = await JobHarness.start(jobOf(database, given, new Faults()), {
      parallelism: 2,
      checkpoint: { interval: "1h", storage },
    });
    await drive(harness, () => harness.hasEnded);
    await harness.finish();
    expect(seenWhenStored).toBe(0);
    const seen = (await database.rows()).map(({ n }) => n).sort((a, b) => a - b);
    expect(seen).toEqual(numbers(1200));
    await database.remove();
  });

  it.each(["insert", "upsert"] as const)(
    "and at least once with %s: no row is lost, and an upsert has each once",
    async (mode) => {
      const database = open();
      const given = { splits: 3, perSplit: 300, maxBatchRows: 20 } as Plan;
      const faults = new Faults().at("SourceReader.pollNext", 2, 40);
      const harness = await JobHarness.start(jobOf(database, given, faults, mode), {
        parallelism: 2,
        restartStrategy: RESTART,
        checkpoint: { interval: 20, tolerableFailures: 1000 },
      });
      await drive(harness, () => harness.hasEnded);
      await harness.finish();
      expect(faults.hits).toHaveLength(2);
      const rows = (await database.rows()).map(({ n }) => n).sort((a, b) => a - b);
      expect(mode === "upsert" ? rows : [...new Set(rows)]).toEqual(numbers(900));
      await database.remove();
    },
  );

  it.each(SINK_PLACES)("leaves nothing behind after a failure at %s", async (place) => {
    const database = open();
    const faults = new Faults();
    const given: Plan = {
      ...{ splits: 2, perSplit: 300, interval: 20, tick: 1, method: "copy", maxBatchRows: 20 },
      ...{ unique: true, actions: [] },
      // A quick job may commit once only.
      failures: [{ place, times: 1, after: /^SinkWriter/.test(place) ? 1 : 0 }],
    };
    const { reader } = await play(given, database, faults);
    expect(faults.hits).toEqual([place]);
    expect(reader.numbers).toEqual(numbers(600));
    expect(await database.lingering()).toBe(0);
    await database.remove();
  });
});
