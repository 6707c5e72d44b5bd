import type { ErrorInfo } from "../errors/error-info.js";
import type { Sink } from "./sink.js";

/** An input that a reader could not turn into a record, as the reader knows it. */
export interface UnreadableInput {
  readonly splitId: string;
  /** Where it starts, in the split's own measure: a byte, a line, a row, an offset. */
  readonly position: number;
  /**
   * Its bytes, or the first of them; read before `reportBadRecord` returns, so it may be a view into
   * a buffer that is used again.
   */
  readonly raw: Uint8Array;
  /** How many bytes it has in all. */
  readonly rawLength: number;
  readonly error: unknown;
}

/** An input that could not be turned into a record, as a dead letter: plain data. */
export interface BadRecord {
  /** The pipeline, as `fromSource` names it, and the source's own name. */
  readonly pipeline: string;
  readonly source: string;
  readonly splitId: string;
  /** Where it starts, in the split's own measure: a byte, a line, a row, an offset. */
  readonly position: number;
  /** Its bytes; of a very long one the first MiB. */
  readonly raw: Uint8Array;
  /** How many bytes it has in all. */
  readonly rawLength: number;
  readonly error: ErrorInfo;
}

/** How many bad records are too many; beyond it the job fails with the one that was too much. */
export interface BadRecordLimits {
  /** At most this many in one attempt of a subtask. */
  readonly max?: number;
  /** At most this many within any minute in one subtask. */
  readonly maxPerMinute?: number;
}

/** Takes a dead letter; a promise holds the stream, and each checkpoint, until it is settled. */
export type DeadLetterFunction = (badRecord: BadRecord) => void | Promise<void>;

/**
 * What happens to inputs that are no records: `"fail"` (the job fails), `"skip"` (they are counted and
 * left out), or a dead letter each, which is outside before the checkpoint that covers it completes.
 */
export type BadRecordPolicy =
  | "fail"
  | "skip"
  | ({ readonly action: "skip" } & BadRecordLimits)
  | ({
      readonly action: "dead-letter";
      readonly to: Sink<BadRecord> | DeadLetterFunction;
    } & BadRecordLimits);
