import {
  type AnyActorRef,
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  type InputFrom,
  type Actor as MachineActor,
  type SnapshotFrom,
} from "xstate";
import { illegalState } from "../errors/index.js";
import type { Cancel } from "./ports.js";
import type { InspectionObserver, RunningMachine, RunningMachines } from "./running-machines.js";

export type { InspectionObserver };

/** What a machine's named actions do, as `machine.provide` takes and types it. */
export type MachineActions<M extends AnyStateMachine> = NonNullable<
  Parameters<M["provide"]>[0]["actions"]
>;

/** Where a machine runs, what its actions do, and who watches. */
export interface MachineHostOptions<M extends AnyStateMachine> {
  /** The actor's address; shown in the inspector. */
  readonly id: string;
  readonly input?: InputFrom<M>;
  /** The effects; those left out do what the definition says, mostly nothing. */
  readonly actions?: MachineActions<M>;
  readonly inspect?: InspectionObserver | undefined;
}

type Action = (args: { readonly self: AnyActorRef }, params: unknown) => void;
type Actions = Readonly<Record<string, Action | undefined>>;

/** Where a running machine has its own actions. */
const ACTIONS = Symbol("actions");
type Hosted = AnyActorRef & { [ACTIONS]?: Actions };

/** Definition → the same machine whose actions look up their running machine's own. */
const shared = new WeakMap<AnyStateMachine, AnyStateMachine>();

/**
 * The machine that every host of a definition runs. `provide` builds the whole statechart again, which
 * for each of ten thousand fetchers or attempts would cost more than all their transitions.
 */
function sharedMachine(definition: AnyStateMachine): AnyStateMachine {
  let machine = shared.get(definition);
  if (machine === undefined) {
    const actions: Record<string, Action> = {};
    for (const [name, action] of Object.entries(definition.implementations.actions as object)) {
      // What `assign` and `raise` make is no effect: XState itself does it.
      if ("resolve" in action) continue;
      actions[name] = (args, params) =>
        ((args.self as Hosted)[ACTIONS]?.[name] ?? (action as Action))(args, params);
    }
    machine = definition.provide({ actions } as never);
    shared.set(definition, machine);
  }
  return machine;
}

/**
 * Owns: one running machine. Called by: the actor that the machine belongs to, in its loop only.
 * Invariants: an error in an action or guard is thrown at the sender of the event, not swallowed
 * and not raised as an uncaught exception.
 */
export class MachineHost<M extends AnyStateMachine> implements RunningMachine {
  readonly id: string;
  readonly definition: M;
  readonly input: InputFrom<M> | undefined;
  readonly #actor: MachineActor<M>;
  /** Where it is registered for inspectors. */
  readonly #machines: RunningMachines | undefined;
  #error: { readonly thrown: unknown } | undefined;

  constructor(machine: M, options: MachineHostOptions<M>) {
    const { id, input, inspect, actions } = options;
    this.id = id;
    this.definition = machine;
    this.input = input;
    this.#machines = inspect?.machines;
    const always = inspect?.machines === undefined ? inspect : inspect.always;
    this.#actor = createActor(sharedMachine(machine), {
      id,
      ...(input === undefined ? {} : { input }),
      ...(always === undefined ? {} : { inspect: always }),
    } as never) as MachineActor<M>;
    // Not in a WeakMap: one that outlives its keys keeps them, with all they reach, until V8 next
    // collects the whole heap.
    if (actions !== undefined) (this.#actor as Hosted)[ACTIONS] = actions as Actions;
    // Without an error handler xstate reports an action's error as an uncaught exception.
    this.#actor.subscribe({
      error: (thrown) => {
        this.#error = { thrown };
      },
    });
    this.#machines?.add(this);
    this.#actor.start();
    this.#rethrow();
  }

  get snapshot(): SnapshotFrom<M> {
    return this.#actor.getSnapshot() as SnapshotFrom<M>;
  }

  /** Runs the event to completion; throws what an action or guard threw. */
  send(event: EventFromLogic<M>): void {
    if (this.#error !== undefined) {
      throw illegalState(
        `machine ${this.#actor.id} has failed and takes no ${(event as { type: string }).type}`,
        this.#error.thrown,
      );
    }
    this.#actor.send(event);
    this.#rethrow();
  }

  /** Lets an inspector see every event from now on; it must not throw. */
  inspect(observer: InspectionObserver): Cancel {
    const { unsubscribe } = this.#actor.system.inspect(observer);
    return unsubscribe;
  }

  stop(): void {
    this.#actor.stop();
    this.#machines?.remove(this);
  }

  #rethrow(): void {
    if (this.#error !== undefined) throw this.#error.thrown;
  }
}
