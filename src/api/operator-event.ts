import type { SourceEvent } from "./source-event.js";
import type { Watermark } from "./watermark.js";

/** Splits as they cross a mailbox: never by reference (Flink `AddSplitEvent`). */
export interface SerializedSplits {
  readonly version: number;
  readonly splits: readonly Uint8Array[];
}

/** A reader asks for one more split (Flink `RequestSplitEvent`). */
export interface RequestSplitEvent {
  readonly type: "RequestSplit";
  readonly hostName: string;
}

/** A reader has opened (Flink `ReaderRegistrationEvent`); with reassignment on recovery it brings its splits. */
export interface ReaderRegistrationEvent {
  readonly type: "ReaderRegistration";
  readonly subtaskId: number;
  readonly location: string;
  readonly splits: SerializedSplits;
}

/** The operator's watermark, for alignment; Infinity while it is idle (Flink `ReportedWatermarkEvent`). */
export interface ReportedWatermarkEvent {
  readonly type: "ReportedWatermark";
  readonly watermark: Watermark;
}

/** A connector's own event, either way (Flink `SourceEventWrapper`). */
export interface SourceEventWrapper {
  readonly type: "SourceEventWrapper";
  readonly event: SourceEvent;
}

/** New splits for a reader (Flink `AddSplitEvent`). */
export interface AddSplitEvent {
  readonly type: "AddSplit";
  readonly splits: SerializedSplits;
}

/** No operator of the group may read past this watermark (Flink `WatermarkAlignmentEvent`). */
export interface WatermarkAlignmentEvent {
  readonly type: "WatermarkAlignment";
  readonly maxWatermark: Watermark;
}

/** The reader gets no further split (Flink `NoMoreSplitsEvent`). */
export interface NoMoreSplitsEvent {
  readonly type: "NoMoreSplits";
}

/** The source catches up with old data, or has caught up (Flink `IsProcessingBacklogEvent`, FLIP-309). */
export interface IsProcessingBacklogEvent {
  readonly type: "IsProcessingBacklog";
  readonly isProcessingBacklog: boolean;
}

/** What an operator posts to its coordinator. */
export type OperatorToCoordinatorEvent =
  | RequestSplitEvent
  | ReaderRegistrationEvent
  | ReportedWatermarkEvent
  | SourceEventWrapper;

/** What a coordinator posts to an operator. */
export type CoordinatorToOperatorEvent =
  | AddSplitEvent
  | WatermarkAlignmentEvent
  | NoMoreSplitsEvent
  | IsProcessingBacklogEvent
  | SourceEventWrapper;
