import type { InputStatus } from "../../api/boundedness.js";
import type { SourceEvent } from "../../api/source-event.js";
import type { ReaderOutput, SourceReader, SourceReaderContext } from "../../api/source-reader.js";
import { checkState, HeadwaterError, illegalState } from "../../errors/index.js";
import { type Availability, AvailabilityFuture } from "../../mailbox/availability.js";
import { ActiveReader } from "./active-reader.js";
import type { SourceReaderFinished, SwitchSource, ToHybridReader } from "./hybrid-event.js";
import type { HybridSourceSplit } from "./hybrid-split.js";
import type { SourceChain } from "./source-chain.js";

/**
 * Where the reader is:
 * `WAITING`: no source yet. `READING`: reads one. `FINISHED`: has read all of it and waits for the
 * next. `CLOSING`: the next one is known, and begins when the reader before it is closed.
 */
type Place<T> =
  | { readonly at: "WAITING" }
  | { readonly at: "READING"; readonly reader: ActiveReader<T>; readonly isFinalSource: boolean }
  | { readonly at: "FINISHED"; readonly reader: ActiveReader<T> }
  | {
      readonly at: "CLOSING";
      readonly next: SwitchSource;
      readonly closed: Promise<void>;
      readonly events: SourceEvent[];
      noMoreSplits: boolean;
    };

/**
 * Reads one source after the other, as the enumerator says (Flink `HybridSourceReader`).
 *
 * Owns: the reader of the source it is at, and splits of sources that come later.
 * Called by: the operator's loop.
 * Sends: SourceReaderFinished, at its start and at the end of each source.
 * Invariants: a source's reader is closed before the next one is made; a split is always in a
 * snapshot, also while it waits for its source.
 */
export class HybridSourceReader<T> implements SourceReader<T, HybridSourceSplit> {
  readonly #context: SourceReaderContext;
  readonly #chain: SourceChain<T>;
  #place: Place<T> = { at: "WAITING" };
  /** Done when a source begins. */
  #nextSource = new AvailabilityFuture();
  #waitingSplits: HybridSourceSplit[] = [];
  /** Splits that wait, and are to be paused when their source begins. */
  readonly #pausedSplits = new Set<string>();

  constructor(context: SourceReaderContext, chain: SourceChain<T>) {
    this.#context = context;
    this.#chain = chain;
  }

  /** Which source it reads or has read; -1 before the first, and while one is being closed. */
  get currentSourceIndex(): number {
    return this.#reader?.sourceIndex ?? -1;
  }

