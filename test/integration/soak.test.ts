import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { compileJobs, JobProcess } from "./compiled-job.js";
import { FinishedOrders } from "./finished-orders.js";
import type { SoakMeasurement, SoakPlan } from "./jobs/soak-plan.js";

/**
 * Of an hour's work: a job that takes a checkpoint a second, finds a file of three splits every ten
 * seconds and restarts a subtask once a minute has 3600, 360 and 60. `npm test` does a tenth of it.
 */
const HOURS = Number(process.env.HEADWATER_SOAK_HOURS ?? 0.1);

const MEASUREMENTS = 4;
const part = (perHour: number): number => Math.ceil((perHour * HOURS) / MEASUREMENTS);
const PLAN: SoakPlan = {
  measurements: MEASUREMENTS,
  checkpoints: part(3600),
  restarts: part(60),
  files: part(360),
  ordersPerFile: 100,
};

/** Splits of a file; each is read by a fetcher of its own. */
const SPLITS = 4;

/** What differs with the moment of measuring: chunks, calls and events under way. */
const SLACK = 40;

describe("a job that works for hours", () => {
  beforeAll(() => compileJobs("soak"), 60_000);

  it("holds as much memory, and as many handles and listeners, at the end as before", {
    timeout: 7_200_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "headwater-soak-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const job = new JobProcess("soak-job", [folder, JSON.stringify(PLAN)], ["--expose-gc"]);
    const { stdout, stderr } = await job.ended;
    expect(stderr).toBe("");
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    const { state, orders } = lines.pop() as { readonly state: string; readonly orders: number };
    const measured = lines as SoakMeasurement[];
    console.log(measured.map((one) => JSON.stringify(one)).join("\n"));

    expect(state).toBe("FINISHED");
    const finished = new FinishedOrders(join(folder, "out"), "ndjson", orders);
    await finished.look();
    expect(finished.count).toBe(orders);

    expect(measured).toHaveLength(MEASUREMENTS);
    // What the first hour of a process makes for good is there by the second measurement.
    const [, before, , after] = measured as [unknown, SoakMeasurement, unknown, SoakMeasurement];
    const files = after.files - before.files;
    const restarts = after.restarts - before.restarts;
    expect(after.checkpoints - before.checkpoints).toBeGreaterThanOrEqual(PLAN.checkpoints);
    expect(restarts).toBeGreaterThan(0);

    expect(after.heap - before.heap).toBeLessThan(1_000_000 + 1000 * files);
    expect(after.external - before.external).toBeLessThan(1_000_000);
    expect(after.listeners).toBeLessThanOrEqual(before.listeners + 2);
    // The paths of files that were read; and, up to 10,000, the addresses of fetchers that have stopped.
    expect(after.sets.entries - before.sets.entries).toBeLessThanOrEqual(
      (2 + SPLITS) * files + 2 * restarts + SLACK,
    );
    // Sequence numbers of stopped attempts and fetchers, as long as their addresses are known.
    expect(after.maps.entries - before.maps.entries).toBeLessThanOrEqual(
      10 * restarts + files + SLACK,
    );
    expect(after.maps.largest - before.maps.largest).toBeLessThanOrEqual(3 * restarts + 10);
    expect(after.maps.count).toBeLessThanOrEqual(before.maps.count + SLACK);
    expect(after.sets.count).toBeLessThanOrEqual(before.sets.count + SLACK);
    expect(after.arrays.count).toBeLessThanOrEqual(before.arrays.count + 100);
    for (const kind of new Set(
      [before, after].flatMap(({ resources }) => Object.keys(resources)),
    )) {
      // A restart leaves a timer of 40 s behind, which does nothing.
      const allowed = kind === "Timeout" ? restarts + SLACK : 10;
      const [had, has] = [before.resources[kind] ?? 0, after.resources[kind] ?? 0];
      expect(has - had, kind).toBeLessThanOrEqual(allowed);
    }
  });
});
