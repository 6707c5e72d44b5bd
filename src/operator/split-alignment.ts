import type { MetricGroup } from "../api/metrics.js";
import type { RelativeClock, Watermark } from "../api/watermark.js";
import type { SplitWatermarkListener } from "../eventtime/partial-watermark.js";
import { MAX_WATERMARK, MIN_TIMESTAMP } from "../eventtime/watermark-bounds.js";
import { SplitMetrics } from "./split-metrics.js";

/** What the splits of one operator share. */
export interface SplitAlignmentOptions {
  readonly metricGroup: MetricGroup;
  readonly clock: RelativeClock;
  /** Pauses and resumes in the reader and in event time; may throw, and then nothing has changed. */
  readonly pauseOrResumeSplits: (
    splitsToPause: readonly string[],
    splitsToResume: readonly string[],
  ) => boolean;
}

/**
 * Holds splits that are ahead of their alignment group, one by one (FLIP-217; in Flink part of
 * `SourceOperator`).
 *
 * Owns: the watermark, idleness and pause of every split, its metrics, and the limit.
 * Called by: the operator's loop, for each split watermark; a split's own object is the listener of
 * its output, so a record costs no look-up.
 * Invariants: an idle split is not paused or resumed until it is active again; a finished split is in
 * none of the collections (Flink leaves it among the paused).
 */
export class SplitAlignment {
  readonly options: SplitAlignmentOptions;
  readonly pausedSplits = new Set<string>();
  readonly idleSplits = new Set<string>();
  /** No split may read past this watermark; Infinity without a limit. */
  maxDesiredWatermark: Watermark = MAX_WATERMARK;
  readonly #splits = new Map<string, SplitStatus>();

  constructor(options: SplitAlignmentOptions) {
    this.options = options;
  }

  /** The split's status, made and registered with its metrics when it is new. */
  split(splitId: string): SplitStatus {
    let status = this.#splits.get(splitId);
    if (status === undefined) {
      status = new SplitStatus(splitId, this);
      this.#splits.set(splitId, status);
    }
    return status;
  }

  /** The splits that have a watermark. */
  get splitWatermarks(): ReadonlyMap<string, Watermark> {
    const watermarks = new Map<string, Watermark>();
    for (const split of this.#splits.values()) {
      if (split.watermark > MIN_TIMESTAMP) watermarks.set(split.splitId, split.watermark);
    }
    return watermarks;
  }

  get numberOfSplits(): number {
    return this.#splits.size;
  }

  /** Some splits for people to look at: the first that have a watermark, oldest first. */
  *someSplits(limit: number): Generator<SplitStatus> {
    let left = limit;
    for (const split of this.#splits.values()) {
      if (split.watermark === MIN_TIMESTAMP) continue;
      if (left-- <= 0) return;
      yield split;
    }
  }

  /** `known` hears of it, unless the split is not known. */
  splitFinished(splitId: string, known?: (splitId: string) => void): void {
    const status = this.#splits.get(splitId);
    if (status === undefined) return;
    known?.(splitId);
    this.#splits.delete(splitId);
    this.pausedSplits.delete(splitId);
    this.idleSplits.delete(splitId);
    status.finish();
  }

  /** Pauses what is past the limit and resumes what is not, all in one call to the reader. */
  checkSplitWatermarkAlignment(): void {
    const splitsToPause: string[] = [];
    const splitsToResume: string[] = [];
    for (const { splitId, watermark } of this.#splits.values()) {
      if (this.idleSplits.has(splitId)) continue;
      const paused = this.pausedSplits.has(splitId);
      if (watermark > this.maxDesiredWatermark) {
        if (!paused) splitsToPause.push(splitId);
      } else if (paused) {
        splitsToResume.push(splitId);
      }
    }
    if (splitsToPause.length > 0 || splitsToResume.length > 0) {
      this.pauseOrResume(splitsToPause, splitsToResume);
    }
  }

  /** A split that the reader could not pause is listed as paused all the same, as in Flink. */
  pauseOrResume(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    if (this.options.pauseOrResumeSplits(splitsToPause, splitsToResume)) {
      for (const splitId of splitsToResume) this.split(splitId).metrics.markNotPaused();
      for (const splitId of splitsToPause) this.split(splitId).metrics.markPaused();
    }
    for (const splitId of splitsToPause) this.pausedSplits.add(splitId);
    for (const splitId of splitsToResume) this.pausedSplits.delete(splitId);
  }

  close(): void {
    for (const split of this.#splits.values()) split.metrics.close();
  }
}

/** One split of `SplitAlignment`, listening to its own output. */
export class SplitStatus implements SplitWatermarkListener {
  readonly splitId: string;
  readonly metrics: SplitMetrics;
  readonly #alignment: SplitAlignment;
  #watermark: Watermark = MIN_TIMESTAMP;
  #idle = false;
  #finished = false;

  constructor(splitId: string, alignment: SplitAlignment) {
    this.splitId = splitId;
    this.#alignment = alignment;
    const { metricGroup, clock } = alignment.options;
    this.metrics = new SplitMetrics(metricGroup, splitId, clock, () => this.#watermark);
  }

  get watermark(): Watermark {
    return this.#watermark;
  }

  onWatermarkUpdate(watermark: Watermark): void {
    this.#watermark = watermark;
    if (!this.#idle) this.#maybePause();
  }

  onIdleUpdate(idle: boolean): void {
    if (idle === this.#idle || this.#finished) return;
    this.#idle = idle;
    if (idle) {
      this.#alignment.idleSplits.add(this.splitId);
      this.metrics.markIdle();
    } else {
      this.#alignment.idleSplits.delete(this.splitId);
      this.metrics.markNotIdle();
      // While it was idle the alignment check passed it over.
      this.#maybePause();
    }
  }

  /** The reader may keep the output of a finished split: it has no effect any more. */
  finish(): void {
    this.#finished = true;
    this.metrics.close();
  }

  #maybePause(): void {
    if (!(this.#watermark > this.#alignment.maxDesiredWatermark) || this.#finished) return;
    if (this.#alignment.pausedSplits.has(this.splitId)) return;
    this.#alignment.pauseOrResume([this.splitId], []);
  }
}
