import type { MetricGroup } from "../api/metrics.js";
import type { RelativeClock, Watermark } from "../api/watermark.js";
import { TimerGauge } from "./timer-gauge.js";

/**
 * The metrics of one split: `split.<id>` with its watermark and how long it has been idle, paused and
 * active (Flink `InternalSourceSplitMetricGroup`).
 *
 * Owns: the group and its two timers. Called by: the operator's loop, and when metrics are read.
 * Invariants: a split is never counted as idle and paused at once.
 */
export class SplitMetrics {
  readonly #group: MetricGroup;
  readonly #idle: TimerGauge;
  readonly #paused: TimerGauge;

  constructor(
    parent: MetricGroup,
    splitId: string,
    clock: RelativeClock,
    currentWatermark: () => Watermark,
  ) {
    const group = parent.group("split", splitId);
    const idle = new TimerGauge(clock);
    const paused = new TimerGauge(clock);
    const started = clock.relativeTime();
    this.#group = group;
    this.#idle = idle;
    this.#paused = paused;
    group.gauge("currentWatermark", currentWatermark);
    group.gauge("idleTimeMsPerSecond", () => idle.perSecond);
    group.gauge("pausedTimeMsPerSecond", () => paused.perSecond);
    group.gauge("activeTimeMsPerSecond", () =>
      Math.max(0, 1000 - idle.perSecond - paused.perSecond),
    );
    group.gauge("accumulatedIdleTimeMs", () => idle.accumulated);
    group.gauge("accumulatedPausedTimeMs", () => paused.accumulated);
    group.gauge("accumulatedActiveTimeMs", () =>
      Math.max(0, clock.relativeTime() - started - idle.accumulated - paused.accumulated),
    );
  }

  /** A split that is paused has emitted records, so it is no longer idle. */
  markPaused(): void {
    this.#idle.markEnd();
    this.#paused.markStart();
  }

  markNotPaused(): void {
    this.#paused.markEnd();
  }

  /** A split that is idle has no records, so nothing of it is paused. */
  markIdle(): void {
    this.#paused.markEnd();
    this.#idle.markStart();
  }

  markNotIdle(): void {
    this.#idle.markEnd();
  }

  /** Unregisters everything. */
  close(): void {
    this.#group.close();
  }
}
