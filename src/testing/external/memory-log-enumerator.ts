import type { SplitEnumerator, SplitEnumeratorContext } from "../../api/split-enumerator.js";
import type { MemoryLog } from "./memory-log.js";
import type { MemoryLogEnumeratorState, MemoryLogSplit } from "./memory-log-split.js";

/** Milliseconds between two looks for new splits. */
const DISCOVERY_INTERVAL = 10;

/**
 * Looks for splits of a log, and gives each to the reader that is its turn.
 *
 * Owns: the splits that nobody reads. Called by: the source coordinator's loop.
 * Invariants: a split is either here or assigned; a registered reader is told the end once.
 */
export class MemoryLogEnumerator<T>
  implements SplitEnumerator<MemoryLogSplit, MemoryLogEnumeratorState>
{
  readonly #context: SplitEnumeratorContext<MemoryLogSplit>;
  readonly #log: MemoryLog<T>;
  readonly #told = new Set<number>();
  #found: number;
  #unassigned: MemoryLogSplit[];
  #isComplete = false;

  constructor(
    context: SplitEnumeratorContext<MemoryLogSplit>,
    log: MemoryLog<T>,
    state: MemoryLogEnumeratorState = { found: 0, unassigned: [] },
  ) {
    this.#context = context;
    this.#log = log;
    this.#found = state.found;
    this.#unassigned = [...state.unassigned];
  }

  start(): void {
    this.#context.callAsync(
      () => this.#log.listSplits(),
      (found, error) => {
        if (found === undefined) throw error;
        for (; this.#found < found.splits; this.#found++) {
          const split = this.#found;
          this.#unassigned.push({ splitId: `split-${split}`, split, position: 0 });
        }
        this.#isComplete = found.isComplete;
        this.#assign();
      },
      { initialDelay: 0, period: DISCOVERY_INTERVAL },
    );
  }

  addReader(subtaskId: number): void {
    this.#told.delete(subtaskId);
    this.#assign();
  }

  addSplitsBack(splits: readonly MemoryLogSplit[]): void {
    this.#unassigned.push(...splits);
    this.#assign();
  }

  /** Splits are given without being asked for. */
  handleSplitRequest(): void {}

  snapshotState(): MemoryLogEnumeratorState {
    return { found: this.#found, unassigned: [...this.#unassigned] };
  }

  close(): void {}

  /** A split always goes to the same reader, once that is there. */
  #assign(): void {
    const readers = this.#context.registeredReaders();
    const waiting: MemoryLogSplit[] = [];
    for (const split of this.#unassigned) {
      const owner = split.split % this.#context.currentParallelism;
      if (readers.has(owner)) this.#context.assignSplit(split, owner);
      else waiting.push(split);
    }
    this.#unassigned = waiting;
    if (!this.#isComplete) return;
    for (const reader of readers.keys()) {
      if (this.#told.has(reader)) continue;
      this.#told.add(reader);
      this.#context.signalNoMoreSplits(reader);
    }
  }
}
