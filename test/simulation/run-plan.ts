import { JOBS } from "./jobs/index.js";
import { Journal } from "./journal.js";
import type { Plan } from "./plan.js";
import { SimulationRecord } from "./record.js";
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

/** Runs a plan; with a journal everything that happens is written down; `begun` sees its world. */
export async function runPlan(
  plan: Plan,
  journal?: Journal,
  begun: (world: World) => void = () => {},
): Promise<Outcome> {
  const job = JOBS[plan.job];
  if (job === undefined) {
    const names = Object.keys(JOBS).join(", ");
    throw new Error(`there is no simulated job ${plan.job}: choose one of ${names}`);
  }
  if (job.prepare !== undefined) await job.prepare();
  const world = new World(plan, journal);
  begun(world);
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

/** Runs a plan and gives its record, which `headwater replay` takes, and what came of it. */
export async function recordOf(plan: Plan): Promise<{ record: SimulationRecord } & Outcome> {
  const record = new SimulationRecord();
  const outcome = await runPlan(plan, undefined, (world) => world.recordTo(record));
  return { record, ...outcome };
}
