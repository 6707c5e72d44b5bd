import type { SupportsBatchSnapshot } from "../api/capabilities.js";
import type { SourceSplit } from "../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../api/split-enumerator.js";
import { SplitQueue } from "../enumerator/split-queue.js";
import { HeadwaterError, unsupportedOperation } from "../errors/index.js";
import type { FileEnumeratorState } from "./file-enumerator-state.js";
import { checkPending, type Discovery, discoverSplits, type FilePlan } from "./file-plan.js";

/** Paths that one enumerator remembers. */
export const MAX_PROCESSED_PATHS = 1_000_000;

/**
 * Looks for new files again and again (Flink `ContinuousFileSplitEnumerator`).
 *
 * Owns: the splits that nobody reads yet, the paths it has seen, and the readers that wait. Called by:
 * the source coordinator's loop.
 * Invariants: a path is read once in the life of a job; a split is either here or assigned; a reader
 * that asks gets a split as soon as there is one, and is never told that no more will come.
 */
export class ContinuousFileEnumerator<SplitT extends SourceSplit>
  implements SplitEnumerator<SplitT, FileEnumeratorState<SplitT>>, SupportsBatchSnapshot
{
  readonly supportsBatchSnapshot = true;
  readonly #context: SplitEnumeratorContext<SplitT>;
  readonly #plan: FilePlan<SplitT>;
  readonly #period: number;
  readonly #maxPaths: number;
  readonly #splits: SplitQueue<SplitT>;
  readonly #processed: Set<string>;
  /** Subtasks that asked when there was nothing, in their order. */
  readonly #waiting = new Set<number>();
  #discovered: boolean;

  constructor(
    context: SplitEnumeratorContext<SplitT>,
    plan: FilePlan<SplitT>,
    period: number,
    restored?: FileEnumeratorState<SplitT>,
    maxPaths = MAX_PROCESSED_PATHS,
  ) {
    // Which paths it covers is not known: all would be read again.
    if (restored?.continuous === false && restored.discovered) {
      throw unsupportedOperation(
        "the checkpoint is of a source that looked for files once",
        "Leave discoveryInterval out, or start the job without a checkpoint.",
      );
    }
    this.#context = context;
    this.#plan = plan;
    this.#period = period;
    this.#maxPaths = maxPaths;
    this.#splits = new SplitQueue(restored?.splits);
    this.#processed = new Set(restored?.processed);
    this.#discovered = restored?.discovered ?? false;
    context.metricGroup.gauge("unassignedSplits", () => this.#splits.size);
    context.metricGroup.gauge("processedPaths", () => this.#processed.size);
  }

  start(): void {
    this.#context.callAsync(
      (signal) => discoverSplits(this.#plan, signal, this.#processed),
      (found, error) => {
        if (found === undefined) throw error;
        this.#add(found);
      },
      { initialDelay: 0, period: this.#period },
    );
  }

  handleSplitRequest(subtaskId: number): void {
    this.#waiting.add(subtaskId);
    this.#assign();
  }

  addReader(subtaskId: number): void {
    // A reader that registers anew asks anew.
    this.#waiting.delete(subtaskId);
  }

  addSplitsBack(splits: readonly SplitT[]): void {
    this.#splits.add(splits);
    this.#assign();
  }

  snapshotState(): FileEnumeratorState<SplitT> {
    return {
      continuous: true,
      discovered: this.#discovered,
      splits: this.#splits.toArray(),
      processed: [...this.#processed],
    };
  }

  close(): void {}

  #add({ paths, splits }: Discovery<SplitT>): void {
    if (this.#processed.size + paths.length > this.#maxPaths) {
      throw new HeadwaterError(
        "LIMIT_EXCEEDED",
        `more than ${this.#maxPaths} files have been found, and each is remembered`,
        {
          domain: "user",
          retry: "never",
          scope: "job",
          hint: "Start a new job on a directory that holds only what is to be read from now on, or write fewer, larger files.",
        },
      );
    }
    checkPending(this.#splits.size + splits.length);
    this.#discovered = true;
    for (const path of paths) this.#processed.add(path);
    this.#splits.add(splits);
    this.#assign();
  }

  #assign(): void {
    for (const subtaskId of this.#waiting) {
      if (!this.#context.registeredReaders().has(subtaskId)) {
        this.#waiting.delete(subtaskId);
        continue;
      }
      const split = this.#splits.peek();
      if (split === undefined) return;
      this.#context.assignSplit(split, subtaskId);
      this.#splits.take();
      this.#waiting.delete(subtaskId);
    }
  }
}
