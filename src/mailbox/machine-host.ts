import {
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  type InputFrom,
  type InspectionEvent,
  type Actor as MachineActor,
  type SnapshotFrom,
} from "xstate";
import { illegalState } from "../errors/index.js";

/** Sees what every machine does; how the inspector attaches. Costs nothing while undefined. */
export type InspectionObserver = (event: InspectionEvent) => void;

/** Where a machine runs and who watches. */
export interface MachineHostOptions<M extends AnyStateMachine> {
  /** The actor's address; shown in the inspector. */
  readonly id: string;
  readonly input?: InputFrom<M>;
  readonly inspect?: InspectionObserver | undefined;
}

/**
 * Owns: one running machine. Called by: the actor that the machine belongs to, in its loop only.
 * Invariants: an error in an action or guard is thrown at the sender of the event, not swallowed
 * and not raised as an uncaught exception.
 */
export class MachineHost<M extends AnyStateMachine> {
  readonly #actor: MachineActor<M>;
  #error: { readonly thrown: unknown } | undefined;

  constructor(machine: M, options: MachineHostOptions<M>) {
    const { id, input, inspect } = options;
    this.#actor = createActor(machine, {
      id,
      ...(input === undefined ? {} : { input }),
      ...(inspect === undefined ? {} : { inspect }),
    } as never) as MachineActor<M>;
    // Without an error handler xstate reports an action's error as an uncaught exception.
    this.#actor.subscribe({
      error: (thrown) => {
        this.#error = { thrown };
      },
    });
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

  stop(): void {
    this.#actor.stop();
  }

  #rethrow(): void {
    if (this.#error !== undefined) throw this.#error.thrown;
  }
}
