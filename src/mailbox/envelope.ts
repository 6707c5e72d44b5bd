import type { Address } from "./address.js";

/** What travels in an envelope: plain serializable data with a `type`. */
export interface ActorEvent {
  readonly type: string;
}

/** One event on its way: enough to deliver it in order, once, and only to the life it was meant for. */
export interface Envelope<E extends ActorEvent = ActorEvent> {
  readonly from: Address;
  readonly to: Address;
  /** Grows with each global failover of the job; an actor drops what an earlier life sent it. */
  readonly epoch: number;
  /** 1, 2, 3 … for each pair of sender and receiver. */
  readonly sequence: number;
  readonly event: E;
}
