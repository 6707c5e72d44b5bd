import type { Counter } from "../api/metrics.js";
import { errorFields, type JobLog } from "../logging/index.js";
import type { CheckpointCoordinatorOptions } from "./checkpoint-coordinator-options.js";
import type { CompletedCheckpoint } from "./checkpoint-data.js";

/**
 * A checkpoint coordinator's metrics under Flink's names (`DefaultCheckpointStatsTracker`), and its
 * lines in the job's log.
 */
export class CheckpointMetrics {
  readonly #completed: Counter;
  readonly #failed: Counter;
  readonly #log: JobLog | undefined;
  /** Before the first checkpoint Flink reports -1. */
  #duration = -1;
  #size = -1;
  #lastId = -1;

  constructor(
    { metricGroup: group, log }: Pick<CheckpointCoordinatorOptions, "metricGroup" | "log">,
    inProgress: () => number,
  ) {
    this.#log = log;
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
    const { checkpointId, kind, location, bytes } = checkpoint;
    this.#log?.write("debug", "checkpoint completed", {
      checkpointId,
      kind,
      location,
      bytes,
      duration,
    });
  }

  failed(checkpointId: number, error: unknown): void {
    this.#failed.inc();
    this.#log?.write("warn", "checkpoint failed", { checkpointId, err: errorFields(error) });
  }
}
