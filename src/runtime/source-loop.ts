import type { BadRecord } from "../api/bad-record.js";
import type { SourceSplit } from "../api/source-split.js";
import type { Timestamp, Watermark } from "../api/watermark.js";
import type { Availability, Clock, DefaultActionResult } from "../mailbox/index.js";
import type { SourceOperator } from "../operator/index.js";
import { type Chunk, ChunkBuilder } from "../stream/index.js";
import { LoopTimes } from "./loop-times.js";
import { SlicePace } from "./slice-pace.js";

/** Chunks that may be on their way to the sink at once: the credits of the data plane. */
const CREDITS = 8;
/** Records and dead letters that one chunk may hold. */
const CHUNK_SIZE = 1024;
/** With so many bytes of dead letters a chunk is full as well. */
const DEAD_LETTER_BYTES = 1 << 20;
/** What the loop needs of its subtask. */
export interface SourceLoopOptions {
  readonly clock: Clock;
  /** Nothing is read before `resume`. */
  readonly startsPaused: boolean;
  /** Takes a chunk on its way through the operators to the sink. */
  push(chunk: Chunk<unknown>): void;
  /** Whether reading may go on; asked after each chunk. */
  mayRead(): boolean;
  /** Runs the loop again soon. */
  wake(): void;
  /** The operator has nothing more: emit the end. */
  inputEnded(): void;
}

/**
 * Owns: the chunk being filled, the credits, and the wait for the reader.
 * Called by: the subtask's default action (`run`), and by the subtask between slices.
 * Invariants: at most CREDITS chunks are in flight, one more for a barrier or the end; whatever the
 * operator has emitted leaves before the next barrier, and at the end of a slice at the latest.
 */
export class SourceLoop {
  readonly builder = new ChunkBuilder<unknown>();
  /** What it does with its time, for metrics. */
  readonly times: LoopTimes;
  readonly #options: SourceLoopOptions;
  readonly #pace: SlicePace;
  #operator: SourceOperator<unknown, SourceSplit> | undefined;
  #inFlight = 0;
  #records = 0;
  #lastTimestamp: Timestamp = Number.NEGATIVE_INFINITY;
  #emittedMaxWatermark = false;
  #backPressured = false;
  #paused: boolean;
  #waitingFor: Availability | undefined;

  constructor(options: SourceLoopOptions) {
    this.#options = options;
    this.#pace = new SlicePace(options.clock);
    this.times = new LoopTimes(options.clock);
    this.#paused = options.startsPaused;
  }

  /** Records emitted so far. */
  get records(): number {
    return this.#records;
  }

  /** Of the last record that was emitted; -Infinity: it has none, or there was none. */
  get lastTimestamp(): Timestamp {
    const { timestamps, length } = this.builder.buffer;
    return timestamps[length - 1] ?? this.#lastTimestamp;
  }

