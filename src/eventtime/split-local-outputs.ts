import type { DataOutput } from "../api/data-output.js";
import type { SourceOutput } from "../api/source-reader.js";
import type {
  RelativeClock,
  TimestampAssigner,
  WatermarkOutput,
  WatermarkStrategy,
} from "../api/watermark.js";
import { illegalState } from "../errors/index.js";
import type { BackPressuredClocks } from "./back-pressured-clocks.js";
import { PausableRelativeClock } from "./pausable-relative-clock.js";
import { SourceOutputWithWatermarks } from "./source-output-with-watermarks.js";
import { WatermarkOutputMultiplexer } from "./watermark-output-multiplexer.js";
import type { WatermarkUpdateListener } from "./watermark-update-listener.js";

/** What the outputs of splits have in common. */
export interface SplitLocalOutputsOptions<T> {
  readonly records: DataOutput<T>;
  /** Where the combined watermark of all splits goes. */
  readonly watermarks: WatermarkOutput;
  readonly listener: WatermarkUpdateListener;
  readonly assigner: TimestampAssigner<T>;
  readonly strategy: WatermarkStrategy<T>;
  readonly clock: RelativeClock;
  readonly backPressure: BackPressuredClocks;
}

interface SplitLocalOutput<T> {
  readonly output: SourceOutputWithWatermarks<T>;
  readonly clock: PausableRelativeClock;
}

/**
 * The outputs of the splits, with a generator and an activity clock each (Flink
 * `SplitLocalOutputs`).
 *
 * Owns: the outputs and their clocks. Called by: the reader and the operator, in the operator's loop.
 */
export class SplitLocalOutputs<T> {
  readonly #options: SplitLocalOutputsOptions<T>;
  readonly #multiplexer: WatermarkOutputMultiplexer;
  readonly #outputs = new Map<string, SplitLocalOutput<T>>();

  constructor(options: SplitLocalOutputsOptions<T>) {
    this.#options = options;
    this.#multiplexer = new WatermarkOutputMultiplexer(options.watermarks);
  }

  createOutputForSplit(splitId: string): SourceOutput<T> {
    const previous = this.#outputs.get(splitId);
    if (previous !== undefined) return previous.output;
    const { records, assigner, strategy, listener, backPressure } = this.#options;
    const clock = new PausableRelativeClock(this.#options.clock);
    backPressure.add(clock);
    this.#multiplexer.registerNewOutput(splitId, listener.splitListener(splitId));
    const output = new SourceOutputWithWatermarks(
      records,
      {
        onEvent: this.#multiplexer.getImmediateOutput(splitId),
        periodic: this.#multiplexer.getDeferredOutput(splitId),
      },
      assigner,
      strategy.createWatermarkGenerator({ inputActivityClock: clock }),
    );
    this.#outputs.set(splitId, { output, clock });
    return output;
  }

  /** Throws ILLEGAL_STATE for a split without an output: the reader has finished it twice. */
  releaseOutputForSplit(splitId: string): void {
    const split = this.#outputs.get(splitId);
    this.#options.listener.splitFinished(splitId);
    if (split === undefined) throw illegalState(`split ${splitId} has no output to release`);
    this.#outputs.delete(splitId);
    this.#multiplexer.unregisterOutput(splitId);
    this.#options.backPressure.remove(split.clock);
  }

  /** Every generator first, the combination last: it needs to be made only once. */
  emitPeriodicWatermark(): void {
    for (const split of this.#outputs.values()) split.output.emitPeriodicWatermark();
    this.#multiplexer.onPeriodicEmit();
  }

  /** Stops and starts the activity clocks: a paused split must not become idle. */
  pauseOrResumeSplits(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    for (const splitId of splitsToPause) this.#outputs.get(splitId)?.clock.pause();
    for (const splitId of splitsToResume) this.#outputs.get(splitId)?.clock.unPause();
  }
}
