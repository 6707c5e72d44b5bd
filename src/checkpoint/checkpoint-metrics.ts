import type { Counter, MetricGroup } from "../api/metrics.js";
import type { CompletedCheckpoint } from "./checkpoint-data.js";

/** A checkpoint coordinator's metrics under Flink's names (`DefaultCheckpointStatsTracker`). */
export class CheckpointMetrics {
  readonly #completed: Counter;
  readonly #failed: Counter;
  /** Before the first checkpoint Flink reports -1. */
  #duration = -1;
  #size = -1;
  #lastId = -1;

  constructor(group: MetricGroup, inProgress: () => number) {
    this.#completed = group.counter("numberOfCompletedCheckpoints");
    this.#failed = group.counter("numberOfFailedCheckpoints");
    group.gauge("numberOfInProgressCheckpoints", inProgress);
    group.gauge("lastCheckpointDuration", () => this.#duration);
    group.gauge("lastCheckpointSize", () => this.#size);
    group.gauge("lastCompletedCheckpointId", () => this.#lastId);
  }

  /** `duration` in milliseconds, from the trigger until it was durable. */
  completed(checkpoint: CompletedCheckpoint, duration: number): void {
    this.#completed.inc();
    this.#duration = duration;
    this.#size = checkpoint.bytes;
    this.#lastId = checkpoint.checkpointId;
  }

  failed(): void {
    this.#failed.inc();
  }
}
