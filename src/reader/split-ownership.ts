interface Place {
  /** Undefined: the split waits in line. */
  readonly fetcher: number | undefined;
  /** The number of the task that brought it to the fetcher. */
  readonly sequence: number;
}

/**
 * Which fetcher has which split of a reader, and which splits are paused.
 *
 * Owns: the place of every split from the moment it was added until its fetcher has reported its end.
 * Called by: the fetcher manager, in the operator's loop.
 * Invariants: a split counts as owned from the moment it was sent, before the fetcher has taken it; an
 * end counts only for the sending that the report covers, not for a later one of the same id; only
 * splits that are here are paused. Each split costs the same however many there are.
 */
export class SplitOwnership {
  readonly #places = new Map<string, Place>();
  readonly #paused = new Set<string>();
  /** By fetcher: splits that are not paused. */
  readonly #running = new Map<number, number>();
  /** By fetcher: all its splits. */
  readonly #owned = new Map<number, number>();

  joinLine(splitIds: Iterable<string>): void {
    for (const splitId of splitIds) this.#put(splitId, { fetcher: undefined, sequence: 0 });
  }

  send(splitIds: Iterable<string>, fetcher: number, sequence: number): void {
    for (const splitId of splitIds) this.#put(splitId, { fetcher, sequence });
  }

  /** The splits are not read any more; `tasksDone` is the last task that the report covers. */
  end(splitIds: Iterable<string>, fetcher: number, tasksDone: number): void {
    for (const splitId of splitIds) {
      const place = this.#places.get(splitId);
      if (place?.fetcher === fetcher && place.sequence <= tasksDone) this.forget(splitId);
    }
  }

  forget(splitId: string): void {
    this.#count(splitId, -1);
    this.#places.delete(splitId);
    this.#paused.delete(splitId);
  }

  pause(splitIds: Iterable<string>): void {
    for (const splitId of splitIds) {
      if (!this.#places.has(splitId)) continue;
      this.#count(splitId, -1);
      this.#paused.add(splitId);
      this.#count(splitId, 1);
    }
  }

  resume(splitIds: Iterable<string>): void {
    for (const splitId of splitIds) {
      this.#count(splitId, -1);
      this.#paused.delete(splitId);
      this.#count(splitId, 1);
    }
  }

  isPaused(splitId: string): boolean {
    return this.#paused.has(splitId);
  }

  isOwnedBy(splitId: string, fetcher: number): boolean {
    return this.#places.get(splitId)?.fetcher === fetcher;
  }

  /** How many splits were sent to the fetcher and have not ended. */
  numberOwned(fetcher: number): number {
    return this.#owned.get(fetcher) ?? 0;
  }

  /** How many of them are not paused. */
  numberRunning(fetcher: number): number {
    return this.#running.get(fetcher) ?? 0;
  }

  /** The fetcher's splits, but for those that came with a task after `tasksDone`. */
  splitsOf(fetcher: number, tasksDone: number): string[] {
    const splitIds: string[] = [];
    for (const [splitId, place] of this.#places) {
      if (place.fetcher === fetcher && place.sequence <= tasksDone) splitIds.push(splitId);
    }
    return splitIds;
  }

  #put(splitId: string, place: Place): void {
    this.#count(splitId, -1);
    this.#places.set(splitId, place);
    this.#count(splitId, 1);
  }

  #count(splitId: string, by: 1 | -1): void {
    const fetcher = this.#places.get(splitId)?.fetcher;
    if (fetcher === undefined) return;
    add(this.#owned, fetcher, by);
    if (!this.#paused.has(splitId)) add(this.#running, fetcher, by);
  }
}

/** A fetcher without splits is not remembered: there may be one for each split that comes. */
function add(counts: Map<number, number>, fetcher: number, by: 1 | -1): void {
  const count = (counts.get(fetcher) ?? 0) + by;
  if (count === 0) counts.delete(fetcher);
  else counts.set(fetcher, count);
}
