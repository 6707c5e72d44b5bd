import type { Address } from "./address.js";
import type { ActorEvent, Envelope } from "./envelope.js";
import type { Cancel, Clock, Random } from "./ports.js";

/** What a default action says: run it again soon, or wait until `ActorContext.wakeDefaultAction`. */
export type DefaultActionResult = "CONTINUE" | "SUSPEND";

/** A state with a mailbox: gets one event at a time and runs it to completion. */
export interface Actor<E extends ActorEvent = ActorEvent> {
  receive(event: E, envelope: Envelope<E>): void;
  /**
   * Work that goes on between events (Flink's mailbox default action): one slice of a few
   * milliseconds. Runs only while the mailbox is empty.
   */
  runDefaultAction?(): DefaultActionResult;
  /** What escaped from `receive` or `runDefaultAction`; the actor stays registered. */
  onError(error: unknown): void;
}

/** What an actor may do; given to its factory at `spawn`. */
export interface ActorContext {
  readonly self: Address;
  readonly clock: Clock;
  readonly random: Random;
  post<E extends ActorEvent>(to: Address, event: E): void;
  /** Posts the event to the actor itself after `delay` milliseconds, unless cancelled or stopped. */
  postAfter<E extends ActorEvent>(delay: number, event: E): Cancel;
  /** Ends a SUSPEND: the default action runs again. */
  wakeDefaultAction(): void;
  /** Unregisters the actor; what still comes for it is dropped as fenced. */
  stop(): void;
}
