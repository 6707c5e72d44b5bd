import type { AnyMachineSnapshot, AnyStateMachine, EventFromLogic, SnapshotFrom } from "xstate";
import { HeadwaterError } from "../../errors/index.js";
import type { Clock } from "../../mailbox/index.js";
import { canonicalText } from "./canonical-text.js";
import { growingKeys } from "./growing-keys.js";
import { checkIsPure, eventsOf } from "./machine-checks.js";
import { Model, type ModelTransition, stateOf } from "./model.js";
import type { LifecycleExclusion, LifecycleOptions } from "./system-under-test.js";

/** A state of the machine, context included, and the shortest way to it. */
export interface Node<M extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<M>;
  readonly state: string;
  readonly path: readonly EventFromLogic<M>[];
}

/** What one event does in one state. */
export interface Edge<M extends AnyStateMachine> {
  readonly from: Node<M>;
  readonly event: EventFromLogic<M>;
  readonly transition: ModelTransition<M>;
  /** The machine is as before: state, context and all. */
  readonly isStill: boolean;
}

/** Everything that the machine can do with its alphabet. */
export interface Exploration<M extends AnyStateMachine> {
  readonly model: Model<M>;
  readonly nodes: readonly Node<M>[];
  readonly edges: readonly Edge<M>[];
  readonly usedExclusions: ReadonlySet<LifecycleExclusion<M>>;
  eventsIn(snapshot: SnapshotFrom<M>): readonly EventFromLogic<M>[];
  /** Whether the options say that the event is not sent there. */
  isExcluded(snapshot: SnapshotFrom<M>, event: EventFromLogic<M>): boolean;
  endsWith(transition: ModelTransition<M>): boolean;
}

/** The type of an event. */
export function typeOf(event: unknown): string {
  return (event as { readonly type: string }).type;
}

/** True for the state itself and those inside it, in any region. */
export function isWithin(state: string, outer: string): boolean {
  return state.split(", ").some((one) => one === outer || one.startsWith(`${outer}.`));
}

/**
 * Goes through every state and every event of the alphabet, breadth first.
 *
 * Throws UNSUPPORTED_OPERATION for a machine with `invoke` or `after`, LIMIT_EXCEEDED for one with more
 * states than the limit, ILLEGAL_ARGUMENT when the machine throws.
 */
export function explore<M extends AnyStateMachine>(
  machine: M,
  options: LifecycleOptions<M>,
  clock: Clock,
): Exploration<M> {
  checkIsPure(machine);
  const { states = 2000, edges: maxEdges = 50_000, milliseconds = 10_000 } = options.limit ?? {};
  const model = new Model(machine, options.input);
  const usedExclusions = new Set<LifecycleExclusion<M>>();
  const isExcluded = exclusion(options, usedExclusions);
  const all = alphabet(machine, options);
  const eventsIn: Exploration<M>["eventsIn"] = (snapshot) =>
    all(snapshot).filter((event) => !isExcluded(snapshot, event));
  const endsAfter = new Set(options.endsAfter ?? []);
  const endsWith = ({ effects }: ModelTransition<M>): boolean =>
    effects.some((effect) => endsAfter.has(effect));
  const key = options.serializeState ?? defaultKey;
  const first = nodeOf<M>(model.initial.to, []);
  const nodes: Node<M>[] = [first];
  const edges: Edge<M>[] = [];
  const seen = new Set([key(first.snapshot)]);
  const end = clock.relativeTime() + milliseconds;
  for (const from of nodes) {
    const whole = defaultKey(from.snapshot);
    for (const event of eventsIn(from.snapshot)) {
      const transition = model.transition(from.snapshot, event);
      const ends = endsWith(transition);
      const isStill = !ends && defaultKey(transition.to) === whole;
      edges.push({ from, event, transition, isStill });
      if (isStill) continue;
      const text = key(transition.to);
      if (!seen.has(text) && !ends) {
        seen.add(text);
        nodes.push(nodeOf<M>(transition.to, [...from.path, event]));
      }
    }
    if (nodes.length > states) throw tooMuch(machine, `${states} states`, nodes);
    if (edges.length > maxEdges) throw tooMuch(machine, `${maxEdges} edges`, nodes);
    if (clock.relativeTime() > end) throw tooMuch(machine, `${milliseconds} ms`, nodes);
  }
  return { model, nodes, edges, usedExclusions, eventsIn, isExcluded, endsWith };
}

function nodeOf<M extends AnyStateMachine>(
  snapshot: SnapshotFrom<M>,
  path: readonly EventFromLogic<M>[],
): Node<M> {
  return { snapshot, state: stateOf(snapshot), path };
}

function defaultKey(snapshot: unknown): string {
  const { value, context, status } = snapshot as AnyMachineSnapshot;
  return canonicalText([value, context, status]);
}

function alphabet<M extends AnyStateMachine>(
  machine: M,
  { events }: LifecycleOptions<M>,
): Exploration<M>["eventsIn"] {
  if (events === undefined) return eventsOf(machine);
  return typeof events === "function" ? events : () => events;
}

function exclusion<M extends AnyStateMachine>(
  { exclude = [] }: LifecycleOptions<M>,
  used: Set<LifecycleExclusion<M>>,
): Exploration<M>["isExcluded"] {
  const ofEvents = exclude.filter(
    ({ event, branch }) => event !== undefined && branch === undefined,
  );
  if (ofEvents.length === 0) return () => false;
  return (snapshot, event) => {
    const state = stateOf(snapshot);
    const found = ofEvents.find(
      (one) =>
        one.event === typeOf(event) &&
        (one.state === undefined || isWithin(state, one.state)) &&
        (one.when === undefined || one.when(event, snapshot)),
    );
    if (found !== undefined) used.add(found);
    return found !== undefined;
  };
}

function tooMuch<M extends AnyStateMachine>(
  machine: M,
  limit: string,
  nodes: readonly Node<M>[],
): HeadwaterError {
  const contexts = nodes.map(({ snapshot }) => (snapshot as AnyMachineSnapshot).context as unknown);
  const growing = growingKeys(contexts);
  const why = growing.length === 0 ? "" : `; these keys of its context grow: ${growing.join("; ")}`;
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `the machine ${machine.id} has more than ${limit}${why}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Leave what only counts out of `serializeState`, let `events` offer nothing that makes it grow past what shows all there is, or raise `limit`.",
    },
  );
}
