import type { PlannedSplit } from "./plan.js";

/** Numbers of one split lie this far from those of the next. */
const STRIDE = 100_000;

/** A record: its split's index and its place in the split. */
export function recordOf(split: number, place: number): number {
  return split * STRIDE + place;
}

export function splitOf(record: number): number {
  return Math.floor(record / STRIDE);
}

export function placeOf(record: number): number {
  return record % STRIDE;
}

/** Ascending within a split. */
export function timestampOf(record: number): number {
  return placeOf(record) * 10 + splitOf(record);
}

/** The outside system that is read: splits with records, some of which appear late. */
export class SimulatedLog {
  readonly #splits: readonly PlannedSplit[];
  /** Split id → who reads it. */
  readonly #readers = new Map<string, object>();

  constructor(splits: readonly PlannedSplit[]) {
    this.#splits = splits;
  }

  /** All that will ever be there. */
  get records(): readonly number[] {
    return this.#splits.flatMap(({ records }, split) =>
      Array.from({ length: records }, (_, place) => recordOf(split, place)),
    );
  }

  /** The splits that can be listed at a time, and whether there will be no more. */
  list(time: number): {
    readonly splits: readonly { readonly index: number; readonly records: number }[];
    readonly isComplete: boolean;
  } {
    const splits = this.#splits
      .map(({ records, appearsAt }, index) => ({ index, records, appearsAt }))
      .filter(({ appearsAt }) => appearsAt <= time);
    return { splits, isComplete: splits.length === this.#splits.length };
  }

  /** False when somebody else reads the split. */
  open(splitId: string, reader: object): boolean {
    const other = this.#readers.get(splitId);
    this.#readers.set(splitId, reader);
    return other === undefined || other === reader;
  }

  close(splitId: string, reader: object): void {
    if (this.#readers.get(splitId) === reader) this.#readers.delete(splitId);
  }

  closeAll(): void {
    this.#readers.clear();
  }
}
