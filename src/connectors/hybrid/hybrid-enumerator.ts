import type { SupportsBatchSnapshot } from "../../api/capabilities.js";
import type { SourceEvent } from "../../api/source-event.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../../api/split-enumerator.js";
import { checkState, HeadwaterError, illegalState } from "../../errors/index.js";
import { type CurrentSource, openSource, type SourceStart } from "./current-source.js";
import type { HybridSourceEnumeratorState } from "./hybrid-enumerator-state.js";
import type { SourceReaderFinished, SwitchSource, ToHybridEnumerator } from "./hybrid-event.js";
import { type HybridSourceSplit, unwrapSplits } from "./hybrid-split.js";
import { PendingSplits } from "./pending-splits.js";
import type { SourceChain } from "./source-chain.js";

/** Which source a reader reads, and whether it has read all of it. */
interface ReaderProgress {
  readonly sourceIndex: number;
  readonly finished: boolean;
}

/**
 * Hands out the splits of one source after the other (Flink `HybridSourceSplitEnumerator`).
 *
 * Owns: which source is current, its enumerator, how far each reader is, and splits of earlier
 * sources that have to be read again.
 * Called by: the source coordinator's loop.
 * Sends: SwitchSource.
 * Invariants: the next source begins only when every subtask has a registered reader that has read
 * all of the current one; a reader goes through the sources in their order and none that it has
 * splits of is left out; an enumerator gets only splits of its own source.
 */
