import type {
  ReaderOutput,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
} from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import type { Timestamp, Watermark } from "../api/watermark.js";
import { illegalArgument } from "../errors/index.js";
import { AVAILABLE, type Availability, AvailabilityFuture } from "../mailbox/index.js";
import { type ReaderChanges, withReaders } from "./changed-readers.js";
import type { Pipeline } from "./pipeline.js";

/** Turns a second: so often that a picture of the job moves smoothly. */
const TURNS_PER_SECOND = 20;

/**
 * Lets each source of a job emit at most so many records a second in all its subtasks together: a job
 * in slow motion, for people to look at. What it emits stays the same.
 */
export function pacedAt(
  recordsPerSecond: number,
): (pipelines: readonly Pipeline[]) => readonly Pipeline[] {
  if (!(recordsPerSecond > 0) || !Number.isFinite(recordsPerSecond)) {
    throw illegalArgument(`a pace is a number of records > 0 a second, not ${recordsPerSecond}`);
  }
  return (pipelines) =>
    pipelines.map((pipeline) => {
      const pace = new Pace(recordsPerSecond);
      return withReaders(pipeline, (reader, context) => new PacedReader(reader, context, pace));
    });
}

/** Gives turns one after another, in the order in which they are asked for. */
class Pace {
  readonly recordsPerTurn: number;
  readonly #msPerRecord: number;
  /** When the next turn begins, in relative time. */
  #next = Number.NEGATIVE_INFINITY;

  constructor(recordsPerSecond: number) {
    this.recordsPerTurn = Math.max(1, Math.floor(recordsPerSecond / TURNS_PER_SECOND));
    this.#msPerRecord = 1000 / recordsPerSecond;
  }

  /** When the turn begins. */
  takeTurn(now: number): number {
    const start = Math.max(now, this.#next);
    this.#next = start + this.recordsPerTurn * this.#msPerRecord;
    return start;
  }

  /** Others may have what a turn has not used. */
  giveBack(records: number): void {
    this.#next -= records * this.#msPerRecord;
  }
}

/**
 * Polls the reader of one subtask only when it is its turn.
 *
 * Owns: its turn. Called by: the operator's loop.
 * Invariants: a turn's records are counted as they are emitted; who waits for a turn has one.
 */
class PacedReader implements ReaderChanges {
  readonly #reader: SourceReader<unknown, SourceSplit>;
  readonly #context: SourceReaderContext;
  readonly #pace: Pace;
  #turn: Availability | undefined;
  #output: CountingReaderOutput | undefined;

  constructor(
    reader: SourceReader<unknown, SourceSplit>,
    context: SourceReaderContext,
    pace: Pace,
  ) {
    this.#reader = reader;
    this.#context = context;
    this.#pace = pace;
  }

  readonly pollNext = (output: ReaderOutput<unknown>) => {
    this.#turn ??= this.#takeTurn();
    if (!this.#turn.isDone) return "NOTHING_AVAILABLE";
    const { recordsPerTurn } = this.#pace;
    const { pollBudget } = this.#context;
    pollBudget.remaining = Math.min(pollBudget.remaining, recordsPerTurn);
    this.#output ??= new CountingReaderOutput(output);
    this.#output.records = 0;
    try {
      return this.#reader.pollNext(this.#output);
    } finally {
      this.#turn = undefined;
      this.#pace.giveBack(recordsPerTurn - this.#output.records);
    }
  };

  readonly isAvailable = (): Availability =>
    this.#turn === undefined || this.#turn.isDone ? this.#reader.isAvailable() : this.#turn;

  #takeTurn(): Availability {
    const { processingTime } = this.#context;
    const now = processingTime.relativeTime();
    const wait = this.#pace.takeTurn(now) - now;
    if (wait <= 0) return AVAILABLE;
    const turn = new AvailabilityFuture();
    processingTime.registerTimer(Math.ceil(wait), () => turn.complete());
    return turn;
  }
}

/** Counts what goes to an output and to those of its splits. */
class CountingReaderOutput implements ReaderOutput<unknown> {
  records = 0;
  readonly #output: ReaderOutput<unknown>;

  constructor(output: ReaderOutput<unknown>) {
    this.#output = output;
  }

  collect(record: unknown, timestamp?: Timestamp): void {
    this.records++;
    this.#output.collect(record, timestamp);
  }

  emitWatermark(watermark: Watermark): void {
    this.#output.emitWatermark(watermark);
  }

  markIdle(): void {
    this.#output.markIdle();
  }

  markActive(): void {
    this.#output.markActive();
  }

  createOutputForSplit(splitId: string): SourceOutput<unknown> {
    const output = this.#output.createOutputForSplit(splitId);
    return {
      collect: (record, timestamp) => {
        this.records++;
        output.collect(record, timestamp);
      },
      emitWatermark: (watermark) => output.emitWatermark(watermark),
      markIdle: () => output.markIdle(),
      markActive: () => output.markActive(),
    };
  }

  releaseOutputForSplit(splitId: string): void {
    this.#output.releaseOutputForSplit(splitId);
  }
}
