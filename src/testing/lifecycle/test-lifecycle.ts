import { describe, it } from "vitest";
import type { AnyStateMachine, EventFromLogic } from "xstate";
import { checkCoverage, planLifecycle, runEdges, stillEdges } from "./check-lifecycle.js";
import { Comparison } from "./comparison.js";
import { type Edge, type Exploration, type Node, typeOf } from "./explore.js";
import { runInterleavings } from "./interleavings.js";
import { stateOf } from "./model.js";
import { runSequences } from "./sequences.js";
import type { LifecycleOptions, LifecycleReport, SystemUnderTest } from "./system-under-test.js";

/** Milliseconds that one test may take on a busy machine. */
const TIMEOUT = 120_000;

/**
 * Registers vitest tests that compare a system with the machine that it runs by: every event in every
 * state, the shortest way to each state, random sequences, interleavings, and what all that covers.
 *
 * Call it where `describe` may be called. Runs no effect of the machine. Throws UNSUPPORTED_OPERATION
 * for a machine with `invoke` or `after`, LIMIT_EXCEEDED for one with too many states, and
 * ILLEGAL_ARGUMENT when the machine throws at an event of the alphabet.
 */
export function testLifecycle<M extends AnyStateMachine>(
  machine: M,
  systemUnderTest: SystemUnderTest<EventFromLogic<M>>,
  options: LifecycleOptions<M> = {},
): LifecycleReport {
  const { exploration, report } = planLifecycle(machine, options);
  const name = options.name ?? machine.id;
  describe(name, () => {
    describe("in every state takes every event", () => {
      const run = (edges: readonly [Edge<M>, ...(readonly Edge<M>[])]) =>
        runEdges(exploration, edges, systemUnderTest, options);
      const moving = exploration.edges.filter(({ isStill }) => !isStill);
      for (const [title, edges] of groupBy(moving, (edge) => titleOf(edge))) {
        it(title, { timeout: TIMEOUT }, async () => {
          for (const edge of edges) await run([edge]);
        });
      }
      const still = stillEdges(exploration);
      for (const [state, groups] of groupBy(still, ([edge]) => edge.from.state)) {
        const types = new Set(groups.flat().map(({ event }) => typeOf(event)));
        it(`${state}: stays on ${[...types].join(", ")}`, { timeout: TIMEOUT }, async () => {
          for (const edges of groups) await run(edges);
        });
      }
    });
    describe("on the shortest way", () => {
      for (const { path } of firstOfEachState(exploration.nodes)) {
        it(sentenceOf(exploration, path), { timeout: TIMEOUT }, async () => {
          const comparison = await Comparison.start(exploration.model, systemUnderTest, options);
          try {
            for (const event of path) await comparison.send(event);
          } finally {
            await comparison.dispose();
          }
        });
      }
    });
    const seed = options.seed ?? 1;
    if (options.sequences !== false) {
      it(`follows the machine through random events (seed ${seed})`, { timeout: TIMEOUT }, () =>
        runSequences(exploration, systemUnderTest, options),
      );
    }
    if (options.interleavings !== false) {
      it(
        `follows some order of events that come at once (seed ${seed})`,
        { timeout: TIMEOUT },
        () => runInterleavings(exploration, systemUnderTest, options),
      );
    }
    const { stateNodes, transitions, states, edges } = report;
    const size = `${stateNodes.total} states and ${transitions.total} transitions`;
    it(`covers all ${size} (${states} contexts, ${edges} edges)`, () =>
      checkCoverage(name, report));
  });
  return report;
}

function titleOf<M extends AnyStateMachine>({ from, event, transition }: Edge<M>): string {
  const to = stateOf(transition.to);
  return `${from.state}: ${typeOf(event)}${to === from.state ? "" : ` → ${to}`}`;
}

function groupBy<T>(values: readonly T[], name: (value: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(name(value));
    if (group === undefined) groups.set(name(value), [value]);
    else group.push(value);
  }
  return groups;
}

/** Nodes come breadth first: the first with a state is the nearest. */
function firstOfEachState<M extends AnyStateMachine>(nodes: readonly Node<M>[]): Node<M>[] {
  const first = new Map<string, Node<M>>();
  for (const node of nodes) if (!first.has(node.state)) first.set(node.state, node);
  return [...first.values()];
}

/** `READING → on ALIGN → WAITING`; an event that changes no state is named without one. */
function sentenceOf<M extends AnyStateMachine>(
  { model }: Exploration<M>,
  path: readonly EventFromLogic<M>[],
): string {
  let snapshot = model.initial.to;
  let state = stateOf(snapshot);
  let sentence = path.length === 0 ? `starts in ${state}` : state;
  for (const event of path) {
    snapshot = model.transition(snapshot, event).to;
    const next = stateOf(snapshot);
    sentence += ` → on ${typeOf(event)}${next === state ? "" : ` → ${next}`}`;
    state = next;
  }
  return sentence;
}
