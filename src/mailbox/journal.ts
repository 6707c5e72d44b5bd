import type { Envelope } from "./envelope.js";

/** What became of an envelope. */
export type JournalOutcome = "delivered" | "duplicate" | "fenced" | "dead-letter";

/** Sees every envelope as it arrives, before its receiver runs; must not change it or post. */
export interface Journal {
  record(envelope: Envelope, outcome: JournalOutcome, time: number): void;
}
