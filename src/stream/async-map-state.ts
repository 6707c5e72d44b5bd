import type { Timestamp } from "../api/watermark.js";
import { HeadwaterError } from "../errors/index.js";
import { jsonMistake } from "./state-json.js";

/** A record with its event time: what a restored operator begins with. */
export interface InFlight<A> {
  readonly record: A;
  readonly timestamp: Timestamp;
}

/** JSON has no infinite numbers: a timestamp that is none is text. */
type StoredRecord = readonly [record: unknown, timestamp: number | string];

/** The operator's state; throws when a record would not come back from JSON as it was. */
export function stateOf(records: readonly InFlight<unknown>[]): {
  readonly inFlight: readonly StoredRecord[];
} {
  return {
    inFlight: records.map(({ record, timestamp }): StoredRecord => {
      const mistake = jsonMistake(record, "record", new Set());
      if (mistake !== undefined) throw notJson(mistake);
      return [record, Number.isFinite(timestamp) ? timestamp : String(timestamp)];
    }),
  };
}

/** The records of states that `stateOf` gave; throws CHECKPOINT_STATE_UNMATCHED. */
export function inFlightOf<A>(name: string, states: readonly unknown[]): readonly InFlight<A>[] {
  return states.flatMap((state) => {
    const { inFlight } = (state ?? {}) as { readonly inFlight?: unknown };
    if (!Array.isArray(inFlight) || !inFlight.every(isStored)) throw stateUnmatched(name);
    return inFlight.map(([record, timestamp]) => ({
      record: record as A,
      timestamp: Number(timestamp),
    }));
  });
}

function isStored(stored: unknown): stored is StoredRecord {
  return Array.isArray(stored) && stored.length === 2 && !Number.isNaN(Number(stored[1]));
}

function notJson(mistake: string): HeadwaterError {
  return new HeadwaterError("SERIALIZER_FAILED", `a record in flight is not JSON: ${mistake}`, {
    domain: "user",
    retry: "never",
    scope: "reader",
    hint: "Checkpoints hold the records that wait for asyncMap: turn them into JSON with map before.",
  });
}

function stateUnmatched(name: string): HeadwaterError {
  return new HeadwaterError(
    "CHECKPOINT_STATE_UNMATCHED",
    `the checkpointed state of operator ${name} is not that of an asyncMap`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Give the operator another name, or restore from a checkpoint that this release wrote.",
    },
  );
}
