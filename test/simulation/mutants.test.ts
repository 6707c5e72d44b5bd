import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CompiledSimulator, compileSimulator } from "./compiled-simulator.js";
import type { FailedSeed } from "./explore.js";
import { MUTANTS } from "./mutants/mutants.js";
import { catchMutant } from "./mutants/mutation-run.js";

const SEEDS = 3000;
/** Milliseconds that a mutant may live. */
const LONGEST = 240_000;
/** Processes at a time. */
const LANES = 2;

let simulator: CompiledSimulator;
const caught = new Map<string, Promise<FailedSeed | undefined>>();

beforeAll(() => {
  simulator = compileSimulator({ isCounted: true });
  const lanes = Array.from({ length: LANES }, () => Promise.resolve() as Promise<unknown>);
  for (const [index, mutant] of MUTANTS.entries()) {
    const lane = lanes[index % LANES] as Promise<unknown>;
    const run = lane.then(() => catchMutant(simulator.directory, mutant, SEEDS, LONGEST));
    // Its own test hears of a failure; the next one in the lane runs all the same.
    lanes[index % LANES] = run.catch(() => undefined);
    caught.set(mutant.name, run);
  }
}, 60_000);

afterAll(async () => {
  await Promise.allSettled(caught.values());
  simulator.remove();
}, 900_000);

describe("the simulator sees a framework that", () => {
  for (const { name } of MUTANTS) {
    it(name, { timeout: 900_000 }, async () => {
      expect(await caught.get(name), `no seed of ${SEEDS} shows it`).toBeDefined();
    });
  }
});
