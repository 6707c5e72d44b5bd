import { JOBS } from "./jobs/index.js";
import { Journal } from "./journal.js";
import type { Plan } from "./plan.js";
import { Supervisor } from "./supervisor.js";
import { World } from "./world.js";

/** What came of a run. */
export interface Outcome {
  /** Rules that were broken; none: all is well. */
  readonly violations: readonly string[];
  readonly steps: number;
  readonly lives: number;
  readonly milliseconds: number;
}

/** Runs a plan; with a journal everything that happens is written down. */
export async function runPlan(plan: Plan, journal?: Journal): Promise<Outcome> {
  const job = JOBS[plan.job];
  if (job === undefined) {
    const names = Object.keys(JOBS).join(", ");
    throw new Error(`there is no simulated job ${plan.job}: choose one of ${names}`);
  }
  if (job.prepare !== undefined) await job.prepare();
  const world = new World(plan, journal);
  const steps = await new Supervisor(world, job).run();
  world.life.die();
  const { violations, lives, time } = world;
  return { violations, steps, lives, milliseconds: time };
}

/** Runs a plan and gives its journal. */
export async function journalOf(plan: Plan): Promise<Journal> {
  const journal = new Journal();
  await runPlan(plan, journal);
  return journal;
}
