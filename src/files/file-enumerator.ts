import type { SupportsBatchSnapshot } from "../api/capabilities.js";
import type { SourceSplit } from "../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../api/split-enumerator.js";
import { EagerSplitEnumerator } from "../enumerator/eager-split-enumerator.js";
import { StaticSplitEnumerator } from "../enumerator/static-split-enumerator.js";
import { illegalState } from "../errors/index.js";
import type { FileEnumeratorState } from "./file-enumerator-state.js";
import { discoverSplits, type FilePlan } from "./file-plan.js";
import type { FileAssignment } from "./file-source-options.js";

type Dealer<SplitT extends SourceSplit> = SplitEnumerator<SplitT, readonly SplitT[]>;

/**
 * Looks for files once and deals their splits out (Flink `StaticFileSplitEnumerator`).
 *
 * Owns: the discovery, then whoever deals the splits out. Called by: the source coordinator's loop.
 * Invariants: files are looked for once in the life of a job; readers that come before that wait, and
 * none is told that there is nothing to read before it is known.
 */
export class FileEnumerator<SplitT extends SourceSplit>
  implements SplitEnumerator<SplitT, FileEnumeratorState<SplitT>>, SupportsBatchSnapshot
{
  readonly supportsBatchSnapshot = true;
  readonly #context: SplitEnumeratorContext<SplitT>;
  readonly #plan: FilePlan<SplitT>;
  readonly #assignment: FileAssignment;
  /** Undefined until it is known what there is. */
  #dealer: Dealer<SplitT> | undefined;
  /** Subtasks that asked before that, in their order. */
  readonly #waiting = new Set<number>();

  constructor(
    context: SplitEnumeratorContext<SplitT>,
    plan: FilePlan<SplitT>,
    assignment: FileAssignment,
    restored?: FileEnumeratorState<SplitT>,
  ) {
    this.#context = context;
    this.#plan = plan;
    this.#assignment = assignment;
    if (restored?.discovered === true) this.#dealer = this.#createDealer(restored.splits);
  }

  start(): void {
    if (this.#dealer !== undefined) {
      this.#serve(this.#dealer);
      return;
    }
    this.#context.callAsync(
      (signal) => discoverSplits(this.#plan, signal, new Set()),
      (found, error) => {
        if (found === undefined) throw error;
        this.#dealer = this.#createDealer(found.splits);
        this.#serve(this.#dealer);
      },
    );
  }

  handleSplitRequest(subtaskId: number, requesterHostname: string | undefined): void {
    if (this.#dealer === undefined) this.#waiting.add(subtaskId);
    else this.#dealer.handleSplitRequest(subtaskId, requesterHostname);
  }

  addReader(subtaskId: number): void {
    // A reader that registers anew asks anew.
    this.#waiting.delete(subtaskId);
    this.#dealer?.addReader(subtaskId);
  }

  addSplitsBack(splits: readonly SplitT[], subtaskId: number): void {
    if (splits.length === 0) return;
    if (this.#dealer === undefined) {
      throw illegalState("splits came back before any was discovered");
    }
    this.#dealer.addSplitsBack(splits, subtaskId);
  }

  snapshotState(checkpointId: number): FileEnumeratorState<SplitT> {
    const splits = this.#dealer?.snapshotState(checkpointId);
    const discovered = splits !== undefined;
    return { continuous: false, discovered, splits: splits ?? [], processed: [] };
  }

  async close(): Promise<void> {
    await this.#dealer?.close();
  }

  #createDealer(splits: readonly SplitT[]): Dealer<SplitT> {
    return this.#assignment === "all-at-once"
      ? new EagerSplitEnumerator(this.#context, splits)
      : new StaticSplitEnumerator(this.#context, splits);
  }

  /** Serves the readers that came before there was anything to deal out. */
  #serve(dealer: Dealer<SplitT>): void {
    dealer.start();
    const registered = this.#context.registeredReaders();
    for (const subtaskId of registered.keys()) dealer.addReader(subtaskId);
    for (const subtaskId of this.#waiting) {
      if (registered.has(subtaskId)) dealer.handleSplitRequest(subtaskId, undefined);
    }
    this.#waiting.clear();
  }
}