  /** The sources begin when the enumerator says so. */
  start(): void {
    const holdsSplits = this.#waitingSplits.length > 0;
    const first = this.#waitingSplits.reduce(
      (index, split) => Math.min(index, split.sourceIndex),
      Number.POSITIVE_INFINITY,
    );
    this.#sendFinished({
      type: "SourceReaderFinished",
      sourceIndex: holdsSplits ? first - 1 : -1,
      holdsSplits,
    });
  }

  pollNext(output: ReaderOutput<T>): InputStatus {
    const place = this.#place;
    if (place.at !== "READING") return "NOTHING_AVAILABLE";
    const { reader, isFinalSource } = place;
    const status = reader.pollNext(output);
    if (status !== "END_OF_INPUT") return status;
    if (!isFinalSource) {
      this.#place = { at: "FINISHED", reader };
      this.#nextSource = new AvailabilityFuture();
    }
    this.#sendFinished({ type: "SourceReaderFinished", sourceIndex: reader.sourceIndex });
    return isFinalSource ? "END_OF_INPUT" : "NOTHING_AVAILABLE";
  }

  isAvailable(): Availability {
    return this.#place.at === "READING" ? this.#place.reader.isAvailable() : this.#nextSource;
  }

  addSplits(splits: readonly HybridSourceSplit[]): void {
    const place = this.#place;
    if (place.at === "WAITING" || place.at === "CLOSING") {
      this.#waitingSplits.push(...splits);
      return;
    }
    const { sourceIndex } = place.reader;
    for (const split of splits) {
      checkState(
        place.at === "READING" && split.sourceIndex === sourceIndex,
        `split ${split.splitId} comes while source ${sourceIndex} is ${place.at === "READING" ? "being read" : "over"}`,
      );
    }
    place.reader.addSplits(splits);
  }

  snapshotState(checkpointId: number): HybridSourceSplit[] {
    const own = this.#reader?.snapshotState(checkpointId) ?? [];
    return [...own, ...this.#waitingSplits];
  }

  /** It is of the source that the enumerator has switched this reader to. */
  notifyNoMoreSplits(): void {
    if (this.#place.at === "CLOSING") this.#place.noMoreSplits = true;
    else this.#reader?.notifyNoMoreSplits();
  }

  handleSourceEvents(sourceEvent: SourceEvent): void {
    const event = sourceEvent as ToHybridReader;
    switch (event.type) {
      case "SwitchSource":
        this.#switchTo(event);
        break;
      case "WrappedSourceEvent":
        this.#handle(event.event, event.sourceIndex);
        break;
      default:
        this.#handle(sourceEvent, this.currentSourceIndex);
    }
  }

  /** Throws UNSUPPORTED_OPERATION when the reader of the source cannot pause single splits. */
  pauseOrResumeSplits(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    for (const splitId of splitsToResume) this.#pausedSplits.delete(splitId);
    for (const { splitId } of this.#waitingSplits) {
      if (splitsToPause.includes(splitId)) this.#pausedSplits.add(splitId);
    }
    this.#reader?.pauseOrResumeSplits(splitsToPause, splitsToResume);
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#reader?.notifyCheckpointComplete(checkpointId);
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.#reader?.notifyCheckpointAborted(checkpointId);
  }

  hasUncommitted(): boolean {
    return this.#reader?.hasUncommitted() === true;
  }

  close(): void | Promise<void> {
    return this.#place.at === "CLOSING" ? this.#place.closed : this.#reader?.close();
  }

  /** The reader of the source it reads or has read. */
  get #reader(): ActiveReader<T> | undefined {
    const { at } = this.#place;
    return at === "READING" || at === "FINISHED" ? this.#place.reader : undefined;
  }

  #sendFinished(event: SourceReaderFinished): void {
    this.#context.sendSourceEventToCoordinator(event);
  }

  #handle(event: SourceEvent, sourceIndex: number): void {
    const place = this.#place;
    if (place.at === "CLOSING") {
      if (place.next.sourceIndex === sourceIndex) place.events.push(event);
    } else if (sourceIndex === this.#reader?.sourceIndex) {
      this.#reader.handleSourceEvents(event);
    }
  }

  #switchTo(next: SwitchSource): void {
    const place = this.#place;
    if (place.at === "WAITING") {
      this.#open(next);
      return;
    }
    if (place.at !== "FINISHED" || next.sourceIndex <= place.reader.sourceIndex) {
      throw illegalState(
        `the reader of subtask ${this.#context.indexOfSubtask} is to switch to source ${next.sourceIndex} while it is ${place.at} at ${this.currentSourceIndex}`,
      );
    }
    const closed = place.reader.close();
    if (closed === undefined) {
      this.#open(next);
      return;
    }
    const closing: Place<T> = { at: "CLOSING", next, closed, events: [], noMoreSplits: false };
    this.#place = closing;
    closed.then(
      () =>
        this.#context.runInOperatorLoop(() => {
          this.#open(next);
          for (const event of closing.events) this.#reader?.handleSourceEvents(event);
          if (closing.noMoreSplits) this.#reader?.notifyNoMoreSplits();
        }),
      (error: unknown) =>
        this.#context.runInOperatorLoop(() => {
          throw error;
        }),
    );
  }

  #open({ sourceIndex, previousPosition, isFinalSource }: SwitchSource): void {
    const source = this.#chain.sourceAt(sourceIndex, previousPosition);
    const reader = new ActiveReader(this.#context, source, sourceIndex);
    // From now on it is closed with this one, whatever is thrown below.
    this.#place = { at: "READING", reader, isFinalSource };
    const splits = this.#waitingSplits.filter((split) => split.sourceIndex === sourceIndex);
    this.#waitingSplits = this.#waitingSplits.filter((split) => split.sourceIndex !== sourceIndex);
    if (splits.length > 0) reader.addSplits(splits);
    reader.start();
    this.#pause(reader, splits);
    this.#nextSource.complete();
  }

  #pause(reader: ActiveReader<T>, splits: readonly HybridSourceSplit[]): void {
    const paused = splits.flatMap(({ splitId }) =>
      this.#pausedSplits.delete(splitId) ? [splitId] : [],
    );
    try {
      if (paused.length > 0) reader.pauseOrResumeSplits(paused, []);
    } catch (error) {
      const isUnsupported =
        error instanceof HeadwaterError && error.code === "UNSUPPORTED_OPERATION";
      if (!isUnsupported || !this.#context.allowUnalignedSourceSplits) throw error;
    }
  }
}
