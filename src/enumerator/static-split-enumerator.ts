import type { SupportsBatchSnapshot } from "../api/capabilities.js";
import type { SourceSplit } from "../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../api/split-enumerator.js";
import { SplitQueue } from "./split-queue.js";

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
  readonly #remaining: SplitQueue<SplitT>;

  constructor(context: SplitEnumeratorContext<SplitT>, splits: readonly SplitT[]) {
    this.#context = context;
    this.#remaining = new SplitQueue(splits);
    context.metricGroup.gauge("unassignedSplits", () => this.#remaining.size);
  }

  start(): void {}

  handleSplitRequest(subtaskId: number): void {
    const split = this.#remaining.peek();
    if (split === undefined) {
      this.#context.signalNoMoreSplits(subtaskId);
      return;
    }
    this.#context.assignSplit(split, subtaskId);
    this.#remaining.take();
  }

  addSplitsBack(splits: readonly SplitT[]): void {
    this.#remaining.add(splits);
  }

  /** Readers ask by themselves when they have nothing to read. */
  addReader(): void {}

  snapshotState(): readonly SplitT[] {
    return this.#remaining.toArray();
  }

  close(): void {}
}
