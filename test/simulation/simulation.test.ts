import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CompiledSimulator, compileSimulator } from "./compiled-simulator.js";
import { exploreInChildren } from "./explore.js";
import { JOBS } from "./jobs/index.js";
import { type Plan, planOf } from "./plan.js";
import { journalOf, runPlan } from "./run-plan.js";
import { shrink } from "./shrink.js";

/** The first seed and how many: the same in every run, so that a red build can be repeated. */
const FIRST = 1;
const SEEDS = 2000;

const jobs = Object.keys(JOBS);

describe("a simulated run", () => {
  const { stackTraceLimit } = Error;
  // As in `main.ts`: stacks tell from where a run was started.
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });

  it("writes the same journal for the same seed, byte for byte", async () => {
    for (let seed = 100; seed < 112; seed++) {
      const plan = planOf(seed, jobs);
      const [first, second] = [await journalOf(plan), await journalOf(plan)];
      expect(second.toString()).toBe(first.toString());
      expect(first.toString().split("\n").length).toBeGreaterThan(50);
    }
  });

  it("does the same with and without a journal, and from a plan that was written as JSON", async () => {
    const plan = planOf(7, jobs);
    const outcome = await runPlan(plan);
    const again = JSON.parse(JSON.stringify(plan)) as Plan;
    expect(await runPlan(again)).toEqual(outcome);
    const { steps } = outcome;
    expect(steps).toBeGreaterThan(50);
  });

  it("shrinks to what a failure needs, and always to the same", async () => {
    const fails = async ({ faults, splits }: Plan): Promise<boolean> =>
      faults.some(({ place }) => place === "sink.commit") && splits.some((s) => s.records >= 4);
    let seed = 1;
    while (planOf(seed, jobs).faults.length < 4 || !(await fails(planOf(seed, jobs)))) seed++;
    const small = await shrink(planOf(seed, jobs), fails);
    expect(small.actions).toEqual([]);
    expect(small.faults.map(({ place }) => place)).toEqual(["sink.commit"]);
    expect(small.splits).toHaveLength(1);
    expect(small.splits[0]?.records).toBeLessThan(8);
    expect(await shrink(planOf(seed, jobs), fails)).toEqual(small);
  });
});

describe("a plan that once broke a rule", () => {
  const directory = new URL("found/", import.meta.url);
  for (const file of readdirSync(directory)) {
    it(`holds now: ${file.replace(".json", "").replaceAll("-", " ")}`, async () => {
      const plan = JSON.parse(readFileSync(new URL(file, directory), "utf8")) as Plan;
      expect((await runPlan(plan)).violations).toEqual([]);
    });
  }
});

describe("the framework", () => {
  let simulator: CompiledSimulator;

  beforeAll(() => {
    simulator = compileSimulator({ isCounted: true });
  }, 60_000);

  afterAll(() => simulator.remove());

  it(`keeps every rule in ${SEEDS} seeds from ${FIRST} on`, { timeout: 300_000 }, async () => {
    const exploration = { first: FIRST, seeds: SEEDS, jobs };
    const failed = await exploreInChildren(simulator.main, exploration, 2);
    const [first] = failed;
    const again = `npm run simulate -- --seed ${first?.seed} --seeds 1`;
    expect(failed, `to see what happens: ${again}`).toEqual([]);
  });
});
