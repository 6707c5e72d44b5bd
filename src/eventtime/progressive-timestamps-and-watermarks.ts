import type { DataOutput } from "../api/data-output.js";
import type { ReaderOutput, SourceOutput } from "../api/source-reader.js";
import type { RelativeClock, TimestampAssigner, WatermarkStrategy } from "../api/watermark.js";
import { checkState } from "../errors/index.js";
import type { Cancel, ProcessingTimeService } from "../mailbox/ports.js";
import type { BackPressuredClocks } from "./back-pressured-clocks.js";
import { IdlenessManager } from "./idleness-manager.js";
import { SourceOutputWithWatermarks } from "./source-output-with-watermarks.js";
import { SplitLocalOutputs } from "./split-local-outputs.js";
import type { TimestampsAndWatermarks } from "./timestamps-and-watermarks.js";
import { WatermarkToDataOutput } from "./watermark-to-data-output.js";
import type { WatermarkUpdateListener } from "./watermark-update-listener.js";

/** What progressive event time needs from its operator. */
export interface ProgressiveEventTimeOptions<T> {
  readonly strategy: WatermarkStrategy<T>;
  readonly processingTime: ProcessingTimeService;
  /** Milliseconds between periodic watermarks; 0: none. */
  readonly autoWatermarkInterval: number;
  /** The activity clock of records that belong to no split. */
  readonly mainInputActivityClock: RelativeClock;
  readonly backPressure: BackPressuredClocks;
}

/**
 * Watermarks while the source reads (Flink `ProgressiveTimestampsAndWatermarks`).
 *
 * Owns: the main output, the splits' outputs and the watermark timer. Called by: the operator's loop.
 */
export class ProgressiveTimestampsAndWatermarks<T> implements TimestampsAndWatermarks<T> {
  readonly #options: ProgressiveEventTimeOptions<T>;
  readonly #assigner: TimestampAssigner<T>;
  #splitOutputs: SplitLocalOutputs<T> | undefined;
  #mainOutput: SourceOutputWithWatermarks<T> | undefined;
  #cancelTimer: Cancel | undefined;

  constructor(options: ProgressiveEventTimeOptions<T>) {
    this.#options = options;
    this.#assigner = options.strategy.createTimestampAssigner({
      inputActivityClock: options.mainInputActivityClock,
    });
  }

  createMainOutput(output: DataOutput<T>, listener: WatermarkUpdateListener): ReaderOutput<T> {
    checkState(this.#mainOutput === undefined, "there is already a main output");
    const { strategy, processingTime, mainInputActivityClock, backPressure } = this.#options;
    const idleness = new IdlenessManager(
      new WatermarkToDataOutput(output as DataOutput<never>, listener),
    );
    const splits = new SplitLocalOutputs({
      records: output,
      watermarks: idleness.splitLocalOutput,
      listener,
      assigner: this.#assigner,
      strategy,
      clock: processingTime,
      backPressure,
    });
    const main = new StreamingReaderOutput(
      splits,
      output,
      { onEvent: idleness.mainOutput, periodic: idleness.mainOutput },
      this.#assigner,
      strategy.createWatermarkGenerator({ inputActivityClock: mainInputActivityClock }),
    );
    this.#splitOutputs = splits;
    this.#mainOutput = main;
    return main;
  }

  startPeriodicWatermarkEmits(): void {
    checkState(this.#cancelTimer === undefined, "periodic watermarks have been started already");
    const interval = this.#options.autoWatermarkInterval;
    if (interval === 0) return;
    this.#cancelTimer = this.#options.processingTime.scheduleWithFixedDelay(
      () => this.emitImmediateWatermark(),
      interval,
      interval,
    );
  }

  stopPeriodicWatermarkEmits(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  emitImmediateWatermark(): void {
    this.#splitOutputs?.emitPeriodicWatermark();
    this.#mainOutput?.emitPeriodicWatermark();
  }

  pauseOrResumeSplits(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    this.#splitOutputs?.pauseOrResumeSplits(splitsToPause, splitsToResume);
  }
}

class StreamingReaderOutput<T> extends SourceOutputWithWatermarks<T> implements ReaderOutput<T> {
  readonly #splits: SplitLocalOutputs<T>;

  constructor(
    splits: SplitLocalOutputs<T>,
    ...rest: ConstructorParameters<typeof SourceOutputWithWatermarks<T>>
  ) {
    super(...rest);
    this.#splits = splits;
  }

  createOutputForSplit(splitId: string): SourceOutput<T> {
    return this.#splits.createOutputForSplit(splitId);
  }

  releaseOutputForSplit(splitId: string): void {
    this.#splits.releaseOutputForSplit(splitId);
  }
}
