import {
  type SourceOperatorEvent,
  sourceOperatorMachine,
} from "../../machines/source-operator.machine.js";
import type { DataInputStatus, InputStatus, StopMode } from "../api/boundedness.js";
import type { DataOutput } from "../api/data-output.js";
import type { CoordinatorToOperatorEvent } from "../api/operator-event.js";
import type { PollBudget, ReaderOutput, SourceReader } from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import type { Watermark } from "../api/watermark.js";
import { checkState, illegalState } from "../errors/index.js";
import { BackPressuredClocks } from "../eventtime/back-pressured-clocks.js";
import { PausableRelativeClock } from "../eventtime/pausable-relative-clock.js";
import type { TimestampsAndWatermarks } from "../eventtime/timestamps-and-watermarks.js";
import { MAX_WATERMARK } from "../eventtime/watermark-bounds.js";
import { AVAILABLE, type Availability } from "../mailbox/availability.js";
import { type MachineActions, MachineHost } from "../mailbox/machine-host.js";
import { deserializeSplits, serializeSplits } from "../serde/split-serde.js";
import { createEventTime } from "./create-event-time.js";
import { OperatorAvailability } from "./operator-availability.js";
import { inSubtask, readerFailed } from "./operator-failure.js";
import { OperatorMetrics } from "./operator-metrics.js";
import { AVAILABILITY, type SourceOperatorMode } from "./operator-mode.js";
import { OperatorReader } from "./operator-reader.js";
import { createReaderContext } from "./reader-context.js";
import type { SourceOperatorOptions } from "./source-operator-options.js";
import { SplitAlignment } from "./split-alignment.js";
import { WatermarkReports } from "./watermark-reports.js";

/**
 * Drives one reader: polls it, makes event time of what it emits, and keeps it with its alignment
 * group (Flink `SourceOperator`).
 *
 * Owns: the reader, the event-time logic and the alignment of its splits. Its mode is its machine's
 * state.
 * Called by: the subtask's loop only, one call at a time.
 * Sends: ReaderRegistration at `open`, what the reader asks for, and ReportedWatermark at every
 * alignment interval from the first `emitNext` until `close`.
 * Invariants: it waits for alignment exactly while its watermark is past the limit, from the first
 * `emitNext` on; no record is polled after a stop.
 */
export class SourceOperator<T, SplitT extends SourceSplit> {
  readonly #options: SourceOperatorOptions<T, SplitT>;
  readonly #machine: MachineHost<typeof sourceOperatorMachine>;
  readonly #availability = new OperatorAvailability();
  readonly #backPressure = new BackPressuredClocks();
  readonly #activityClock: PausableRelativeClock;
  readonly #pollBudget: PollBudget = { remaining: 0 };
  readonly #splits: SplitAlignment;
  readonly #reports: WatermarkReports;
  readonly #metrics: OperatorMetrics;
  #guardedReader: OperatorReader<T, SplitT> | undefined;
  #eventTime: TimestampsAndWatermarks<T> | undefined;
  #mainOutput: ReaderOutput<T> | undefined;
  /** Splits that came before the main output; they get theirs when it is made. */
  #splitsToInitializeOutput: SplitT[] = [];
  #closed: Promise<void> | undefined;

