import type { AnyStateMachine, EventFromLogic } from "xstate";
import { HeadwaterError } from "../../errors/index.js";
import { RealClock } from "../../mailbox/index.js";
import { Comparison } from "./comparison.js";
import { coverageOf } from "./coverage.js";
import { type Edge, type Exploration, explore } from "./explore.js";
import { runInterleavings } from "./interleavings.js";
import { runSequences } from "./sequences.js";
import type { LifecycleOptions, LifecycleReport, SystemUnderTest } from "./system-under-test.js";

/** Everything that is known of a machine before the first system is made. */
export interface LifecyclePlan<M extends AnyStateMachine> {
  readonly exploration: Exploration<M>;
  readonly report: LifecycleReport;
}

/** Explores the machine; throws what `testLifecycle` throws. */
export function planLifecycle<M extends AnyStateMachine>(
  machine: M,
  options: LifecycleOptions<M>,
): LifecyclePlan<M> {
  const exploration = explore(machine, options, new RealClock());
  return { exploration, report: coverageOf(exploration, options) };
}

/**
 * Runs edges of one node on a fresh system, by the shortest way to where they start: a single one, or
 * several that leave the machine as it is.
 */
export async function runEdges<M extends AnyStateMachine>(
  { model }: Exploration<M>,
  edges: readonly [Edge<M>, ...(readonly Edge<M>[])],
  systemUnderTest: SystemUnderTest<EventFromLogic<M>>,
  options: LifecycleOptions<M>,
): Promise<void> {
  const comparison = await Comparison.start(model, systemUnderTest, options);
  try {
    for (const step of edges[0].from.path) await comparison.send(step);
    for (const { event } of edges) await comparison.send(event);
  } finally {
    await comparison.dispose();
  }
}

/** Those that leave the machine as it is, by the node where they do. */
export function stillEdges<M extends AnyStateMachine>({
  edges,
}: Exploration<M>): readonly (readonly [Edge<M>, ...(readonly Edge<M>[])])[] {
  const groups = new Map<unknown, [Edge<M>, ...Edge<M>[]]>();
  for (const edge of edges) {
    if (!edge.isStill) continue;
    const group = groups.get(edge.from);
    if (group === undefined) groups.set(edge.from, [edge]);
    else group.push(edge);
  }
  return [...groups.values()];
}

/** Throws ILLEGAL_STATE that names every state and transition that is not reached. */
export function checkCoverage(name: string, { missing, ...report }: LifecycleReport): void {
  if (missing.length === 0) return;
  const { stateNodes, transitions } = report;
  throw new HeadwaterError(
    "ILLEGAL_STATE",
    [
      `the tests of ${name} reach ${stateNodes.covered} of ${stateNodes.total} states and ${transitions.covered} of ${transitions.total} transitions; missing:`,
      ...missing.map((what) => `  ${what}`),
    ].join("\n"),
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Give `events` that lead there, or say in `exclude` why nothing can.",
    },
  );
}

/**
 * Does all that `testLifecycle` does, at once and without a test runner.
 *
 * Rejects with an AssertionError at the first difference between system and machine, with ILLEGAL_STATE
 * when something is not covered, and with what `testLifecycle` throws.
 */
export async function checkLifecycle<M extends AnyStateMachine>(
  machine: M,
  systemUnderTest: SystemUnderTest<EventFromLogic<M>>,
  options: LifecycleOptions<M> = {},
): Promise<LifecycleReport> {
  const { exploration, report } = planLifecycle(machine, options);
  checkCoverage(options.name ?? machine.id, report);
  for (const edge of exploration.edges) {
    if (!edge.isStill) await runEdges(exploration, [edge], systemUnderTest, options);
  }
  for (const still of stillEdges(exploration)) {
    await runEdges(exploration, still, systemUnderTest, options);
  }
  await runSequences(exploration, systemUnderTest, options);
  await runInterleavings(exploration, systemUnderTest, options);
  return report;
}
