import type { AnyActorRef, AnyMachineSnapshot, EventObject, InspectionEvent } from "xstate";
import { stateOf } from "../../../../src/testing/lifecycle/model.js";

const COMPLAINTS: ReadonlySet<string> = new Set(["unexpectedEvent", "refuse"]);

/** Looks at the first machine that a class starts, or the first with that id. */
export class MachineProbe {
  readonly #id: string | undefined;
  #actor: AnyActorRef | undefined;

  constructor(id?: string) {
    this.#id = id;
  }

  readonly inspect = (event: InspectionEvent): void => {
    if (event.type !== "@xstate.actor") return;
    const actor = event.actorRef as AnyActorRef;
    if (this.#id === undefined || actor.id === this.#id) this.#actor ??= actor;
  };

  get snapshot(): AnyMachineSnapshot {
    if (this.#actor === undefined) throw new Error("no machine has been started");
    return this.#actor.getSnapshot() as AnyMachineSnapshot;
  }

  get state(): string {
    return stateOf(this.snapshot);
  }

  // biome-ignore lint/suspicious/noExplicitAny: whoever asks knows the machine.
  get context(): any {
    return this.snapshot.context;
  }

  /** An effect has thrown, and the machine takes nothing more. */
  get hasFailed(): boolean {
    return this.snapshot.status === "error";
  }

  /** Whether the machine only complains of it. */
  isIllegal(event: EventObject): boolean {
    if (this.#actor === undefined || this.snapshot.status !== "active") return false;
    const { machine } = this.snapshot;
    const transitions = machine.getTransitionData(this.snapshot as never, event as never);
    return transitions.some(({ actions }) =>
      actions.some((action) =>
        COMPLAINTS.has(typeof action === "string" ? action : String(Reflect.get(action, "type"))),
      ),
    );
  }

  /** For what the class itself cannot bring about here: its machine must know what to do all the same. */
  inject(event: EventObject): void {
    // XState warns of events that come too late.
    if (this.snapshot.status === "active") this.#actor?.send(event);
  }
}
