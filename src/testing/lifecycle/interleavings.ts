import fc from "fast-check";
import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from "xstate";
import { optionInvalid } from "../../errors/index.js";
import { canonicalText } from "./canonical-text.js";
import { expectedOf, mismatch, nameOf } from "./comparison.js";
import type { Exploration } from "./explore.js";
import type { ModelTransition } from "./model.js";
import { throwFailure } from "./random-failure.js";
import type {
  LifecycleOptions,
  LifecyclePorts,
  LifecycleSystem,
  SystemUnderTest,
} from "./system-under-test.js";

const RUNS = 30;
const CHOICES = 2 ** 20;
/** Past these the orders to compare with become too many: 12! / (4! 4! 4!) = 34,650. */
const MOST_SENDERS = 3;
const MOST_EVENTS = 4;

/** The effects of each event. */
type Steps = readonly (readonly string[])[];
type Lines<M extends AnyStateMachine> = readonly (readonly EventFromLogic<M>[])[];

interface Outcome {
  readonly text: string;
  readonly expected: unknown;
}

/** What one system gets: events in order, then lines of events at the same time. */
interface Plan<M extends AnyStateMachine> {
  readonly path: readonly EventFromLogic<M>[];
  readonly lines: Lines<M>;
  readonly outcomes: readonly Outcome[];
  /** For reports. */
  toString(): string;
}

/**
 * Sends events from several senders to several systems at once, in an order that a seed gives; throws
 * when a system ends where no order of its events takes the machine.
 */
export async function runInterleavings<M extends AnyStateMachine>(
  exploration: Exploration<M>,
  systemUnderTest: SystemUnderTest<EventFromLogic<M>>,
  options: LifecycleOptions<M>,
): Promise<void> {
  if (options.interleavings === false) return;
  const settings = options.interleavings ?? {};
  const { runs = RUNS, systems = 2, senders = 2, events = 3, path } = settings;
  if (senders > MOST_SENDERS) {
    throw optionInvalid("interleavings.senders", senders, `at most ${MOST_SENDERS}`);
  }
  if (events > MOST_EVENTS) {
    throw optionInvalid("interleavings.events", events, `at most ${MOST_EVENTS}`);
  }
  const line = fc.array(fc.nat(CHOICES), { maxLength: events, size: "max" });
  const choice = fc.record({
    node: fc.nat(CHOICES),
    lines: fc.array(line, { minLength: senders, maxLength: senders }),
  });
  const plans = fc
    .array(choice, { minLength: systems, maxLength: systems })
    .map((choices) => choices.map((one) => planOf(exploration, options, one)));
  const property = fc.asyncProperty(fc.scheduler(), plans, async (scheduler, chosen) => {
    fc.pre(chosen.every((plan) => plan !== undefined));
    await run(scheduler, systemUnderTest, chosen as Plan<M>[]);
  });
  const seed = options.seed ?? 1;
  const parameters = { seed, numRuns: runs, ...(path === undefined ? {} : { path }) };
  throwFailure("interleavings", await fc.check(property, parameters));
}

function isDropping<M extends AnyStateMachine>({ interleavings }: LifecycleOptions<M>): boolean {
  return interleavings !== undefined && interleavings !== false && !!interleavings.dropIllegal;
}

/** Undefined: some order ends the system, or has an event where none may be sent. */
function planOf<M extends AnyStateMachine>(
  exploration: Exploration<M>,
  options: LifecycleOptions<M>,
  choice: { readonly node: number; readonly lines: readonly (readonly number[])[] },
): Plan<M> | undefined {
  const { nodes, eventsIn } = exploration;
  const node = nodes[choice.node % nodes.length];
  const events = node === undefined ? [] : eventsIn(node.snapshot);
  if (node === undefined || events.length === 0) return undefined;
  // Those that end everything would leave little to interleave.
  const offered = isDropping(options)
    ? events
    : events.filter(
        (event) => !exploration.endsWith(exploration.model.transition(node.snapshot, event)),
      );
  if (offered.length === 0) return undefined;
  const lines = choice.lines.map((line) =>
    line.map((index) => offered[index % offered.length] as EventFromLogic<M>),
  );
  const outcomes = outcomesOf(exploration, options, node.snapshot, lines);
  if (outcomes === undefined) return undefined;
  const text = lines.map((line) => line.map(nameOf).join(", ")).join(" | ");
  const whole = `${node.path.map(nameOf).join(", ")} | ${text}`;
  return { path: node.path, lines, outcomes, toString: () => whole };
}