  /** The last watermark on its way to the sink. */
  get watermark(): Watermark {
    if (this.#emittedMaxWatermark) return Number.POSITIVE_INFINITY;
    return this.#operator?.latestWatermark ?? Number.NEGATIVE_INFINITY;
  }

  get isBackPressured(): boolean {
    return this.#backPressured;
  }

  start(operator: SourceOperator<unknown, SourceSplit>): void {
    this.#operator = operator;
    this.#options.wake();
  }

  /** Reading may begin: the first barrier is here. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.wake();
  }

  /** Asked by the operator before each poll but the first; 0 when the chunk is full or the slice is over. */
  recordsOfNextPoll(): number {
    if (this.#isChunkFull) return 0;
    return Math.min(this.#pace.recordsOfNextPoll(this.#emitted), CHUNK_SIZE - this.builder.size);
  }

  /**
   * The reader has met an input that is no record; its dead letter, if it gets one, goes into the
   * stream here. Such an input costs far more than a record, so the clock is read after each.
   */
  badRecord(deadLetter: BadRecord | undefined): void {
    this.#pace.lookSoon();
    if (deadLetter !== undefined) this.builder.emitBadRecord(deadLetter);
  }

  /** Records emitted so far, those of the chunk being filled among them. */
  get #emitted(): number {
    return this.#records + this.builder.buffer.length;
  }

  get #isChunkFull(): boolean {
    return this.builder.size >= CHUNK_SIZE || this.builder.deadLetterBytes >= DEAD_LETTER_BYTES;
  }

  /** Reads one slice. */
  run(): DefaultActionResult {
    this.times.idlingEnded();
    if (this.#operator === undefined || !this.#options.mayRead()) return this.#readNothing();
    if (this.#paused) {
      this.times.idlingStarted();
      this.emitChunk();
      return "SUSPEND";
    }
    if (this.#inFlight >= CREDITS) {
      this.#setBackPressured(true);
      return "SUSPEND";
    }
    this.#setBackPressured(false);
    // The savepoint was the end: what timers have emitted since its barrier must not get out.
    if (isStopped(this.#operator.mode)) this.builder.take();
    this.emitChunk();
    this.#pace.startSlice(this.#emitted);
    return this.#readSlice(this.#operator);
  }

  #readSlice(operator: SourceOperator<unknown, SourceSplit>): DefaultActionResult {
    while (true) {
      switch (operator.emitNext(this.builder)) {
        case "MORE_AVAILABLE":
          if (this.#isChunkFull) this.emitChunk();
          if (!this.#options.mayRead()) return "SUSPEND";
          if (this.#inFlight < CREDITS && !this.#pace.isSliceOver(this.#emitted)) break;
          this.emitChunk();
          return "CONTINUE";
        case "NOTHING_AVAILABLE":
          this.emitChunk();
          return this.#waitFor(operator.isAvailable());
        case "END_OF_DATA":
          this.emitMaxWatermark();
          break;
        case "STOPPED":
          break;
        case "END_OF_INPUT":
          this.#options.inputEnded();
          return this.#readNothing();
      }
    }
  }

  /** Before the start and behind the end it is no more busy than while it waits for input. */
  #readNothing(): DefaultActionResult {
    this.times.markBackPressured(false);
    this.times.idlingStarted();
    return "SUSPEND";
  }

  #waitFor(availability: Availability): DefaultActionResult {
    if (availability.isDone) return "CONTINUE";
    this.times.idlingStarted();
    if (this.#waitingFor !== availability) {
      this.#waitingFor = availability;
      availability.onDone(() => {
        if (this.#waitingFor === availability) this.#waitingFor = undefined;
        this.#options.wake();
      });
    }
    return "SUSPEND";
  }

  /** The end of event time; once, also when a drain and the end of the data both ask for it. */
  emitMaxWatermark(): void {
    if (this.#emittedMaxWatermark) return;
    this.#emittedMaxWatermark = true;
    this.builder.emitWatermark(Number.POSITIVE_INFINITY);
  }

  /** Sends what is gathered on its way, with or without a credit. */
  emitChunk(): void {
    if (this.builder.isEmpty) return;
    const chunk = this.builder.take();
    this.#lastTimestamp = chunk.timestamps.at(-1) ?? this.#lastTimestamp;
    this.#records += chunk.records.length;
    this.#inFlight++;
    this.#options.push(chunk);
  }

  /** A chunk has reached the end of the sink: its credits come back. */
  chunkWritten(credits = 1): void {
    if (credits === 0) return;
    this.#inFlight -= credits;
    this.#options.wake();
  }

  #setBackPressured(backPressured: boolean): void {
    if (this.#backPressured === backPressured) return;
    this.#backPressured = backPressured;
    this.times.markBackPressured(backPressured);
    this.#operator?.markBackPressured(backPressured);
  }
}

function isStopped(mode: SourceOperator<unknown, SourceSplit>["mode"]): boolean {
  return mode === "SOURCE_STOPPED" || mode === "SOURCE_DRAINED";
}
