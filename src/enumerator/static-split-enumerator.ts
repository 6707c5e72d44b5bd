import type { SupportsBatchSnapshot } from "../api/capabilities.js";
import type { SourceSplit } from "../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../api/split-enumerator.js";

/**
 * Owns: the splits that nobody reads yet. Called by: the source coordinator's loop.
 * Invariants: a split is either here or assigned, never both; splits go out in their order; a reader
 * that finds none left is told that none will come.
 *
 * Hands out a fixed set of splits, one at each request (Flink `IteratorSourceEnumerator`).
 */
export class StaticSplitEnumerator<SplitT extends SourceSplit>
  implements SplitEnumerator<SplitT, readonly SplitT[]>, SupportsBatchSnapshot
{
  readonly supportsBatchSnapshot = true;
  readonly #context: SplitEnumeratorContext<SplitT>;
  #remaining: readonly SplitT[];

  constructor(context: SplitEnumeratorContext<SplitT>, splits: readonly SplitT[]) {
    this.#context = context;
    this.#remaining = splits;
    context.metricGroup.gauge("unassignedSplits", () => this.#remaining.length);
  }

  start(): void {}

  handleSplitRequest(subtaskId: number): void {
    const split = this.#remaining[0];
    if (split === undefined) {
      this.#context.signalNoMoreSplits(subtaskId);
      return;
    }
    this.#context.assignSplit(split, subtaskId);
    this.#remaining = this.#remaining.slice(1);
  }

  addSplitsBack(splits: readonly SplitT[]): void {
    this.#remaining = [...this.#remaining, ...splits];
  }

  /** Readers ask by themselves when they have nothing to read. */
  addReader(): void {}

  snapshotState(): readonly SplitT[] {
    return this.#remaining;
  }

  close(): void {}
}
