import type { Plan } from "./plan.js";
import { runPlan } from "./run-plan.js";

/** Runs that shrinking may take. */
const MAX_RUNS = 500;

/**
 * A smaller plan that breaks a rule as well: fewer faults, actions, splits and records, less that is
 * special. The same plan always shrinks to the same one.
 */
export async function shrink(
  plan: Plan,
  fails = async (one: Plan): Promise<boolean> => (await runPlan(one)).violations.length > 0,
): Promise<Plan> {
  let best = plan;
  let runs = 0;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const candidate of smallerPlans(best)) {
      if (runs++ >= MAX_RUNS) return best;
      if (!(await fails(candidate))) continue;
      best = candidate;
      isSmaller = true;
      break;
    }
  }
  return best;
}

/** Plans that are a little smaller, the greatest steps first. */
function* smallerPlans(plan: Plan): Generator<Plan> {
  const { actions, faults, splits, latency } = plan;
  if (actions.length > 1) yield { ...plan, actions: [] };
  if (faults.length > 1) yield { ...plan, faults: [] };
  for (let i = 0; i < actions.length; i++) yield { ...plan, actions: without(actions, i) };
  for (let i = 0; i < faults.length; i++) yield { ...plan, faults: without(faults, i) };
  const { cluster } = plan;
  for (let i = 0; cluster !== undefined && i < cluster.events.length; i++) {
    yield { ...plan, cluster: { ...cluster, events: without(cluster.events, i) } };
  }
  for (let i = 0; splits.length > 1 && i < splits.length; i++) {
    yield { ...plan, splits: without(splits, i) };
  }
  for (const [i, split] of splits.entries()) {
    const half = Math.floor(split.records / 2);
    if (half > 0) yield { ...plan, splits: splits.with(i, { ...split, records: half }) };
    if (split.appearsAt > 0) {
      yield { ...plan, splits: splits.with(i, { ...split, appearsAt: 0 }) };
    }
  }
  if (plan.network !== "in-process") yield { ...plan, network: "in-process" };
  if (plan.parallelism > 1) yield { ...plan, parallelism: 1 };
  if (plan.fetchers !== "single") yield { ...plan, fetchers: "single" };
  for (const name of ["network", "disk", "source", "sink"] as const) {
    if (latency[name] > 0) yield { ...plan, latency: { ...latency, [name]: 0 } };
  }
  for (const [i, fault] of faults.entries()) {
    if (fault.times > 1) yield { ...plan, faults: faults.with(i, { ...fault, times: 1 }) };
  }
}

function without<T>(list: readonly T[], index: number): readonly T[] {
  return list.toSpliced(index, 1);
}
