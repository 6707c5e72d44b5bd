import type { BadRecord, UnreadableInput } from "../api/bad-record.js";
import type { MetricGroup } from "../api/metrics.js";
import type { HeadwaterError } from "../errors/index.js";
import type { ProcessingTimeService } from "../mailbox/index.js";
import {
  type BrokenRule,
  badRecordFailure,
  deadLetterError,
  reasonOf,
} from "./bad-record-error.js";
import type { Pipeline } from "./pipeline.js";
import { SlidingMinute } from "./sliding-minute.js";
import type { LastBadRecord } from "./subtask-event.js";

/** Of the bytes of a bad record a dead letter keeps so many. */
const MAX_RAW_BYTES = 1 << 20;

/** What the bad records of one attempt are handled with. */
export interface BadRecordOptions {
  readonly pipeline: Pipeline;
  readonly subtask: number;
  readonly clock: Pick<ProcessingTimeService, "now" | "relativeTime">;
  readonly metricGroup: MetricGroup;
  /** The input is done with; its dead letter, if it gets one, belongs at this place of the stream. */
  passed(deadLetter: BadRecord | undefined): void;
}

/**
 * Does what a pipeline's `badRecords` says, for one attempt of a subtask.
 *
 * Owns: the counts, the last minute's too, and the last bad record.
 * Called by: the reader, in the subtask's loop, through its context.
 * Invariants: an input is either passed or the attempt's failure; after a failure nothing passes.
 */
export class BadRecordHandler {
  readonly #options: BadRecordOptions;
  readonly #minute: SlidingMinute | undefined;
  #count = 0;
  #last: (Omit<LastBadRecord, "message"> & { readonly error: unknown }) | undefined;
  #failure: HeadwaterError | undefined;

  constructor(options: BadRecordOptions) {
    this.#options = options;
    const { maxPerMinute } = options.pipeline.badRecords;
    this.#minute = maxPerMinute === Number.POSITIVE_INFINITY ? undefined : new SlidingMinute();
    // A gauge: an attempt starts at 0, also where the one before has left its metrics.
    options.metricGroup.gauge("numRecordsInErrors", () => this.#count);
  }

  /** How many inputs of this attempt were no records. */
  get count(): number {
    return this.#count;
  }

  get last(): LastBadRecord | undefined {
    if (this.#last === undefined) return undefined;
    const { error, ...place } = this.#last;
    return { ...place, message: reasonOf(error) };
  }

  /** The BAD_RECORD that the reader was given: the attempt fails of it, whatever the reader made of it. */
  get failure(): HeadwaterError | undefined {
    return this.#failure;
  }

  /** Throws BAD_RECORD when the policy is "fail", or when this one is more than its limits allow. */
  report(input: UnreadableInput): void {
    if (this.#failure !== undefined) throw this.#failure;
    const { pipeline, subtask, clock, passed } = this.#options;
    const { splitId, position, error } = input;
    this.#count++;
    this.#last = { splitId, position, error, time: clock.now() };
    const broken = this.#brokenRule(clock.relativeTime());
    if (broken !== undefined) {
      this.#failure = badRecordFailure(input, pipeline, subtask, broken);
      throw this.#failure;
    }
    const isDeadLetter = pipeline.badRecords.action === "dead-letter";
    passed(isDeadLetter ? deadLetter(input, pipeline) : undefined);
  }

  #brokenRule(now: number): BrokenRule | undefined {
    const { action, max, maxPerMinute } = this.#options.pipeline.badRecords;
    if (action === "fail") return "fail";
    if (this.#count > max) return "max";
    if (this.#minute !== undefined && this.#minute.add(now) > maxPerMinute) return "maxPerMinute";
    return undefined;
  }
}

function deadLetter(input: UnreadableInput, { id, source }: Pipeline): BadRecord {
  const { splitId, position, raw, rawLength, error } = input;
  return {
    pipeline: id,
    source: source.name,
    splitId,
    position,
    // The constructor copies; a Buffer's `slice` would not.
    raw: new Uint8Array(raw.subarray(0, MAX_RAW_BYTES)),
    rawLength,
    error: deadLetterError(error),
  };
}
