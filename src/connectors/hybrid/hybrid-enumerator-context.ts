import type { MetricGroup } from "../../api/metrics.js";
import type { SourceEvent } from "../../api/source-event.js";
import type { SimpleVersionedSerializer, SourceSplit } from "../../api/source-split.js";
import type {
  ReaderInfo,
  SplitEnumeratorContext,
  SplitsAssignment,
} from "../../api/split-enumerator.js";
import { illegalState } from "../../errors/index.js";
import type { WrappedSourceEvent } from "./hybrid-event.js";
import { type HybridSourceSplit, wrapSplits } from "./hybrid-split.js";

/** What the context of one source's enumerator is made of. */
export interface HybridEnumeratorContextParts<SplitT extends SourceSplit> {
  readonly context: SplitEnumeratorContext<HybridSourceSplit>;
  readonly sourceIndex: number;
  readonly isFinalSource: boolean;
  readonly splitSerializer: SimpleVersionedSerializer<SplitT>;
  /** Whether the subtask's reader has been switched to this source. */
  readonly reads: (subtaskId: number) => boolean;
}

type Readers<SplitT> = ReadonlyMap<number, ReaderInfo<SplitT>>;

/**
 * What the enumerator of one of the sources may do: as if its readers were all there are.
 *
 * Owns: whether its enumerator's turn is over. Called by: that enumerator, in the coordinator's loop.
 * Invariants: only readers of this source are registered and get splits; once it is closed nothing
 * that the enumerator had started reaches it, and nothing of it reaches a reader.
 */
export class HybridEnumeratorContext<SplitT extends SourceSplit>
  implements SplitEnumeratorContext<SplitT>
{
  readonly metricGroup: MetricGroup;
  readonly #parts: HybridEnumeratorContextParts<SplitT>;
  readonly #closed = new AbortController();

  constructor(parts: HybridEnumeratorContextParts<SplitT>) {
    this.#parts = parts;
    this.metricGroup = parts.context.metricGroup.group(`source-${parts.sourceIndex}`);
  }

  get currentParallelism(): number {
    return this.#parts.context.currentParallelism;
  }

  registeredReaders(): Readers<SplitT> {
    return this.#ownReaders(this.#parts.context.registeredReaders(), (info) =>
      toOwnInfo<SplitT>(info),
    );
  }

  registeredReadersOfAttempts(): ReadonlyMap<number, Readers<SplitT>> {
    return this.#ownReaders(
      this.#parts.context.registeredReadersOfAttempts(),
      (attempts) =>
        new Map(Array.from(attempts, ([attempt, info]) => [attempt, toOwnInfo<SplitT>(info)])),
    );
  }

  assignSplits(assignment: SplitsAssignment<SplitT>): void {
    const { context, sourceIndex, splitSerializer } = this.#parts;
    for (const subtaskId of assignment.keys()) this.#checkReads(subtaskId, "be assigned splits");
    context.assignSplits(
      new Map(
        Array.from(assignment, ([subtaskId, splits]) => [
          subtaskId,
          wrapSplits(splits, sourceIndex, splitSerializer),
        ]),
      ),
    );
  }

  assignSplit(split: SplitT, subtaskId: number): void {
    this.assignSplits(new Map([[subtaskId, [split]]]));
  }

  signalNoMoreSplits(subtaskId: number): void {
    this.#checkReads(subtaskId, "be told that no more splits come");
    const { context, isFinalSource } = this.#parts;
    if (isFinalSource) context.signalNoMoreSplits(subtaskId);
    else context.signalIntermediateNoMoreSplits(subtaskId);
  }

  signalIntermediateNoMoreSplits(subtaskId: number): void {
    this.#checkReads(subtaskId, "be told that no more splits come");
    this.#parts.context.signalIntermediateNoMoreSplits(subtaskId);
  }

  sendEventToSourceReader(subtaskId: number, event: SourceEvent): void {
    this.#checkReads(subtaskId, `get the event ${event.type}`);
    this.#parts.context.sendEventToSourceReader(subtaskId, this.#wrap(event));
  }

  sendEventToSourceReaderAttempt(subtaskId: number, attempt: number, event: SourceEvent): void {
    this.#checkReads(subtaskId, `get the event ${event.type}`);
    this.#parts.context.sendEventToSourceReaderAttempt(subtaskId, attempt, this.#wrap(event));
  }

  callAsync<T>(
    callable: (signal: AbortSignal) => T | Promise<T>,
    handler: (result: T | undefined, error: unknown) => void,
    schedule?: { readonly initialDelay: number; readonly period: number },
  ): void {
    const closed = this.#closed.signal;
    this.#parts.context.callAsync<T | undefined>(
      // A periodic call goes on until the job ends; it has nothing to do any more.
      (signal) => (closed.aborted ? undefined : callable(AbortSignal.any([signal, closed]))),
      (result, error) => {
        if (!closed.aborted) handler(result, error);
      },
      schedule,
    );
  }

  runInCoordinatorLoop(action: () => void): void {
    this.#parts.context.runInCoordinatorLoop(() => {
      if (!this.#closed.signal.aborted) action();
    });
  }

  /** Before the last source all data is backlog, whatever the source says. */
  setIsProcessingBacklog(isProcessingBacklog: boolean): void {
    if (this.#parts.isFinalSource) this.#parts.context.setIsProcessingBacklog(isProcessingBacklog);
  }

  /** The enumerator's turn is over. */
  close(): void {
    this.#closed.abort();
    this.metricGroup.close();
  }

  #wrap(event: SourceEvent): WrappedSourceEvent {
    return { type: "WrappedSourceEvent", sourceIndex: this.#parts.sourceIndex, event };
  }

  #ownReaders<From, To>(
    readers: ReadonlyMap<number, From>,
    toOwn: (info: From) => To,
  ): ReadonlyMap<number, To> {
    const own = new Map<number, To>();
    for (const [subtaskId, info] of readers) {
      if (this.#parts.reads(subtaskId)) own.set(subtaskId, toOwn(info));
    }
    return own;
  }

  #checkReads(subtaskId: number, what: string): void {
    const { reads, sourceIndex } = this.#parts;
    if (this.#closed.signal.aborted) throw illegalState(`source ${sourceIndex} has ended`);
    if (reads(subtaskId)) return;
    throw illegalState(
      `subtask ${subtaskId} cannot ${what}: its reader is not registered with source ${sourceIndex}`,
    );
  }
}

/** A hybrid source's readers report no splits: they keep them when they recover. */
function toOwnInfo<SplitT extends SourceSplit>({
  subtaskId,
  location,
}: ReaderInfo<HybridSourceSplit>): ReaderInfo<SplitT> {
  return { subtaskId, location, reportedSplitsOnRegistration: [] };
}
