import type { ActorContext, Cancel } from "../mailbox/index.js";
import type { PeriodicTriggerDue } from "./checkpoint-event.js";

/** How often periodic checkpoints are due, in milliseconds. */
export interface CheckpointScheduleOptions {
  /** Undefined: never. */
  readonly interval: number | undefined;
  /** While any source is in backlog; 0: never. */
  readonly intervalDuringBacklog: number | undefined;
  /** From the end of one checkpoint to the start of the next periodic one. */
  readonly minPause: number;
}

/**
 * Owns: when the next periodic checkpoint is due (Flink `CheckpointCoordinator.ScheduledTrigger`).
 * Called by: the checkpoint coordinator, in its loop.
 * Invariants: at most one timer; the due time outlives `stop`, so that a job which restarts more
 * often than the interval still gets its checkpoint.
 *
 * The first is due one interval after the start. Flink waits a random part of it, to spread many
 * jobs of a cluster; there is one job here.
 */
export class CheckpointSchedule {
  readonly #context: ActorContext;
  readonly #options: CheckpointScheduleOptions;
  readonly #backlog = new Set<string>();
  #cancelTimer: Cancel | undefined;
  #isRunning = false;
  #schedule = 0;
  #nextDue: number | undefined;
  #lastEnd = Number.NEGATIVE_INFINITY;

  constructor(context: ActorContext, options: CheckpointScheduleOptions) {
    this.#context = context;
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
    const interval = this.#interval();
    if (interval === undefined) return;
    this.#nextDue ??= this.#now() + interval;
    this.#arm();
  }

  stop(): void {
    this.#isRunning = false;
    this.#disarm();
  }

  /** A checkpoint has ended, completed or not. */
  checkpointEnded(): void {
    this.#lastEnd = this.#now();
  }

  /** Takes the interval that the sources' backlog asks for; a due time that is near is kept. */
  backlogChanged(pipeline: string, isProcessingBacklog: boolean): void {
    if (isProcessingBacklog) this.#backlog.add(pipeline);
    else this.#backlog.delete(pipeline);
    const interval = this.#interval();
    if (interval === undefined) {
      this.#nextDue = undefined;
      this.#disarm();
      return;
    }
    const due = this.#now() + interval;
    if (this.#nextDue !== undefined && this.#nextDue <= due) return;
    this.#nextDue = due;
    if (this.#isRunning) this.#arm();
  }

  /**
   * Whether a checkpoint shall be triggered now; arms the next one. `isIdle` says whether it could
   * be: one that is due while another is taken is skipped.
   */
  due(event: PeriodicTriggerDue, isIdle: boolean): boolean {
    if (event.schedule !== this.#schedule || !this.#isRunning) return false;
    const interval = this.#interval();
    if (interval === undefined) return false;
    const now = this.#now();
    const pauseLeft = this.#lastEnd + this.#options.minPause - now;
    if (isIdle && pauseLeft > 0) {
      this.#nextDue = now + pauseLeft;
      this.#arm();
      return false;
    }
    const next = (this.#nextDue ?? now) + interval;
    this.#nextDue = next > now ? next : now + interval;
    this.#arm();
    return isIdle;
  }

  #interval(): number | undefined {
    const { interval, intervalDuringBacklog, minPause } = this.#options;
    if (interval === undefined) return undefined;
    if (this.#backlog.size === 0) return Math.max(interval, minPause);
    const during = intervalDuringBacklog ?? interval;
    return during === 0 ? undefined : Math.max(during, minPause);
  }

  #arm(): void {
    this.#disarm();
    const schedule = ++this.#schedule;
    const delay = Math.max(0, (this.#nextDue ?? 0) - this.#now());
    this.#cancelTimer = this.#context.postAfter(delay, {
      type: "PeriodicTriggerDue",
      schedule,
    } satisfies PeriodicTriggerDue);
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    // An event of the timer that is in the mailbox already must not count.
    this.#schedule++;
  }

  #now(): number {
    return this.#context.clock.relativeTime();
  }
}
