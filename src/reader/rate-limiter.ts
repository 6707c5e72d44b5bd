import type { SourceSplit } from "../api/source-split.js";
import { illegalArgument } from "../errors/index.js";
import { AVAILABLE, type Availability, AvailabilityFuture } from "../mailbox/availability.js";
import type { ProcessingTimeService } from "../mailbox/ports.js";

/** Says when the next records may be emitted (Flink `RateLimiter`); called in the operator's loop. */
export interface RateLimiter<SplitT extends SourceSplit = SourceSplit> {
  /** Takes permits for records that were emitted; the next record waits until it is done. */
  acquire(records: number): Availability;
  notifyCheckpointComplete?(checkpointId: number): void;
  /** The reader turns to this split. */
  notifyAddingSplit?(split: SplitT): void;
}

/** Makes the rate limiter of one subtask (Flink `RateLimiterStrategy`, FLIP-535). */
export interface RateLimiterStrategy<SplitT extends SourceSplit = SourceSplit> {
  createRateLimiter(
    parallelism: number,
    processingTime: ProcessingTimeService,
  ): RateLimiter<SplitT>;
}

/** At most this many records a second in all subtasks together; each has an equal share. */
export function perSecond(recordsPerSecond: number): RateLimiterStrategy {
  if (!(recordsPerSecond > 0)) {
    throw illegalArgument(`recordsPerSecond is a number > 0, not ${recordsPerSecond}`);
  }
  return {
    createRateLimiter: (parallelism, processingTime) =>
      new TimedRateLimiter(recordsPerSecond / parallelism, processingTime),
  };
}

/** At most this many records between two completed checkpoints in all subtasks together. */
export function perCheckpoint(recordsPerCheckpoint: number): RateLimiterStrategy {
  return {
    createRateLimiter: (parallelism) => {
      const share = Math.floor(recordsPerCheckpoint / parallelism);
      if (!(share > 0)) {
        throw illegalArgument(
          `recordsPerCheckpoint (${recordsPerCheckpoint}) is at least the parallelism (${parallelism})`,
        );
      }
      return new GatedRateLimiter(share);
    },
  };
}

/** No limit. */
export function noOp(): RateLimiterStrategy {
  return { createRateLimiter: () => ({ acquire: () => AVAILABLE }) };
}

/**
 * Spreads permits evenly over time; what was not used lately, at most one second's worth, may be
 * used at once. Who takes permits does not wait for them: the next one does (Guava `SmoothBursty`).
 */
class TimedRateLimiter implements RateLimiter {
  readonly #processingTime: ProcessingTimeService;
  readonly #msPerPermit: number;
  readonly #maxStored: number;
  #stored = 0;
  /** When the next permit may be taken, in relative time. */
  #nextFree: number;

  constructor(permitsPerSecond: number, processingTime: ProcessingTimeService) {
    this.#processingTime = processingTime;
    this.#msPerPermit = 1000 / permitsPerSecond;
    this.#maxStored = permitsPerSecond;
    this.#nextFree = processingTime.relativeTime();
  }

  acquire(records: number): Availability {
    const now = this.#processingTime.relativeTime();
    if (now > this.#nextFree) {
      const earned = (now - this.#nextFree) / this.#msPerPermit;
      this.#stored = Math.min(this.#maxStored, this.#stored + earned);
      this.#nextFree = now;
    }
    const wait = this.#nextFree - now;
    const fromStore = Math.min(records, this.#stored);
    this.#stored -= fromStore;
    this.#nextFree += (records - fromStore) * this.#msPerPermit;
    if (wait <= 0) return AVAILABLE;
    const permission = new AvailabilityFuture();
    this.#processingTime.registerTimer(wait, () => permission.complete());
    return permission;
  }
}

/** Opens anew with each completed checkpoint (Flink `GatedRateLimiter`). */
class GatedRateLimiter implements RateLimiter {
  readonly #capacity: number;
  #left: number;
  #closed: { readonly future: AvailabilityFuture; records: number } | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#left = capacity;
  }

  acquire(records: number): Availability {
    if (this.#closed !== undefined) {
      this.#closed.records += records;
      return this.#closed.future;
    }
    if (this.#left <= 0) {
      this.#closed = { future: new AvailabilityFuture(), records };
      return this.#closed.future;
    }
    this.#left -= records;
    return AVAILABLE;
  }

  notifyCheckpointComplete(): void {
    this.#left = this.#capacity;
    const closed = this.#closed;
    if (closed === undefined) return;
    this.#closed = undefined;
    this.#left -= closed.records;
    closed.future.complete();
  }
}
