import type { SupportsBatchSnapshot } from "../../api/capabilities.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../../api/split-enumerator.js";
import { EagerSplitEnumerator } from "../../enumerator/eager-split-enumerator.js";
import { StaticSplitEnumerator } from "../../enumerator/static-split-enumerator.js";
import { illegalState } from "../../errors/index.js";
import type { ParsedParquetOptions } from "./options.js";
import { discoverSplits } from "./parquet-discovery.js";
import type { ParquetEnumeratorState, ParquetSplit } from "./parquet-split.js";

type Dealer = SplitEnumerator<ParquetSplit, readonly ParquetSplit[]>;

/**
 * Owns: the discovery of splits, then whoever deals them out. Called by: the source coordinator's
 * loop.
 * Invariants: footers are read once in the life of a job; readers that come before that wait, and
 * none is told that there is nothing to read before it is known.
 */
export class ParquetEnumerator
  implements SplitEnumerator<ParquetSplit, ParquetEnumeratorState>, SupportsBatchSnapshot
{
  readonly supportsBatchSnapshot = true;
  readonly #context: SplitEnumeratorContext<ParquetSplit>;
  readonly #options: ParsedParquetOptions;
  /** Undefined until the footers have been read. */
  #dealer: Dealer | undefined;
  /** Subtasks that asked before that, in their order. */
  #waiting: number[] = [];

  constructor(
    context: SplitEnumeratorContext<ParquetSplit>,
    options: ParsedParquetOptions,
    restored?: ParquetEnumeratorState,
  ) {
    this.#context = context;
    this.#options = options;
    if (restored?.discovered === true) this.#dealer = this.#createDealer(restored.splits);
  }

  start(): void {
    if (this.#dealer !== undefined) {
      this.#serve(this.#dealer);
      return;
    }
    this.#context.callAsync(
      (signal) => discoverSplits(this.#options, signal),
      (splits, error) => {
        if (splits === undefined) throw error;
        this.#dealer = this.#createDealer(splits);
        this.#serve(this.#dealer);
      },
    );
  }

  handleSplitRequest(subtaskId: number, requesterHostname: string | undefined): void {
    if (this.#dealer !== undefined) {
      this.#dealer.handleSplitRequest(subtaskId, requesterHostname);
    } else if (!this.#waiting.includes(subtaskId)) {
      this.#waiting.push(subtaskId);
    }
  }

  addReader(subtaskId: number): void {
    // A reader that registers anew asks anew.
    this.#waiting = this.#waiting.filter((waiting) => waiting !== subtaskId);
    this.#dealer?.addReader(subtaskId);
  }

  addSplitsBack(splits: readonly ParquetSplit[], subtaskId: number): void {
    if (splits.length === 0) return;
    if (this.#dealer === undefined)
      throw illegalState("splits came back before any was discovered");
    this.#dealer.addSplitsBack(splits, subtaskId);
  }

  snapshotState(checkpointId: number): ParquetEnumeratorState {
    return this.#dealer === undefined
      ? { discovered: false, splits: [] }
      : { discovered: true, splits: this.#dealer.snapshotState(checkpointId) };
  }

  async close(): Promise<void> {
    await this.#dealer?.close();
  }

  #createDealer(splits: readonly ParquetSplit[]): Dealer {
    return this.#options.assignment === "all-at-once"
      ? new EagerSplitEnumerator(this.#context, splits)
      : new StaticSplitEnumerator(this.#context, splits);
  }

  /** Serves the readers that came before there was anything to deal out. */
  #serve(dealer: Dealer): void {
    dealer.start();
    const registered = this.#context.registeredReaders();
    for (const subtaskId of registered.keys()) dealer.addReader(subtaskId);
    const waiting = this.#waiting.filter((subtaskId) => registered.has(subtaskId));
    this.#waiting = [];
    for (const subtaskId of waiting) dealer.handleSplitRequest(subtaskId, undefined);
  }
}
