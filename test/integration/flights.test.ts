import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import flights from "../../docs/examples/01-flights.js";
import { type JobHandle, type JobResult, type RunOptions, runDefinition } from "../../src/index.js";
import { failOnceAt } from "../../src/runtime/injected-failure.js";

const FLIGHTS = 3_000_000;

let directory: string;
let uninterrupted: string;

const csv = (name: string): string => join(directory, `${name}.csv`);

function options(name: string): RunOptions {
  return {
    parallelism: 2,
    checkpoint: { directory: join(directory, name), interval: "200ms" },
  };
}

/** Starts the main job; its table goes to the file of that name. */
function start(
  name: string,
  run: RunOptions,
  change?: Parameters<typeof runDefinition>[2],
): Promise<JobHandle> {
  process.env.FLIGHTS_CSV = csv(name);
  return runDefinition(flights, run, change);
}

function records({ pipelines }: JobResult["status"]): number {
  const subtasks = pipelines.flatMap((pipeline) => pipeline.subtasks);
  return subtasks.reduce((sum, subtask) => sum + (subtask.status?.records ?? 0), 0);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "headwater-flights-"));
  // The report's hundreds of lines are not what is tested.
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const handle = await start("uninterrupted", options("uninterrupted"));
  const { state, status } = await handle.done;
  expect({ state, records: records(status), restarts: status.restarts }).toEqual({
    state: "FINISHED",
    records: FLIGHTS,
    restarts: 0,
  });
  uninterrupted = await readFile(csv("uninterrupted"), "utf8");
}, 60_000);

afterAll(async () => {
  vi.restoreAllMocks();
  delete process.env.FLIGHTS_CSV;
  // A checkpoint that was being stored when its job ended may still be written for a moment.
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

describe("the statistics of three million flights", () => {
  it("have a line for each day", () => {
    const lines = uninterrupted.trim().split("\n");
    expect(lines[0]).toBe("date,flights,mean_delay,worst_airport,worst_delay");
    expect(lines.length).toBeGreaterThan(180);
    const counted = lines.slice(1).reduce((sum, line) => sum + Number(line.split(",")[1]), 0);
    expect(counted).toBeGreaterThan(2_900_000);
    expect(counted).toBeLessThanOrEqual(FLIGHTS);
  });

  it("are the same when a subtask fails in the middle", async () => {
    const handle = await start("failed", options("failed"), failOnceAt(1_500_000));
    const { status } = await handle.done;

    expect(status.restarts).toBe(1);
    expect(status.lastError?.message).toContain("failed to poll");
    expect(await readFile(csv("failed"), "utf8")).toBe(uninterrupted);
  }, 60_000);

  it("are the same when the job is stopped with a savepoint and resumed", async () => {
    const first = await start("stopped", options("stopped"));
    while (records(first.status()) < 1_000_000) await setTimeout(5);
    const { location } = await first.stop();
    const { savepoint, status } = await first.done;
    expect(savepoint?.location).toBe(location);
    expect(records(status)).toBeLessThan(FLIGHTS);

    const second = await start("stopped", { ...options("stopped"), resume: true });
    expect(second.status().restoredFrom).toBe(location);
    const resumed = await second.done;
    expect(records(status) + records(resumed.status)).toBe(FLIGHTS);
    expect(await readFile(csv("stopped"), "utf8")).toBe(uninterrupted);
  }, 60_000);
});
