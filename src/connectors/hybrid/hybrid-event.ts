import type { SourceEvent } from "../../api/source-event.js";

/** Reader → enumerator: it has read all of a source, or starts (Flink `SourceReaderFinishedEvent`). */
export interface SourceReaderFinished extends SourceEvent {
  readonly type: "SourceReaderFinished";
  /** The source it has read; at its start the one before that of its first restored split, or -1. */
  readonly sourceIndex: number;
  /** At its start: it has restored splits, so the source after `sourceIndex` is the one to begin with. */
  readonly holdsSplits?: boolean;
}

/** Enumerator → reader: read this source next (Flink `SwitchSourceEvent`). */
export interface SwitchSource extends SourceEvent {
  readonly type: "SwitchSource";
  readonly sourceIndex: number;
  /** Where a deferred source starts. */
  readonly previousPosition: unknown;
  readonly isFinalSource: boolean;
}

/** Either way: an event between a source's own enumerator and readers. */
export interface WrappedSourceEvent extends SourceEvent {
  readonly type: "WrappedSourceEvent";
  readonly sourceIndex: number;
  readonly event: SourceEvent;
}

/** What the enumerator gets. */
export type ToHybridEnumerator = SourceReaderFinished | WrappedSourceEvent;

/** What a reader gets. */
export type ToHybridReader = SwitchSource | WrappedSourceEvent;