/** What the machine shows after each order of the events that keeps each line's own. */
function outcomesOf<M extends AnyStateMachine>(
  exploration: Exploration<M>,
  options: LifecycleOptions<M>,
  start: SnapshotFrom<M>,
  lines: Lines<M>,
): readonly Outcome[] | undefined {
  const outcomes = new Map<string, Outcome>();
  const follow = (from: SnapshotFrom<M>, steps: Steps, at: readonly number[]) => {
    let isLast = true;
    for (const [index, line] of lines.entries()) {
      const event = line[at[index] ?? 0];
      if (event === undefined) continue;
      isLast = false;
      if (exploration.isExcluded(from, event)) return false;
      const transition: ModelTransition<M> = exploration.model.transition(from, event);
      const isIllegal = exploration.endsWith(transition);
      if (isIllegal && !isDropping(options)) return false;
      const next = at.map((place, other) => (other === index ? place + 1 : place));
      const to = isIllegal ? from : transition.to;
      const more = isIllegal ? steps : [...steps, transition.effects];
      if (!follow(to, more, next)) return false;
    }
    if (isLast) {
      const expected = expectedOf(options, from, steps);
      const text = canonicalText(expected);
      outcomes.set(text, { text, expected });
    }
    return true;
  };
  const isKnown = follow(
    start,
    [],
    lines.map(() => 0),
  );
  return isKnown ? [...outcomes.values()] : undefined;
}

async function run<M extends AnyStateMachine>(
  scheduler: fc.Scheduler,
  systemUnderTest: SystemUnderTest<EventFromLogic<M>>,
  plans: readonly Plan<M>[],
): Promise<void> {
  const ports: LifecyclePorts = {
    scheduler: {
      defer: (callback) => void scheduler.schedule(Promise.resolve(), "turn").then(callback),
    },
    // Not the work itself: while that is under way the scheduler would let nothing else happen.
    gate: async (work) => {
      await work.catch(() => undefined);
      return scheduler.schedule(work, "promise");
    },
    isInterleaved: true,
  };
  const systems: LifecycleSystem<EventFromLogic<M>>[] = [];
  try {
    for (const plan of plans) {
      const system = await settled(scheduler, systemUnderTest.create(ports));
      systems.push(system);
      await settled(scheduler, system.state());
      for (const event of plan.path) {
        await settled(scheduler, system.send(event));
        await settled(scheduler, system.state());
      }
    }
    const sending = plans.flatMap(({ lines }, index) =>
      lines.map(async (line, sender) => {
        for (const event of line) {
          await scheduler.schedule(Promise.resolve(), `${index}/${sender} ${nameOf(event)}`);
          await systems[index]?.send(event);
        }
      }),
    );
    await settled(scheduler, Promise.all(sending));
    for (const [index, plan] of plans.entries()) {
      const actual = await settled(scheduler, systems[index]?.state());
      if (plan.outcomes.some(({ text }) => text === canonicalText(actual))) continue;
      const lines = plan.lines.map((line, at) => `\n  ${at}: ${line.map(nameOf).join(", ")}`);
      const path = plan.path.map(nameOf).join(", ");
      throw mismatch(
        `system ${index} is where no order of its events takes the machine\nbefore: ${path}\nat the same time:${lines.join("")}`,
        actual,
        plan.outcomes.map(({ expected }) => expected),
      );
    }
  } finally {
    for (const system of systems) await system.dispose?.();
  }
}

/** Lets the scheduler run until the work is done and nothing else waits. */
async function settled<T>(scheduler: fc.Scheduler, work: T | Promise<T>): Promise<T> {
  const result = await scheduler.waitFor(Promise.resolve(work));
  await scheduler.waitIdle();
  return result;
}
