import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CompiledSimulator, compileSimulator } from "./compiled-simulator.js";
import type { ProcessMemory } from "./process-memory.js";

/** Seeds between two looks, and before the first, until caches are full. */
const SEEDS = 250;
/** Bytes: a run that stays in memory has more than this share of it. */
const MAX_GROWTH = SEEDS * 10_000;

describe("a process that runs one seed after the other", () => {
  let simulator: CompiledSimulator;

  beforeAll(() => {
    simulator = compileSimulator();
  }, 60_000);

  afterAll(() => simulator.remove());

  it("keeps nothing of a run that is over", { timeout: 300_000 }, () => {
    const args = ["--expose-gc", simulator.main, "--memory", "--seed=1", `--seeds=${SEEDS}`];
    const text = execFileSync(process.execPath, args, { encoding: "utf8" });
    const [first, second] = JSON.parse(text) as [ProcessMemory, ProcessMemory];
    // The last one may still be on the stack.
    expect(first.liveWorlds).toBeLessThanOrEqual(1);
    expect(second.liveWorlds).toBeLessThanOrEqual(1);
    expect(second.liveSystems).toBeLessThanOrEqual(1);
    expect(second.resources).toEqual(first.resources);
    expect(second.listeners).toBe(first.listeners);
    expect(second.heap - first.heap).toBeLessThan(MAX_GROWTH);
  });
});
