import type { AnyStateMachine, AnyStateNode } from "xstate";
import { type Exploration, isWithin } from "./explore.js";
import { stateNodesOf } from "./machine-checks.js";
import type { LifecycleExclusion, LifecycleOptions, LifecycleReport } from "./system-under-test.js";

interface Goal {
  readonly what: string;
  readonly state: string;
  readonly event: string | undefined;
  readonly branch: number;
  readonly isReached: boolean;
}

/** Which state nodes and transitions the explored edges reach, and what is missing. */
export function coverageOf<M extends AnyStateMachine>(
  { model, edges, nodes, usedExclusions }: Exploration<M>,
  { exclude = [] }: LifecycleOptions<M>,
): LifecycleReport {
  const reached = new Set<unknown>(model.initial.entered);
  for (const { transition } of edges) {
    for (const one of transition.taken) reached.add(one);
    for (const one of transition.entered) reached.add(one);
  }
  const used = new Set<LifecycleExclusion<M>>(usedExclusions);
  const goals = stateNodesOf(model.machine).flatMap((node) => goalsOf(node, reached));
  const counted = goals.filter((goal) => {
    if (goal.isReached) return true;
    const exclusion = exclude.find((one) => excludes(one, goal));
    if (exclusion !== undefined) used.add(exclusion);
    return exclusion === undefined;
  });
  const inVain = exclude.filter((one) => !used.has(one));
  return {
    states: nodes.length,
    edges: edges.length,
    stateNodes: count(counted.filter(({ event }) => event === undefined)),
    transitions: count(counted.filter(({ event }) => event !== undefined)),
    missing: [
      ...counted.filter(({ isReached }) => !isReached).map(({ what }) => what),
      ...inVain.map((one) => `exclusion "${one.reason}" (${describe(one)}) excludes nothing`),
    ],
  };
}

function count(goals: readonly Goal[]): { readonly total: number; readonly covered: number } {
  return { total: goals.length, covered: goals.filter(({ isReached }) => isReached).length };
}

function goalsOf(node: AnyStateNode, reached: ReadonlySet<unknown>): Goal[] {
  const state = node.path.join(".");
  const name = state === "" ? "any state" : state;
  const ofTransitions = [...node.transitions, ["", node.always ?? []] as const].flatMap(
    ([event, transitions]) =>
      transitions.map((one, branch): Goal => {
        const target = one.target?.map((to) => to.path.join(".")).join(", ");
        const number = transitions.length > 1 ? ` (branch ${branch})` : "";
        const trigger = event === "" ? "always" : `on ${event}`;
        const what = `transition in ${name} ${trigger}${number}${target === undefined ? "" : ` → ${target}`}`;
        return { what, state, event, branch, isReached: reached.has(one) };
      }),
  );
  if (state === "") return ofTransitions;
  // A history state is never active itself.
  if (node.type === "history") return ofTransitions;
  const isReached = reached.has(node);
  return [
    { what: `state ${state}`, state, event: undefined, branch: 0, isReached },
    ...ofTransitions,
  ];
}

function excludes<M extends AnyStateMachine>(one: LifecycleExclusion<M>, goal: Goal): boolean {
  // Without a state it is meant wherever the event is handled.
  if (one.state !== undefined && !isWithin(goal.state, one.state)) return false;
  if (one.state === undefined && one.event === undefined) return false;
  if (one.event !== undefined && one.event !== goal.event) return false;
  return one.branch === undefined || one.branch === goal.branch;
}

function describe<M extends AnyStateMachine>({ state, event, branch }: LifecycleExclusion<M>) {
  return [state, event, branch].filter((part) => part !== undefined).join(" ");
}
