import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import flights from "../../docs/examples/01-flights.js";
import { type JobHandle, type RunOptions, runDefinition } from "../../src/index.js";
import { failOnceAt } from "../../src/runtime/injected-failure.js";

const DAY_LINE = /^2001-\d\d-\d\d {2}/;
const root = fileURLToPath(new URL("../../", import.meta.url));

let directory: string;
let table: string;
/** By date, as an uninterrupted job prints it. */
let days: ReadonlyMap<string, string>;
let printed: string[] = [];

const csv = (name: string): string => join(directory, `${name}.csv`);

function start(
  name: string,
  options: RunOptions,
  change?: Parameters<typeof runDefinition>[2],
): Promise<JobHandle> {
  process.env.FLIGHTS_CSV = csv(name);
  const checkpoint = { directory: join(directory, name), interval: "100ms" };
  return runDefinition(flights, { checkpoint, ...options }, change);
}

function records(handle: JobHandle): number {
  const subtasks = handle.status().pipelines.flatMap((pipeline) => pipeline.subtasks);
  return subtasks.reduce((sum, subtask) => sum + (subtask.status?.records ?? 0), 0);
}

/** Every printed day is as it must be, and none is missing. */
function checkPrinted(lines: readonly string[]): void {
  const dayLines = lines.filter((line) => DAY_LINE.test(line));
  for (const line of dayLines) expect(line).toBe(days.get(line.slice(0, 10)));
  expect(new Set(dayLines).size).toBe(days.size);
}

/**
 * Runs the job in a process of its own, which is killed after so many days; whether it finished.
 * Throws when it ended otherwise: a process that cannot start must not pass for one that was killed.
 */
async function runAndKill(
  name: string,
  parallelism: number,
  afterDays: number,
  lines: string[],
): Promise<boolean> {
  const jiti = createRequire(import.meta.url).resolve("jiti/package.json");
  const child = spawn(
    process.execPath,
    [
      join(dirname(jiti), "lib/jiti-cli.mjs"),
      join(root, "test/integration/jobs/flights-job.ts"),
      join(directory, name),
      String(parallelism),
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        FLIGHTS_CSV: csv(name),
        JITI_ALIAS: JSON.stringify({
          "headwater/connectors/kafka": join(root, "src/connectors/kafka/index.ts"),
          "headwater/connectors/parquet": join(root, "src/connectors/parquet/index.ts"),
          headwater: join(root, "src/index.ts"),
        }),
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  try {
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (DAY_LINE.test(line) && ++seen === afterDays) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  } finally {
    child.kill("SIGKILL");
  }
  if (child.exitCode !== 0 && child.signalCode !== "SIGKILL") {
    throw new Error(`the job's process ended with ${child.exitCode ?? child.signalCode}`);
  }
  return child.exitCode === 0;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "headwater-flights-once-"));
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(...String(text).split("\n").filter(Boolean));
    return true;
  });
  await (await start("uninterrupted", { parallelism: 2 })).done;
  table = await readFile(csv("uninterrupted"), "utf8");
  const lines = printed.filter((line) => DAY_LINE.test(line));
  days = new Map(lines.map((line) => [line.slice(0, 10), line]));
}, 120_000);

afterAll(async () => {
  vi.restoreAllMocks();
  delete process.env.FLIGHTS_CSV;
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

describe("the flights job is exactly-once in its results", () => {
  it("when it is rescaled from two subtasks to four and then to one, with a failure between", async () => {
    printed = [];
    let fromSavepoint: string | undefined;
    for (const parallelism of [2, 4, 1]) {
      const run = await start(
        "rescaled",
        { parallelism, ...(fromSavepoint === undefined ? {} : { fromSavepoint }) },
        parallelism === 4 ? failOnceAt(500_000) : undefined,
      );
      if (parallelism > 1) {
        while (records(run) < 1_000_000) await setTimeout(5);
        ({ location: fromSavepoint } = await run.stop());
      }
      const { status } = await run.done;
      expect(status.restarts).toBe(parallelism === 4 ? 1 : 0);
    }
    expect(await readFile(csv("rescaled"), "utf8")).toBe(table);
    checkPrinted(printed);
  }, 300_000);

  it("when its process is killed again and again", async () => {
    const lines: string[] = [];
    for (const afterDays of [1, 37, 60]) {
      expect(await runAndKill("killed", 2, afterDays, lines)).toBe(false);
    }
    expect(await runAndKill("killed", 2, Number.POSITIVE_INFINITY, lines)).toBe(true);
    expect(await readFile(csv("killed"), "utf8")).toBe(table);
    checkPrinted(lines);
  }, 300_000);
});
