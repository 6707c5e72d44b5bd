import type { SupportsBatchSnapshot } from "../api/capabilities.js";
import type { SourceSplit } from "../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../api/split-enumerator.js";

/**
 * Owns: the splits that nobody reads yet. Called by: the source coordinator's loop.
 * Invariants: a split is either here or assigned, never both; each reader gets all its splits at once
 * when it registers, and then the word that no more will come.
 *
 * Deals a fixed set of splits out in turn: the nth to subtask n modulo the parallelism. So splits
 * that are in order of time stay close together across the subtasks.
 */
export class EagerSplitEnumerator<SplitT extends SourceSplit>
  implements SplitEnumerator<SplitT, readonly SplitT[]>, SupportsBatchSnapshot
{
  readonly supportsBatchSnapshot = true;
  readonly #context: SplitEnumeratorContext<SplitT>;
  /** By subtask. */
  readonly #pending: (readonly SplitT[])[];

  constructor(context: SplitEnumeratorContext<SplitT>, splits: readonly SplitT[]) {
    this.#context = context;
    const parallelism = context.currentParallelism;
    this.#pending = Array.from({ length: parallelism }, (_, subtask) =>
      splits.filter((_split, index) => index % parallelism === subtask),
    );
    context.metricGroup.gauge("unassignedSplits", () => this.#unassigned().length);
  }

  start(): void {}

  /** A reader that asks has been given all it gets when it registered. */
  handleSplitRequest(): void {}

  addSplitsBack(splits: readonly SplitT[], subtaskId: number): void {
    this.#pending[subtaskId] = [...(this.#pending[subtaskId] ?? []), ...splits];
    // The failed attempt is gone from the registered readers until its successor has come.
    if (this.#context.registeredReaders().has(subtaskId)) this.addReader(subtaskId);
  }

  addReader(subtaskId: number): void {
    const splits = this.#pending[subtaskId] ?? [];
    if (splits.length > 0) this.#context.assignSplits(new Map([[subtaskId, splits]]));
    this.#pending[subtaskId] = [];
    this.#context.signalNoMoreSplits(subtaskId);
  }

  snapshotState(): readonly SplitT[] {
    return this.#unassigned();
  }

  close(): void {}

  /** In the order in which dealing them out again at the same parallelism gives the same result. */
  #unassigned(): readonly SplitT[] {
    const rounds = Math.max(0, ...this.#pending.map((splits) => splits.length));
    const result: SplitT[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const splits of this.#pending) {
        const split = splits[round];
        if (split !== undefined) result.push(split);
      }
    }
    return result;
  }
}
