interface SubtaskAttempts {
  /** Attempts below this one have ended. */
  first: number;
  /** The latest that the job has told of; Infinity: it does not tell. */
  latest: number;
  /** The highest attempt that was ever heard of. */
  highest: number;
  /** Attempts from `first` on that have ended one by one. */
  readonly ended: Set<number>;
}

/**
 * Owns: which attempts of each subtask have ended, and which are yet to be told of. Called by: the
 * coordinator's loop.
 * Invariants: an attempt that has ended never comes back; the numbers of later ones are higher.
 *
 * What a dead attempt has sent may arrive after the news of its death, which takes another way. Let
 * in, its request would take splits for nobody (Flink asks the execution's state before it delivers).
 * In the same way a new attempt's first events may come before the news of its start, which gives the
 * splits of the one before back.
 */
export class AttemptFence {
  readonly #subtasks = new Map<number, SubtaskAttempts>();

  /** `latest`, by subtask: the attempts that the coordinator starts with. */
  constructor(latest: readonly number[] = []) {
    for (const [subtask, attempt] of latest.entries()) this.#of(subtask).latest = attempt;
  }

  /** Whether the job has still to tell of this attempt. */
  isEarly(subtask: number, attempt: number): boolean {
    const attempts = this.#subtasks.get(subtask);
    return attempts !== undefined && attempt > attempts.latest;
  }

  /** Whether what this attempt sends still counts. */
  allows(subtask: number, attempt: number): boolean {
    const attempts = this.#subtasks.get(subtask);
    if (attempts === undefined) return true;
    return attempt >= attempts.first && !attempts.ended.has(attempt);
  }

  /** The attempt runs. */
  ready(subtask: number, attempt: number): void {
    const attempts = this.#of(subtask);
    attempts.highest = Math.max(attempts.highest, attempt);
  }

  /** The attempt has ended; with concurrent attempts others may go on. */
  ended(subtask: number, attempt: number): void {
    this.ready(subtask, attempt);
    const attempts = this.#of(subtask);
    attempts.ended.add(attempt);
    // Restarts of a single subtask never end by a reset: the set would grow with each.
    while (attempts.ended.delete(attempts.first)) attempts.first++;
  }

  /** All attempts before `next` have ended; without it, all so far. */
  reset(subtask: number, next?: number): void {
    const attempts = this.#of(subtask);
    attempts.first = next ?? attempts.highest + 1;
    if (next !== undefined) attempts.latest = next;
    attempts.ended.clear();
  }

  #of(subtask: number): SubtaskAttempts {
    let attempts = this.#subtasks.get(subtask);
    if (attempts === undefined) {
      attempts = { first: 0, latest: Number.POSITIVE_INFINITY, highest: -1, ended: new Set() };
      this.#subtasks.set(subtask, attempts);
    }
    return attempts;
  }
}
