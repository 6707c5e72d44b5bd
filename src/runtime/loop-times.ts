import type { MetricGroup } from "../api/metrics.js";
import type { Clock } from "../mailbox/index.js";
import { TimerGauge } from "../operator/timer-gauge.js";
import { RecordRate } from "./record-rate.js";

/**
 * What a subtask does with its time (Flink `TaskIOMetricGroup`): it waits for input, or for the sink,
 * or is busy; per second over the last minute, and in all.
 *
 * Owns: two timers and the rate of records. Called by: the subtask's loop, at most twice a slice, and
 * when metrics are read. Invariants: it is never counted as idle and back-pressured at once.
 */
export class LoopTimes {
  readonly #clock: Clock;
  readonly #started: number;
  readonly #idle: TimerGauge;
  readonly #backPressured: TimerGauge;
  readonly #rate: RecordRate;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#started = clock.relativeTime();
    this.#idle = new TimerGauge(clock);
    this.#backPressured = new TimerGauge(clock);
    this.#rate = new RecordRate(this.#started);
  }

  idlingStarted(): void {
    this.#idle.markStart();
  }

  idlingEnded(): void {
    this.#idle.markEnd();
  }

  markBackPressured(backPressured: boolean): void {
    if (backPressured) this.#backPressured.markStart();
    else this.#backPressured.markEnd();
  }

  /** Takes the count of records for the rate; a few times a second is enough. */
  sample(records: number): void {
    this.#rate.sample(this.#clock.relativeTime(), records);
  }

  register(group: MetricGroup, records: () => number): void {
    const idle = this.#idle;
    const held = this.#backPressured;
    group.gauge("idleTimeMsPerSecond", () => idle.perSecond);
    group.gauge("backPressuredTimeMsPerSecond", () => held.perSecond);
    group.gauge("busyTimeMsPerSecond", () => Math.max(0, 1000 - idle.perSecond - held.perSecond));
    group.gauge("accumulateIdleTimeMs", () => idle.accumulated);
    group.gauge("accumulateBackPressuredTimeMs", () => held.accumulated);
    group.gauge("accumulateBusyTimeMs", () =>
      Math.max(0, this.#clock.relativeTime() - this.#started - idle.accumulated - held.accumulated),
    );
    group.gauge("numRecordsOutPerSecond", () =>
      this.#rate.perSecond(this.#clock.relativeTime(), records()),
    );
  }
}
