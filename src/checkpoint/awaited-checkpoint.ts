import type { ActorContext, Cancel } from "../mailbox/index.js";
import type { CheckpointCoordinatorOptions } from "./checkpoint-coordinator-options.js";
import type { AwaitedCheckpointDue, CheckpointCoordinatorEvent } from "./checkpoint-event.js";

type Options = Pick<CheckpointCoordinatorOptions, "minPause" | "awaitedByNewAttempts">;

/** After a checkpoint that was waited for and aborted, in milliseconds; doubled with each in a row. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 10_000;

/**
 * Owns: whether a subtask waits for a checkpoint that the schedule does not bring soon, and when it is
 * tried again. Called by: the checkpoint coordinator, in its loop.
 * Invariants: at most one timer; whoever waits while a checkpoint is taken waits for the next one.
 */
export class AwaitedCheckpoint {
  readonly #context: Pick<ActorContext, "postAfter">;
  readonly #options: Options;
  #isDue = false;
  /** The pending checkpoint is one that is waited for. */
  #isPending = false;
  #abortedInARow = 0;
  #cancelTimer: Cancel | undefined;

  constructor(context: Pick<ActorContext, "postAfter">, options: Options) {
    this.#context = context;
    this.#options = options;
  }

  /** Whether one is to be triggered as soon as possible. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** A subtask has finished and waits for its final state to be stored, or a new one to read. */
  heard(event: CheckpointCoordinatorEvent): void {
    this.#isDue ||=
      (event.type === "SubtaskFinished" && event.awaits !== undefined) ||
      (event.type === "SubtaskRunning" && this.#options.awaitedByNewAttempts === true);
  }

  /** A checkpoint is being taken that completes for everybody who waits so far. */
  triggered(): void {
    this.#isPending = this.#isDue || this.#cancelTimer !== undefined;
    this.#isDue = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  completed(): void {
    this.#isPending = false;
    this.#abortedInARow = 0;
  }

  /** Not at once: what has aborted one may abort the next. */
  aborted(): void {
    if (!this.#isPending) return;
    this.#isPending = false;
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#abortedInARow++, LONGEST_PAUSE);
    this.#cancelTimer = this.#context.postAfter(Math.max(pause, this.#options.minPause ?? 0), {
      type: "AwaitedCheckpointDue",
    } satisfies AwaitedCheckpointDue);
  }

  timerFired(): void {
    // One that was cancelled may have been on its way.
    if (this.#cancelTimer === undefined) return;
    this.#cancelTimer = undefined;
    this.#isDue = true;
  }
}
