import type { MetricGroup } from "../api/metrics.js";
import type { RelativeClock, Watermark } from "../api/watermark.js";

/** What the operator's metrics show. */
export interface OperatorMetricsSource {
  readonly latestWatermark: Watermark;
  readonly maxDesiredWatermark: Watermark;
}

/**
 * The metrics of a source operator (Flink `InternalSourceReaderMetricGroup`, FLIP-33):
 * `currentOutputWatermark`, `watermarkAlignmentDrift` (how far it is past its limit, negative within
 * it; 0 without one) and `sourceIdleTime`, both in milliseconds.
 *
 * Owns: since when the source has had nothing. Called by: the operator's loop, once a poll at most.
 */
export class OperatorMetrics {
  readonly #clock: RelativeClock;
  #idleSince: number | undefined;

  constructor(group: MetricGroup, clock: RelativeClock, source: OperatorMetricsSource) {
    this.#clock = clock;
    group.gauge("currentOutputWatermark", () => source.latestWatermark);
    group.gauge("watermarkAlignmentDrift", () => {
      const drift = source.latestWatermark - source.maxDesiredWatermark;
      return Number.isFinite(drift) ? drift : 0;
    });
    group.gauge("sourceIdleTime", () =>
      this.#idleSince === undefined ? 0 : clock.relativeTime() - this.#idleSince,
    );
  }

  idlingStarted(): void {
    this.#idleSince ??= this.#clock.relativeTime();
  }

  recordEmitted(): void {
    this.#idleSince = undefined;
  }
}
