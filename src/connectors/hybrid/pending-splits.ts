import type { HybridSourceSplit } from "./hybrid-split.js";

/**
 * Splits that came back when their source was over: the subtask that had them reads them again.
 *
 * Owns: these splits. Called by: the hybrid enumerator. Invariants: a split is here or assigned,
 * never both.
 */
export class PendingSplits {
  readonly #bySubtask = new Map<number, HybridSourceSplit[]>();

  /** Puts the splits of a checkpoint where there is a subtask for them. */
  static restore(
    splits: ReadonlyMap<number, readonly HybridSourceSplit[]>,
    parallelism: number,
  ): PendingSplits {
    const pending = new PendingSplits();
    for (const [subtaskId, own] of splits) pending.add(own, subtaskId % parallelism);
    return pending;
  }

  add(splits: readonly HybridSourceSplit[], subtaskId: number): void {
    if (splits.length === 0) return;
    const own = this.#bySubtask.get(subtaskId) ?? [];
    own.push(...splits);
    this.#bySubtask.set(subtaskId, own);
  }

  has(subtaskId: number): boolean {
    return this.#bySubtask.has(subtaskId);
  }

  /** The first source of which the subtask has splits; Infinity: it has none. */
  firstSource(subtaskId: number): number {
    const own = this.#bySubtask.get(subtaskId) ?? [];
    return own.reduce(
      (first, split) => Math.min(first, split.sourceIndex),
      Number.POSITIVE_INFINITY,
    );
  }

  /** The subtask's splits of that source, which stay until they are removed. */
  of(subtaskId: number, sourceIndex: number): readonly HybridSourceSplit[] {
    const own = this.#bySubtask.get(subtaskId) ?? [];
    return own.filter((split) => split.sourceIndex === sourceIndex);
  }

  remove(subtaskId: number, sourceIndex: number): void {
    const own = this.#bySubtask.get(subtaskId) ?? [];
    const rest = own.filter((split) => split.sourceIndex !== sourceIndex);
    if (rest.length > 0) this.#bySubtask.set(subtaskId, rest);
    else this.#bySubtask.delete(subtaskId);
  }

  snapshot(): ReadonlyMap<number, readonly HybridSourceSplit[]> {
    return new Map(Array.from(this.#bySubtask, ([subtaskId, splits]) => [subtaskId, [...splits]]));
  }
}