  constructor(options: SourceOperatorOptions<T, SplitT>) {
    const { processingTime, metricGroup } = options;
    this.#options = options;
    this.#activityClock = new PausableRelativeClock(processingTime);
    this.#backPressure.add(this.#activityClock);
    this.#splits = new SplitAlignment({
      metricGroup,
      clock: processingTime,
      pauseOrResumeSplits: (toPause, toResume) => {
        if (!this.#opened.pauseOrResumeSplits(toPause, toResume)) return false;
        this.#eventTime?.pauseOrResumeSplits(toPause, toResume);
        return true;
      },
    });
    this.#reports = new WatermarkReports(options.sendToCoordinator);
    this.#metrics = new OperatorMetrics(options, this);
    this.#machine = new MachineHost(sourceOperatorMachine, {
      actions: this.#effects(),
      id: options.id,
      inspect: options.inspect,
    });
  }

  get mode(): SourceOperatorMode {
    return this.#machine.snapshot.value;
  }

  /** The last watermark that was emitted; Infinity at the end of the input; -Infinity before any. */
  get latestWatermark(): Watermark {
    return this.#reports.latestWatermark;
  }

  /** The limit of the alignment group; Infinity without one. */
  get maxDesiredWatermark(): Watermark {
    return this.#splits.maxDesiredWatermark;
  }

  get idle(): boolean {
    return this.#reports.idle;
  }

  /** The watermarks of the splits that have one, now. */
  get splitWatermarks(): ReadonlyMap<string, Watermark> {
    return this.#splits.splitWatermarks;
  }

  get numberOfSplits(): number {
    return this.#splits.numberOfSplits;
  }

  /** The watermarks of at most so many splits: for status, which must not cost more with more splits. */
  someSplitWatermarks(limit: number): readonly (readonly [splitId: string, Watermark])[] {
    return Array.from(this.#splits.someSplits(limit), ({ splitId, watermark }) => [
      splitId,
      watermark,
    ]);
  }

  get pausedSplits(): ReadonlySet<string> {
    return this.#splits.pausedSplits;
  }

  get idleSplits(): ReadonlySet<string> {
    return this.#splits.idleSplits;
  }

  /** Throws ILLEGAL_STATE before `open`. */
  get reader(): SourceReader<T, SplitT> {
    return this.#opened.reader;
  }

  /**
   * Creates the reader, gives it its restored splits or registers them for reassignment, and starts
   * it. Called once. Throws READER_FAILED or SERIALIZER_FAILED.
   */
  open(restored: readonly SplitT[]): void {
    checkState(this.#guardedReader === undefined, "the source operator has been opened already");
    const options = this.#options;
    const { subtask, splitSerializer, supportsSplitReassignmentOnRecovery: reassign } = options;
    const context = createReaderContext(
      options,
      this.#pollBudget,
      () => this.#closed !== undefined,
    );
    this.#guardedReader = new OperatorReader(
      () => options.createReader(context),
      subtask,
      options.allowUnalignedSourceSplits,
    );
    this.#eventTime = createEventTime(options, this.#activityClock, this.#backPressure);
    if (restored.length > 0 && !reassign) this.#addSplits(restored);
    options.sendToCoordinator({
      type: "ReaderRegistration",
      subtaskId: subtask,
      location: options.localHostName,
      splits: inSubtask(subtask, () => serializeSplits(splitSerializer, reassign ? restored : [])),
    });
    this.#metrics.idlingStarted();
    this.#opened.start();
    this.#eventTime.startPeriodicWatermarkEmits();
  }

  /**
   * Emits what there is: one record, or as many as `recordsOfNextPoll` allows. The output must be the
   * same every time. Throws READER_FAILED.
   */
  emitNext(output: DataOutput<T>): DataInputStatus {
    if (this.mode !== "READING") return this.#emitNextNotReading(output);
    const { reader } = this;
    const mainOutput = this.#mainOutput as ReaderOutput<T>;
    const { recordsOfNextPoll } = this.#options;
    const budget = this.#pollBudget;
    let status: InputStatus;
    let records = 1;
    try {
      do {
        budget.remaining = records;
        status = reader.pollNext(mainOutput);
        records = status === "MORE_AVAILABLE" && !this.#pastLimit ? recordsOfNextPoll() : 0;
      } while (records > 0);
    } catch (error) {
      throw readerFailed(this.#options.subtask, "to poll", error);
    }
    return this.#toDataInputStatus(status);
  }

  /** Done when `emitNext` is worth calling; asked after NOTHING_AVAILABLE. */
  isAvailable(): Availability {
    switch (AVAILABILITY[this.mode]) {
      case "alignment":
        return this.#availability.alignmentWait;
      case "reader":
        return this.#availability.ofReader(this.#opened.isAvailable());
      case "always":
        return AVAILABLE;
    }
  }

  /** Throws READER_FAILED, SERIALIZER_FAILED, or ILLEGAL_STATE for an event it does not know. */
  handleOperatorEvent(event: CoordinatorToOperatorEvent): void {
    switch (event.type) {
      case "WatermarkAlignment":
        this.#splits.maxDesiredWatermark = event.maxWatermark;
        this.#checkWatermarkAlignment();
        this.#splits.checkSplitWatermarkAlignment();
        break;
      case "AddSplit": {
        const { splitSerializer, subtask } = this.#options;
        this.#addSplits(inSubtask(subtask, () => deserializeSplits(splitSerializer, event.splits)));
        break;
      }
      case "SourceEventWrapper":
        this.#opened.handleSourceEvents(event.event);
        break;
      case "NoMoreSplits":
        this.#opened.notifyNoMoreSplits();
        break;
      case "IsProcessingBacklog":
        this.#eventTime?.emitImmediateWatermark();
        this.#options.emitRecordAttributes({ isBacklog: event.isProcessingBacklog });
        break;
      default: {
        const { type } = event as { type: string };
        throw illegalState(`the source operator does not know the event ${type}`);
      }
    }
  }

  /** The reader's splits, each after the last record that was emitted. Throws READER_FAILED. */
  snapshotState(checkpointId: number): SplitT[] {
    return this.#opened.snapshotState(checkpointId);
  }

  /** Throws READER_FAILED. */
  notifyCheckpointComplete(checkpointId: number): void {
    this.#opened.notifyCheckpointComplete(checkpointId);
  }

  /** Throws READER_FAILED. */
  notifyCheckpointAborted(checkpointId: number): void {
    this.#opened.notifyCheckpointAborted(checkpointId);
  }

  /** Ends the source; the result is done at once without drain, at `finish` with it. */
  stop(mode: StopMode): Availability {
    this.#send({ type: "StopRequested", mode });
    return this.#availability.stopped;
  }

  /** The downstream has got all the records: no periodic watermark follows. */
  finish(): void {
    this.#send({ type: "FinishRequested" });
  }

  /** Frees the reader; resolves when no I/O of it goes on. A second call gives the first's result. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Stops the activity clocks while the output takes nothing more: this is not idleness. */
  markBackPressured(backPressured: boolean): void {
    this.#backPressure.mark(backPressured);
  }

  get #opened(): OperatorReader<T, SplitT> {
    if (this.#guardedReader === undefined) {
      throw illegalState("the source operator has not been opened");
    }
    return this.#guardedReader;
  }

  get #pastLimit(): boolean {
    return this.#splits.maxDesiredWatermark < this.#reports.latestWatermark;
  }

  #emitNextNotReading(output: DataOutput<T>): DataInputStatus {
    const { mode } = this;
    switch (mode) {
      case "OUTPUT_NOT_INITIALIZED": {
        const mainOutput = this.#initializeMainOutput(output);
        return this.#toDataInputStatus(this.#opened.pollNext(mainOutput));
      }
      case "SOURCE_STOPPED":
      case "SOURCE_DRAINED":
        this.#send({ type: "StatusReturned" });
        this.#metrics.idlingStarted();
        return mode === "SOURCE_STOPPED" ? "STOPPED" : "END_OF_DATA";
      case "DATA_FINISHED":
        if (this.#options.watermarkStrategy.alignment !== undefined) {
          this.#reports.latestWatermark = MAX_WATERMARK;
          this.#reports.report();
        }
        this.#metrics.idlingStarted();
        return "END_OF_INPUT";
      case "WAITING_FOR_ALIGNMENT":
        checkState(this.#pastLimit, "the operator waits for alignment within the limit");
        this.#metrics.idlingStarted();
        return "NOTHING_AVAILABLE";
      case "READING":
        throw illegalState("emitNext handles READING itself");
    }
  }

  #initializeMainOutput(output: DataOutput<T>): ReaderOutput<T> {
    const eventTime = this.#eventTime;
    if (eventTime === undefined) throw illegalState("the source operator has not been opened");
    const mainOutput = eventTime.createMainOutput(output, {
      updateIdle: (idle) => {
        this.#reports.idle = idle;
      },
      updateCurrentEffectiveWatermark: (watermark) => {
        this.#reports.latestWatermark = watermark;
        this.#checkWatermarkAlignment();
      },
      splitListener: (splitId) => this.#splits.split(splitId),
      splitFinished: (splitId) => this.#splits.splitFinished(splitId, this.#options.splitFinished),
    });
    this.#mainOutput = mainOutput;
    for (const split of this.#splitsToInitializeOutput) {
      mainOutput.createOutputForSplit(split.splitId);
    }
    this.#splitsToInitializeOutput = [];
    this.#send({ type: "OutputInitialized" });
    return mainOutput;
  }

  #toDataInputStatus(status: InputStatus): DataInputStatus {
    switch (status) {
      case "MORE_AVAILABLE":
        this.#metrics.recordEmitted();
        return "MORE_AVAILABLE";
      case "NOTHING_AVAILABLE":
        this.#metrics.idlingStarted();
        return "NOTHING_AVAILABLE";
      case "END_OF_INPUT":
        this.#send({ type: "EndOfInputReached" });
        this.#metrics.idlingStarted();
        return "END_OF_DATA";
      default: {
        const cause = illegalState(`pollNext returned ${String(status)}, which is no InputStatus`);
        throw readerFailed(this.#options.subtask, "to poll", cause);
      }
    }
  }

  #addSplits(splits: readonly SplitT[]): void {
    if (this.#mainOutput === undefined) {
      this.#splitsToInitializeOutput.push(...splits);
    } else {
      for (const split of splits) this.#mainOutput.createOutputForSplit(split.splitId);
    }
    this.#opened.addSplits(splits);
    for (const split of splits) this.#splits.split(split.splitId);
  }

  #checkWatermarkAlignment(): void {
    const { mode } = this;
    if (mode === "READING" && this.#pastLimit) {
      // The reader may be in the middle of a poll.
      this.#pollBudget.remaining = 0;
      this.#send({ type: "WatermarkPastLimit" });
    }
    if (mode === "WAITING_FOR_ALIGNMENT" && !this.#pastLimit) {
      this.#send({ type: "WatermarkWithinLimit" });
    }
  }

  #effects(): MachineActions<typeof sourceOperatorMachine> {
    return {
      startWatermarkReports: () => {
        const { watermarkStrategy, processingTime } = this.#options;
        const interval = watermarkStrategy.alignment?.updateInterval;
        if (interval !== undefined) this.#reports.start(processingTime, interval);
      },
      beginAlignmentWait: () => this.#availability.beginAlignmentWait(),
      releaseAlignmentWait: () => this.#availability.noteAlignmentReleased(),
      pauseActivityClock: () => this.#activityClock.pause(),
      resumeActivityClock: () => this.#activityClock.unPause(),
      forceAvailable: () => this.#availability.noteForced(),
      stopInternalServices: () => this.#eventTime?.stopPeriodicWatermarkEmits(),
      completeStop: () => this.#availability.noteStopped(),
      unexpectedEvent: ({ event }) => {
        throw illegalState(`the source operator does not expect ${event.type} in ${this.mode}`);
      },
    };
  }

  #send(event: SourceOperatorEvent): void {
    this.#machine.send(event);
    this.#availability.completeNoted();
  }

  async #close(): Promise<void> {
    this.#reports.stop();
    this.#eventTime?.stopPeriodicWatermarkEmits();
    this.#machine.stop();
    this.#splits.close();
    await this.#guardedReader?.close();
  }
}
