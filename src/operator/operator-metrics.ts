import type { MetricGroup } from "../api/metrics.js";
import type { Timestamp, Watermark } from "../api/watermark.js";
import type { ProcessingTimeService } from "../mailbox/ports.js";

/** What the operator's metrics show. */
export interface OperatorMetricsSource {
  readonly latestWatermark: Watermark;
  readonly maxDesiredWatermark: Watermark;
}

/** What they are made with. */
export interface OperatorMetricsOptions {
  readonly metricGroup: MetricGroup;
  readonly processingTime: ProcessingTimeService;
  readonly lastEmittedTimestamp?: () => Timestamp;
}

/** What Flink reports where there is no value. */
const UNDEFINED = -1;

/**
 * The metrics of a source operator (Flink `InternalSourceReaderMetricGroup`, FLIP-33):
 * `currentOutputWatermark`, `watermarkAlignmentDrift` (how far it is past its limit, negative within
 * it; 0 without one), `sourceIdleTime`, `watermarkLag` and `currentEmitEventTimeLag`, in milliseconds.
 *
 * A lag is measured when it is read: until now while the source is busy, until idling began while it
 * is idle, as in Flink.
 *
 * Owns: since when the source has had nothing. Called by: the operator's loop, once a poll at most.
 */
export class OperatorMetrics {
  readonly #clock: ProcessingTimeService;
  #idleSince: number | undefined;

  constructor(options: OperatorMetricsOptions, source: OperatorMetricsSource) {
    const { metricGroup: group, processingTime: clock, lastEmittedTimestamp } = options;
    this.#clock = clock;
    group.gauge("currentOutputWatermark", () => source.latestWatermark);
    group.gauge("watermarkAlignmentDrift", () => {
      const drift = source.latestWatermark - source.maxDesiredWatermark;
      return Number.isFinite(drift) ? drift : 0;
    });
    group.gauge("sourceIdleTime", () => this.#idleTime);
    group.gauge("watermarkLag", () => this.#lagOf(source.latestWatermark));
    if (lastEmittedTimestamp !== undefined) {
      group.gauge("currentEmitEventTimeLag", () => this.#lagOf(lastEmittedTimestamp()));
    }
  }

  idlingStarted(): void {
    this.#idleSince ??= this.#clock.relativeTime();
  }

  recordEmitted(): void {
    this.#idleSince = undefined;
  }

  get #idleTime(): number {
    return this.#idleSince === undefined ? 0 : this.#clock.relativeTime() - this.#idleSince;
  }

  #lagOf(time: Timestamp): number {
    return Number.isFinite(time) ? this.#clock.now() - this.#idleTime - time : UNDEFINED;
  }
}
