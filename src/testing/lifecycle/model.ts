import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  createActor,
  type EventFromLogic,
  type InspectionEvent,
  initialTransition,
  type SnapshotFrom,
  type StateValue,
} from "xstate";
import { HeadwaterError, messageOf } from "../../errors/index.js";

type Transition = AnyStateNode["always"] extends readonly (infer T)[] | undefined ? T : never;

/** What one event does to the machine, seen from outside without running any effect. */
export interface ModelTransition<M extends AnyStateMachine> {
  readonly to: SnapshotFrom<M>;
  readonly effects: readonly string[];
  readonly taken: readonly Transition[];
  /** Every state node that was entered on the way, also those that were left at once. */
  readonly entered: readonly AnyStateNode[];
}

interface Microstep {
  readonly type: string;
  readonly snapshot?: AnyMachineSnapshot;
  readonly _transitions?: readonly Transition[];
}

/** The dotted names of the innermost active states. */
export function stateName(value: StateValue): string {
  return leaves(value).join(", ");
}

/** The same for a snapshot of any machine. */
export function stateOf(snapshot: unknown): string {
  return stateName((snapshot as AnyMachineSnapshot).value);
}

function leaves(value: StateValue): string[] {
  if (typeof value === "string") return [value];
  return Object.entries(value).flatMap(([name, inner]) => {
    const below = inner === undefined ? [] : leaves(inner);
    return below.length === 0 ? [name] : below.map((leaf) => `${name}.${leaf}`);
  });
}

/** A machine as a pure function: no action of it is run, none of its actors starts. */
export class Model<M extends AnyStateMachine> {
  readonly machine: M;
  readonly initial: ModelTransition<M>;
  readonly #scope: Parameters<AnyStateMachine["transition"]>[2];
  #microsteps: Microstep[] = [];

  constructor(machine: M, input: unknown) {
    this.machine = machine;
    const self = createActor(machine, {
      input,
      inspect: (event: InspectionEvent) => {
        if (event.type === "@xstate.microstep")
          this.#microsteps.push(event as unknown as Microstep);
      },
    } as never);
    this.#scope = {
      self,
      system: self.system,
      id: "",
      sessionId: "",
      defer: () => {},
      logger: () => {},
      stopChild: () => {},
      emit: () => {},
      actionExecutor: () => {},
    } as never;
    // What went wrong with the input is thrown here, not reported as the actor's error.
    const [to, actions] = this.#guarded("start", () => initialTransition(machine, input as never));
    const entered = (to as AnyMachineSnapshot)._nodes;
    this.initial = { to: to as SnapshotFrom<M>, effects: namesOf(actions), taken: [], entered };
  }

  transition(from: SnapshotFrom<M>, event: EventFromLogic<M>): ModelTransition<M> {
    const snapshot = from as AnyMachineSnapshot;
    if (snapshot.status !== "active") return { to: from, effects: [], taken: [], entered: [] };
    const actions: { readonly type: string }[] = [];
    const scope = { ...this.#scope, actionExecutor: (action: never) => void actions.push(action) };
    this.#microsteps = [];
    const where = `take ${(event as { type: string }).type} in ${stateName(snapshot.value)}`;
    const to = this.#guarded(where, () =>
      this.machine.transition(snapshot as never, event as never, scope as never),
    );
    return {
      to: to as SnapshotFrom<M>,
      effects: namesOf(actions),
      taken: this.#microsteps.flatMap((step) => step._transitions ?? []),
      entered: this.#microsteps.flatMap((step) => step.snapshot?._nodes ?? []),
    };
  }

  #guarded<T>(what: string, run: () => T): T {
    try {
      const result = run();
      const [snapshot] = (Array.isArray(result) ? result : [result]) as AnyMachineSnapshot[];
      // So XState tells of a context that cannot be made.
      if (snapshot?.status === "error") throw snapshot.error;
      return result;
    } catch (cause) {
      throw new HeadwaterError(
        "ILLEGAL_ARGUMENT",
        `the machine ${this.machine.id} cannot ${what}: ${messageOf(cause)}`,
        {
          domain: "user",
          retry: "never",
          scope: "job",
          cause,
          hint: "Give testLifecycle `events` with the payload that guards and assigns read, and `input` when the context is made of it.",
        },
      );
    }
  }
}

/** The user's own actions; `raise` and its like are the machine's own affair. */
function namesOf(actions: readonly { readonly type: string }[]): string[] {
  return actions.map(({ type }) => type).filter((type) => !type.startsWith("xstate."));
}
