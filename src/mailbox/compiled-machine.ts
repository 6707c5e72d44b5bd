import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine } from "xstate";
import {
  type ActionArgs,
  type Assignment,
  type Configuration,
  MachineStructure,
  type PlannedAction,
  type StructureNode,
  type Transition,
} from "./machine-structure.js";

type MachineEvent = ActionArgs["event"];

/** What XState hands to the logic of an actor, as far as it is used here. */
interface Scope {
  readonly self: AnyActorRef;
  readonly system: unknown;
  readonly actionExecutor: (action: object) => void;
}

type Snapshot = AnyMachineSnapshot & { readonly _nodes: readonly StructureNode[] };
type Guard = ((args: object, params: unknown) => boolean) & {
  readonly check?: (snapshot: object, args: object, guard: object) => boolean;
};
type Act = (action: PlannedAction, args: ActionArgs) => void;

/** Whom an inspector watches: it sees every step, which only XState tells. */
const watched = new WeakSet<AnyActorRef>();

/** From now on every step of the machine is done by XState itself. */
export function watchSteps(actor: AnyActorRef): void {
  watched.add(actor);
}

function isWatched(actor: AnyActorRef): boolean {
  const { options } = actor as { readonly options?: { readonly inspect?: unknown } };
  return options?.inspect !== undefined || watched.has(actor);
}

/**
 * Makes a machine do the same as before with less work: the structure of its steps is looked up, not
 * worked out at every event. What the structure does not cover is left to XState.
 */
export function compileMachine(machine: AnyStateMachine): AnyStateMachine {
  const structure = MachineStructure.of(machine);
  if (structure === undefined) return machine;
  const { transition, getInitialSnapshot } = machine;
  const compiled = new CompiledMachine(machine, structure);
  return Object.assign(machine, {
    transition: (snapshot: Snapshot, event: MachineEvent, scope: Scope) => {
      const isCovered =
        snapshot.status === "active" && !event.type.startsWith("xstate.") && !isWatched(scope.self);
      const next = isCovered ? compiled.transition(snapshot, event, scope) : undefined;
      return next ?? transition(snapshot, event, scope as never);
    },
    getInitialSnapshot: (scope: Scope, input: unknown) =>
      (isWatched(scope.self) ? undefined : compiled.initialSnapshot(scope, input)) ??
      getInitialSnapshot(scope as never, input as never),
  });
}

/** The steps of one machine; both methods give undefined where XState has to do it, as for its errors. */
class CompiledMachine {
  readonly #machine: AnyStateMachine;
  readonly #structure: MachineStructure;
  /** A snapshot that XState has made. */
  #template: Snapshot | undefined;

  constructor(machine: AnyStateMachine, structure: MachineStructure) {
    this.#machine = machine;
    this.#structure = structure;
  }

  transition(snapshot: Snapshot, event: MachineEvent, scope: Scope): Snapshot | undefined {
    this.#template ??= snapshot;
    const structure = this.#structure;
    const from = structure.configuration(snapshot._nodes);
    const candidates = structure.candidates(from, event.type);
    let selected: Transition | undefined;
    try {
      selected = this.#select(candidates, snapshot, from, snapshot.context, event);
    } catch {
      return undefined;
    }
    return this.#run(snapshot, from, snapshot.context, selected, event, scope, perform);
  }

  initialSnapshot(scope: Scope, input: unknown): Snapshot | undefined {
    const template = this.#template;
    if (template === undefined) return undefined;
    const event = { type: "xstate.init", input };
    const { initial, initialActions } = this.#structure;
    const effects: (() => void)[] = [];
    // Effects of a machine that is about to start wait until it has.
    const defer: Act = ({ type, params, effect }, info) => {
      effects.push(() => scope.actionExecutor({ type, params, info, exec: effect }));
    };
    try {
      const { context } = this.#machine.config as { context?: unknown };
      const made = typeof context === "function" ? context({ input, self: scope.self }) : context;
      const entered = apply(initialActions, { ...(made as object) }, event, scope, defer);
      const start = this.#snapshot(template, initial, entered);
      const snapshot = this.#run(start, initial, entered, undefined, event, scope, defer);
      for (const effect of effects) effect();
      return snapshot;
    } catch {
      return undefined;
    }
  }

  #run(
    snapshot: Snapshot,
    from: Configuration,
    initialContext: object,
    selected: Transition | undefined,
    event: MachineEvent,
    scope: Scope,
    act: Act,
  ): Snapshot {
    let [configuration, context] = [from, initialContext];
    let [transition, isEventless] = [selected, false];
    while (true) {
      const [before, contextBefore] = [configuration, context];
      if (transition !== undefined) {
        const { actions, next } = this.#structure.step(configuration, transition);
        context = apply(actions, context, event, scope, act);
        configuration = next;
      }
      if (configuration.isFinal || configuration.always.length === 0) break;
      // It would be taken for ever.
      if (isEventless && configuration === before && context === contextBefore) break;
      isEventless = true;
      transition = this.#select(configuration.always, snapshot, configuration, context, event);
      if (transition === undefined) break;
    }
    if (configuration === from && context === snapshot.context) return snapshot;
    return this.#snapshot(snapshot, configuration, context);
  }

  #select(
    candidates: readonly Transition[],
    snapshot: Snapshot,
    configuration: Configuration,
    context: object,
    event: MachineEvent,
  ): Transition | undefined {
    for (const candidate of candidates) {
      const { guard } = candidate;
      if (guard === undefined) return candidate;
      const { guards } = this.#machine.implementations;
      const check = (typeof guard === "string" ? guards[guard] : guard) as Guard;
      const args = { context, event };
      const passes =
        check.check === undefined
          ? check(args, undefined)
          : check.check(this.#snapshot(snapshot, configuration, context), args, check);
      if (passes) return candidate;
    }
    return undefined;
  }

  #snapshot(
    from: Snapshot,
    { nodes, value, tags, isFinal }: Configuration,
    context: object,
  ): Snapshot {
    return {
      status: isFinal ? "done" : "active",
      output: undefined,
      error: undefined,
      machine: this.#machine,
      context,
      _nodes: nodes,
      value,
      tags,
      children: from.children,
      historyValue: from.historyValue,
      matches: from.matches,
      hasTag: from.hasTag,
      can: from.can,
      getMeta: from.getMeta,
      toJSON: from.toJSON,
    } as unknown as Snapshot;
  }
}

/** Does the actions one after the other; gives the context that they leave. */
function apply(
  actions: readonly PlannedAction[],
  initial: object,
  event: MachineEvent,
  { self, system }: Scope,
  act: Act,
): object {
  let context = initial;
  for (const action of actions) {
    const args = { context, event, self, system };
    const { assignment } = action;
    if (assignment === undefined) act(action, args);
    else context = Object.assign({}, context, changes(assignment, args, action.params));
  }
  return context;
}

const perform: Act = ({ effect, params }, args) => effect(args, params);

function changes(assignment: Assignment, args: ActionArgs, params: unknown): unknown {
  if (typeof assignment === "function") return assignment(args, params);
  return Object.fromEntries(
    Object.entries(assignment).map(([key, value]) => [
      key,
      typeof value === "function" ? value(args, params) : value,
    ]),
  );
}
