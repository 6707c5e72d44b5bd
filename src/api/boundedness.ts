/** Whether a source ends by itself (Flink `Boundedness`). */
export type Boundedness = "BOUNDED" | "CONTINUOUS_UNBOUNDED";

/**
 * What one `pollNext` says about the next one (Flink `InputStatus`); a value, never an exception.
 *
 * `MORE_AVAILABLE`: call again at once. `NOTHING_AVAILABLE`: wait for `isAvailable()`.
 * `END_OF_INPUT`: there will never be another record.
 */
export type InputStatus = "MORE_AVAILABLE" | "NOTHING_AVAILABLE" | "END_OF_INPUT";

/**
 * What one `SourceOperator.emitNext` says to the subtask loop (Flink `DataInputStatus`).
 *
 * `END_OF_DATA`: all records are out (or a drain was asked for). `STOPPED`: stopped without drain.
 * `END_OF_INPUT`: nothing follows at all.
 */
export type DataInputStatus =
  | "MORE_AVAILABLE"
  | "NOTHING_AVAILABLE"
  | "END_OF_DATA"
  | "STOPPED"
  | "END_OF_INPUT";

/** How a job is stopped with a savepoint (Flink `StopMode`): `DRAIN` emits the maximum watermark first. */
export type StopMode = "DRAIN" | "NO_DRAIN";
