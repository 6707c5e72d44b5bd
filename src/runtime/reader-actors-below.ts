import type { ReaderActors } from "../api/source-reader.js";
import type { Actor, ActorContext, ActorEvent, Address } from "../mailbox/index.js";
import type { SubtaskOptions } from "./subtask-options.js";

/**
 * Owns: the actors that a reader has started below its subtask, and the reader's listener.
 * Called by: the reader, and the subtask, in the subtask's loop.
 * Invariants: every actor that was started and has not stopped is stopped with the attempt.
 */
export class ReaderActorsBelow implements ReaderActors {
  readonly #context: ActorContext;
  readonly #options: Pick<SubtaskOptions, "spawn" | "stopActor">;
  readonly #addresses = new Set<Address>();
  #listener: ((event: ActorEvent) => void) | undefined;

  constructor(context: ActorContext, options: Pick<SubtaskOptions, "spawn" | "stopActor">) {
    this.#context = context;
    this.#options = options;
  }

  get self(): Address {
    return this.#context.self;
  }

  spawn(name: string, create: (context: ActorContext) => Actor): Address {
    const below = this.#options.spawn(this.self, name, (context) => {
      const stop = (): void => {
        this.#addresses.delete(context.self);
        context.stop();
      };
      return create({ ...context, stop });
    });
    this.#addresses.add(below);
    return below;
  }

  post<E extends ActorEvent>(to: Address, event: E): void {
    this.#context.post(to, event);
  }

  onEvent(listener: (event: ActorEvent) => void): void {
    this.#listener = listener;
  }

  /** Hands an event to the reader; false when it listens to none. */
  receive(event: ActorEvent): boolean {
    this.#listener?.(event);
    return this.#listener !== undefined;
  }

  stopAll(): void {
    for (const below of this.#addresses) this.#options.stopActor(below);
  }
}
