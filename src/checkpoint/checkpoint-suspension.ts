import type { ActorContext, Address, Cancel } from "../mailbox/index.js";
import type { CompletedCheckpoint } from "./checkpoint-data.js";
import type { CheckpointsSuspended, SuspendTimedOut } from "./checkpoint-event.js";
import type { CheckpointStoring } from "./checkpoint-storing.js";

/** How long a restart waits for a storage that does not answer, in milliseconds. */
const SUSPEND_TIMEOUT = 10_000;

/**
 * Owns: who waits to hear that checkpoints are suspended. Called by: the checkpoint coordinator, in
 * its loop.
 * Invariants: it is said when the storage neither writes nor deletes any more, or after 10 s. An
 * aborted checkpoint may still be on its way to the storage, while the restart aborts what writers
 * had prepared for it: a process that died then would resume from it.
 */
export class CheckpointSuspension {
  readonly #context: ActorContext;
  readonly #storing: CheckpointStoring;
  #replyTo: Address | undefined;
  #isSuspended = false;
  #cancelTimeout: Cancel | undefined;
  /** So that the timer of an earlier one is not taken for this one's. */
  #number = 0;

  constructor(context: ActorContext, storing: CheckpointStoring) {
    this.#context = context;
    this.#storing = storing;
  }

  asked(replyTo: Address | undefined): void {
    this.#replyTo = replyTo;
  }

  resumed(): void {
    this.#replyTo = undefined;
    this.#isSuspended = false;
    this.#cancelTimeout?.();
    this.#cancelTimeout = undefined;
  }

  /** Nothing is pending any more. */
  suspended(lastCheckpoint: CompletedCheckpoint | undefined): void {
    this.#isSuspended = true;
    if (this.#replyTo === undefined) return;
    if (this.#storing.isQuiet) {
      this.#confirm(lastCheckpoint);
      return;
    }
    this.#cancelTimeout?.();
    this.#cancelTimeout = this.#context.postAfter(SUSPEND_TIMEOUT, {
      type: "SuspendTimedOut",
      suspension: ++this.#number,
    } satisfies SuspendTimedOut);
  }

  /** The storage has answered. */
  settled(lastCheckpoint: CompletedCheckpoint | undefined): void {
    if (this.#isSuspended && this.#storing.isQuiet) this.#confirm(lastCheckpoint);
  }

  timedOut(suspension: number, lastCheckpoint: CompletedCheckpoint | undefined): void {
    if (this.#isSuspended && suspension === this.#number) this.#confirm(lastCheckpoint);
  }

  #confirm(lastCheckpoint: CompletedCheckpoint | undefined): void {
    const replyTo = this.#replyTo;
    this.#replyTo = undefined;
    this.#cancelTimeout?.();
    this.#cancelTimeout = undefined;
    if (replyTo === undefined) return;
    const type: CheckpointsSuspended["type"] = "CheckpointsSuspended";
    this.#context.post(replyTo, { type, lastCheckpoint });
  }
}
