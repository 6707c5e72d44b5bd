import type { SourceSplit } from "../src/api/source-split.js";
import type { ErrorInfo } from "../src/errors/error-info.js";

/** A connector's own work for a fetcher's loop, such as committing offsets: plain data with a type. */
export interface CustomTask {
  readonly type: string;
}

/** What a manager asks a fetcher to do, in order, between two fetches (Flink `SplitFetcherTask`). */
export type FetcherTask =
  | { readonly type: "AddSplits"; readonly splits: readonly SourceSplit[] }
  | { readonly type: "RemoveSplits"; readonly splits: readonly SourceSplit[] }
  | {
      readonly type: "PauseOrResumeSplits";
      readonly splitsToPause: readonly string[];
      readonly splitsToResume: readonly string[];
    }
  | { readonly type: "RunTask"; readonly task: CustomTask };

/** A task with its number: 1, 2, 3 … for each fetcher. */
export type NumberedTask = FetcherTask & { readonly sequence: number };

/** From the fetcher to itself; `step` tells a result of this step from one of an earlier step. */
export type FetcherStepEvent =
  | { readonly type: "Turn"; readonly step: number }
  | { readonly type: "FetchCompleted"; readonly step: number }
  | {
      readonly type: "BatchAccepted";
      readonly step: number;
      /** How many splits the fetcher still has. */
      readonly assignedSplits: number;
    }
  | { readonly type: "BatchRefused"; readonly step: number }
  | { readonly type: "TaskCompleted"; readonly step: number; readonly assignedSplits: number }
  | { readonly type: "StepFailed"; readonly step: number; readonly error: ErrorInfo }
  | { readonly type: "RecordsProcessed" }
  | { readonly type: "ReaderClosed" }
  | { readonly type: "ReaderCloseFailed"; readonly error: ErrorInfo };

/** From the manager to the fetcher. */
export type FetcherCommand =
  | NumberedTask
  | { readonly type: "PauseFetcher" }
  | { readonly type: "ResumeFetcher" }
  /** With `waitForRecords` the split reader stays open until all that was handed over is recycled. */
  | { readonly type: "ShutdownFetcher"; readonly waitForRecords: boolean };

export type SplitFetcherEvent = FetcherCommand | FetcherStepEvent;

/** What a fetcher posts to its manager. */
export type FetcherEvent =
  | {
      readonly type: "FetcherReport";
      readonly fetcher: number;
      /** The splits that were read to their end or removed since the last report. */
      readonly endedSplits: readonly string[];
      readonly tasksDone: number;
      readonly idle: boolean;
    }
  | { readonly type: "FetcherFailed"; readonly fetcher: number; readonly error: ErrorInfo }
  | { readonly type: "FetcherClosed"; readonly fetcher: number };