export class HybridSourceEnumerator
  implements SplitEnumerator<HybridSourceSplit, HybridSourceEnumeratorState>, SupportsBatchSnapshot
{
  readonly supportsBatchSnapshot = true;
  readonly #context: SplitEnumeratorContext<HybridSourceSplit>;
  readonly #chain: SourceChain<unknown>;
  /** Source → where it starts, as long as a reader may still need it. */
  readonly #positions: Map<number, unknown>;
  readonly #pending: PendingSplits;
  /** Readers that have said where they are. */
  readonly #readers = new Map<number, ReaderProgress>();
  /** Earlier enumerators that are being closed. */
  readonly #closing = new Set<Promise<void>>();
  #current: CurrentSource;

  /** Throws what the current source throws when it is made or restored. */
  constructor(
    context: SplitEnumeratorContext<HybridSourceSplit>,
    chain: SourceChain<unknown>,
    restored?: HybridSourceEnumeratorState,
  ) {
    this.#context = context;
    this.#chain = chain;
    if (restored !== undefined && restored.sourceIndex >= chain.length) {
      throw fewerSources(chain, restored.sourceIndex);
    }
    this.#positions = new Map(restored?.positions);
    this.#pending = PendingSplits.restore(
      restored?.pendingSplits ?? new Map(),
      context.currentParallelism,
    );
    const index = restored?.sourceIndex ?? 0;
    this.#current = this.#open({
      index,
      previousPosition: this.#positions.get(index),
      ...(restored === undefined ? {} : { checkpoint: restored }),
    });
  }

  start(): void {
    this.#startCurrent();
  }

  handleSplitRequest(subtaskId: number, requesterHostname: string | undefined): void {
    checkState(
      this.#readers.has(subtaskId) || !this.#pending.has(subtaskId),
      `subtask ${subtaskId} asks for a split, and has splits of earlier sources to read first`,
    );
    if (this.#reads(subtaskId)) {
      this.#current.enumerator.handleSplitRequest(subtaskId, requesterHostname);
    } else {
      // It reads an earlier source again, of which it has got all splits.
      this.#context.signalIntermediateNoMoreSplits(subtaskId);
    }
  }

  /** The splits may be of several sources, when there was a switch since the checkpoint. */
  addSplitsBack(splits: readonly HybridSourceSplit[], subtaskId: number): void {
    this.#readers.delete(subtaskId);
    const { index, source, enumerator } = this.#current;
    this.#pending.add(
      splits.filter((split) => split.sourceIndex !== index),
      subtaskId,
    );
    const own = splits.filter((split) => split.sourceIndex === index);
    enumerator.addSplitsBack(unwrapSplits(own, source), subtaskId);
  }

  /** The reader is heard of first: it says what it has read. */
  addReader(subtaskId: number): void {
    this.#readers.delete(subtaskId);
  }

  snapshotState(checkpointId: number): HybridSourceEnumeratorState {
    const { index, source, enumerator } = this.#current;
    const { enumeratorCheckpointSerializer } = source;
    return {
      sourceIndex: index,
      positions: new Map(this.#positions),
      wrappedVersion: enumeratorCheckpointSerializer.version,
      wrappedBytes: enumeratorCheckpointSerializer.serialize(
        enumerator.snapshotState(checkpointId),
      ),
      pendingSplits: this.#pending.snapshot(),
    };
  }

  handleSourceEvent(subtaskId: number, sourceEvent: SourceEvent): void {
    const event = sourceEvent as ToHybridEnumerator;
    switch (event.type) {
      case "SourceReaderFinished":
        this.#readerFinished(subtaskId, event);
        break;
      case "WrappedSourceEvent":
        // Of a source that is over: its enumerator is gone.
        if (event.sourceIndex !== this.#current.index) break;
        this.#current.enumerator.handleSourceEvent?.(subtaskId, event.event);
        break;
      default:
        this.#current.enumerator.handleSourceEvent?.(subtaskId, sourceEvent);
    }
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#current.enumerator.notifyCheckpointComplete?.(checkpointId);
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.#current.enumerator.notifyCheckpointAborted?.(checkpointId);
  }

  close(): void | Promise<void> {
    this.#current.context.close();
    const closed = this.#current.enumerator.close();
    if (closed === undefined && this.#closing.size === 0) return;
    return Promise.all([closed, ...this.#closing]).then(() => {});
  }

  #open(start: SourceStart): CurrentSource {
    return openSource(
      this.#chain,
      this.#context,
      start,
      (subtaskId) => this.#readers.get(subtaskId)?.sourceIndex === start.index,
    );
  }

  #startCurrent(): void {
    const { index, enumerator } = this.#current;
    this.#context.setIsProcessingBacklog(!this.#chain.isFinal(index));
    enumerator.start();
  }

  #reads(subtaskId: number): boolean {
    return this.#readers.get(subtaskId)?.sourceIndex === this.#current.index;
  }

  #readerFinished(subtaskId: number, event: SourceReaderFinished): void {
    const { index } = this.#current;
    const reader = this.#readers.get(subtaskId);
    if (reader !== undefined && event.sourceIndex < reader.sourceIndex) return;
    if (event.sourceIndex > index) {
      throw illegalState(
        `the reader of subtask ${subtaskId} has read source ${event.sourceIndex}, and the enumerator is at ${index}`,
      );
    }
    if (event.sourceIndex < index) {
      this.#switchReader(subtaskId, this.#nextSource(subtaskId, reader === undefined, event));
      return;
    }
    this.#readers.set(subtaskId, { sourceIndex: index, finished: true });
    if (!this.#chain.isFinal(index) && this.#allHaveFinished()) this.#switchEnumerator();
  }

  /** What the reader has to read next; at most the current source. */
  #nextSource(subtaskId: number, isNew: boolean, event: SourceReaderFinished): number {
    if (!isNew) return event.sourceIndex + 1;
    const own = event.holdsSplits === true ? event.sourceIndex + 1 : this.#current.index;
    return Math.min(own, this.#pending.firstSource(subtaskId));
  }

  #switchReader(subtaskId: number, sourceIndex: number): void {
    this.#readers.set(subtaskId, { sourceIndex, finished: false });
    const event: SwitchSource = {
      type: "SwitchSource",
      sourceIndex,
      previousPosition: this.#positions.get(sourceIndex),
      isFinalSource: this.#chain.isFinal(sourceIndex),
    };
    this.#context.sendEventToSourceReader(subtaskId, event);
    if (sourceIndex === this.#current.index) {
      this.#current.enumerator.addReader(subtaskId);
      return;
    }
    const splits = this.#pending.of(subtaskId, sourceIndex);
    if (splits.length > 0) this.#context.assignSplits(new Map([[subtaskId, splits]]));
    this.#pending.remove(subtaskId, sourceIndex);
    this.#context.signalIntermediateNoMoreSplits(subtaskId);
  }

  #allHaveFinished(): boolean {
    const registered = this.#context.registeredReaders();
    for (let subtask = 0; subtask < this.#context.currentParallelism; subtask++) {
      const reader = this.#readers.get(subtask);
      const isThrough = reader?.finished === true && reader.sourceIndex === this.#current.index;
      if (!isThrough || !registered.has(subtask)) return false;
    }
    return true;
  }

  #switchEnumerator(): void {
    const previous = this.#current;
    const index = previous.index + 1;
    const previousPosition = this.#chain.positionFor(index, previous.enumerator);
    if (previousPosition !== undefined) this.#positions.set(index, previousPosition);
    this.#current = this.#open({ index, previousPosition });
    this.#closePrevious(previous);
    this.#startCurrent();
    for (let subtask = 0; subtask < this.#context.currentParallelism; subtask++) {
      this.#switchReader(subtask, index);
    }
  }

  /** A rejected close fails the job, as a close that throws does. */
  #closePrevious({ context, enumerator }: CurrentSource): void {
    context.close();
    const closed = enumerator.close();
    if (closed === undefined) return;
    this.#closing.add(closed);
    this.#context.callAsync(
      () => closed,
      (_result, error) => {
        this.#closing.delete(closed);
        if (error !== undefined) throw error;
      },
    );
  }
}

function fewerSources(chain: SourceChain<unknown>, sourceIndex: number): HeadwaterError {
  return new HeadwaterError(
    "CHECKPOINT_STATE_UNMATCHED",
    `the checkpoint was taken at source ${sourceIndex + 1} of the hybrid source ${chain.name}, which has ${chain.length} now`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Keep the sources that have been read in their places; add others only at the end.",
    },
  );
}
