import type { InputStatus } from "../../api/boundedness.js";
import type { SourceEvent } from "../../api/source-event.js";
import type { ReaderOutput, SourceReader, SourceReaderContext } from "../../api/source-reader.js";
import type { SourceSplit } from "../../api/source-split.js";
import { unsupportedOperation } from "../../errors/index.js";
import type { Availability } from "../../mailbox/availability.js";
import { type HybridSourceSplit, hybridSplitId, unwrapSplits, wrapSplits } from "./hybrid-split.js";
import { ScopedOutput } from "./scoped-output.js";
import { ScopedReaderContext } from "./scoped-reader-context.js";
import type { ChainedSource } from "./source-chain.js";

/**
 * The reader of one of the sources, with splits as the hybrid source knows them.
 *
 * Owns: that reader and its context. Called by: the hybrid reader, in the operator's loop.
 * Invariants: between the beginning and the end of `close` it still hears its actors.
 */
export class ActiveReader<T> {
  readonly sourceIndex: number;
  readonly #source: ChainedSource<T>;
  readonly #context: ScopedReaderContext;
  readonly #reader: SourceReader<T, SourceSplit>;
  #output: ScopedOutput<T> | undefined;

  constructor(context: SourceReaderContext, source: ChainedSource<T>, sourceIndex: number) {
    this.sourceIndex = sourceIndex;
    this.#source = source;
    this.#context = new ScopedReaderContext(context, sourceIndex);
    this.#reader = source.createReader(this.#context);
  }

  start(): void {
    this.#reader.start();
  }

  pollNext(output: ReaderOutput<T>): InputStatus {
    let own = this.#output;
    if (own?.output !== output) {
      own = new ScopedOutput(output, this.sourceIndex);
      this.#output = own;
    }
    return this.#reader.pollNext(own);
  }

  isAvailable(): Availability {
    return this.#reader.isAvailable();
  }

  /** Throws SERIALIZER_FAILED for splits that the source cannot read. */
  addSplits(splits: readonly HybridSourceSplit[]): void {
    this.#reader.addSplits(unwrapSplits(splits, this.#source));
  }

  snapshotState(checkpointId: number): HybridSourceSplit[] {
    const splits = this.#reader.snapshotState(checkpointId);
    return wrapSplits(splits, this.sourceIndex, this.#source.splitSerializer);
  }

  notifyNoMoreSplits(): void {
    this.#reader.notifyNoMoreSplits();
  }

  handleSourceEvents(event: SourceEvent): void {
    this.#reader.handleSourceEvents?.(event);
  }

  /** Passes on what concerns this source; throws UNSUPPORTED_OPERATION when its reader cannot pause. */
  pauseOrResumeSplits(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    const toPause = this.#ownIds(splitsToPause);
    const toResume = this.#ownIds(splitsToResume);
    if (toPause.length === 0 && toResume.length === 0) return;
    if (this.#reader.pauseOrResumeSplits === undefined) {
      throw unsupportedOperation(
        `the reader of ${this.#source.name} cannot pause or resume single splits`,
        "let the reader implement pauseOrResumeSplits, or set allowUnalignedSourceSplits to read on without aligning splits of one reader",
      );
    }
    this.#reader.pauseOrResumeSplits(toPause, toResume);
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#reader.notifyCheckpointComplete?.(checkpointId);
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.#reader.notifyCheckpointAborted?.(checkpointId);
  }

  hasUncommitted(): boolean {
    return this.#reader.hasUncommitted?.() === true;
  }

  /** Undefined when it is closed at once. */
  close(): Promise<void> | undefined {
    this.#context.beginClose();
    const closed = this.#reader.close();
    if (closed === undefined) {
      this.#context.close();
      return undefined;
    }
    return closed.finally(() => this.#context.close());
  }

  #ownIds(splitIds: readonly string[]): string[] {
    const prefix = hybridSplitId(this.sourceIndex, "");
    return splitIds
      .filter((splitId) => splitId.startsWith(prefix))
      .map((splitId) => splitId.slice(prefix.length));
  }
}
