import type { OperatorToCoordinatorEvent } from "../api/operator-event.js";
import type { Watermark } from "../api/watermark.js";
import { MAX_WATERMARK, MIN_TIMESTAMP } from "../eventtime/watermark-bounds.js";
import type { Cancel, ProcessingTimeService } from "../mailbox/ports.js";

/**
 * Tells the coordinator how far the operator's event time is, for alignment (FLIP-182; in Flink
 * `SourceOperator.emitLatestWatermark`).
 *
 * Owns: the latest watermark, whether the output is idle, and the report timer.
 * Called by: the source operator, in its loop.
 * Invariants: nothing is reported before there is a watermark; an idle operator reports Infinity, so
 * that it holds nobody back.
 */
export class WatermarkReports {
  latestWatermark: Watermark = MIN_TIMESTAMP;
  idle = false;
  readonly #send: (event: OperatorToCoordinatorEvent) => void;
  #cancel: Cancel | undefined;

  constructor(send: (event: OperatorToCoordinatorEvent) => void) {
    this.#send = send;
  }

  /** Reports every `interval` milliseconds from now on. */
  start(processingTime: ProcessingTimeService, interval: number): void {
    this.#cancel = processingTime.scheduleWithFixedDelay(() => this.report(), interval, interval);
  }

  report(): void {
    if (this.latestWatermark === MIN_TIMESTAMP) return;
    const watermark = this.idle ? MAX_WATERMARK : this.latestWatermark;
    this.#send({ type: "ReportedWatermark", watermark });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
