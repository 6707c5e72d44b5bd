import { HeadwaterError } from "../errors/index.js";
import type { KeyedState } from "./keyed-state-bytes.js";

/** What every keyed operator has in its checkpoints for all subtasks. */
export interface SharedState {
  /** What wrote it, and with which settings: other ones could not go on with it. */
  readonly kind: string;
  /** The watermark that the subtask had reached; null: none. */
  readonly watermark: number | null;
}

/** The states of one or, after a rescale, several old subtasks, put together. */
export interface RestoredState {
  /**
   * The lowest of the old subtasks' watermarks: what was on time for one of them must not be late now.
   * -Infinity: none.
   */
  readonly watermark: number;
  readonly own: readonly unknown[];
  readonly entries: readonly (readonly unknown[])[];
}

/** The kind of operator that wrote a keyed state; undefined: it is none. */
export function kindOfKeyedState(state: unknown): string | undefined {
  const { shared, entries } = (state ?? {}) as Partial<KeyedState>;
  return Array.isArray(entries) ? (shared as Partial<SharedState> | null)?.kind : undefined;
}

/** Throws CHECKPOINT_STATE_UNMATCHED for states that something else has written. */
export function restoredState(
  name: string,
  kind: string,
  states: readonly unknown[],
): RestoredState {
  let watermark = Number.POSITIVE_INFINITY;
  const own: unknown[] = [];
  const entries: (readonly unknown[])[] = [];
  for (const state of states as readonly Partial<KeyedState>[]) {
    const writtenBy = kindOfKeyedState(state);
    if (writtenBy !== kind) throw stateOfAnother(name, writtenBy, kind);
    const shared = state.shared as SharedState;
    watermark = Math.min(watermark, shared.watermark ?? Number.NEGATIVE_INFINITY);
    if (state.own != null) own.push(state.own);
    for (const [, ...rest] of state.entries ?? []) entries.push(rest);
  }
  return { watermark: states.length === 0 ? Number.NEGATIVE_INFINITY : watermark, own, entries };
}

export function sharedState(kind: string, watermark: number): SharedState {
  return { kind, watermark: Number.isFinite(watermark) ? watermark : null };
}

export function stateOfAnother(
  name: string,
  writtenBy: string | undefined,
  kind: string,
): HeadwaterError {
  return stateUnmatched(
    name,
    `is that of ${writtenBy ?? "another kind of operator"}, not of ${kind}`,
    "Give the operator another name, or restore with the operator that wrote the checkpoint.",
  );
}

export function stateUnmatched(name: string, why: string, hint: string): HeadwaterError {
  return new HeadwaterError(
    "CHECKPOINT_STATE_UNMATCHED",
    `the checkpointed state of operator ${name} ${why}`,
    { domain: "user", retry: "never", scope: "job", hint },
  );
}
