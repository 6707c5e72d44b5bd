import type { CommitRequest } from "../api/sink.js";

/** What came of one request. */
export type CommitOutcome = "COMMITTED" | "ALREADY_COMMITTED" | "DROPPED" | "FAILED" | "RETRY";

/** One committable on its way to the committer, any number of times. */
export class PendingCommit implements CommitRequest<unknown> {
  #committable: unknown;
  #outcome: CommitOutcome = "COMMITTED";
  #reason: unknown;
  #numberOfRetries = 0;

  constructor(committable: unknown) {
    this.#committable = committable;
  }

  get committable(): unknown {
    return this.#committable;
  }

  get numberOfRetries(): number {
    return this.#numberOfRetries;
  }

  get outcome(): CommitOutcome {
    return this.#outcome;
  }

  /** Why it was dropped or has failed. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Before the committer gets it again. */
  beginRetry(): void {
    this.#numberOfRetries++;
    this.#outcome = "COMMITTED";
  }

  alreadyCommitted(): void {
    this.#outcome = "ALREADY_COMMITTED";
  }

  failedWithKnownReason(reason: unknown): void {
    this.#outcome = "DROPPED";
    this.#reason = reason;
  }

  failedWithUnknownReason(reason: unknown): void {
    this.#outcome = "FAILED";
    this.#reason = reason;
  }

  retryLater(): void {
    this.#outcome = "RETRY";
  }

  updateAndRetryLater(committable: unknown): void {
    this.#committable = committable;
    this.#outcome = "RETRY";
  }
}
