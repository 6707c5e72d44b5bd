import type { SourceEvent } from "./source-event.js";

/** An enumerator whose state may be taken outside a checkpoint, with the assignments (Flink `SupportsBatchSnapshot`). */
export interface SupportsBatchSnapshot {
  readonly supportsBatchSnapshot: true;
}

/** An enumerator that knows several attempts of a subtask (Flink `SupportsHandleExecutionAttemptSourceEvent`). */
export interface SupportsHandleExecutionAttemptSourceEvent {
  handleSourceEventOfAttempt(subtaskId: number, attempt: number, event: SourceEvent): void;
}
