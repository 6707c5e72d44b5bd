/**
 * A one-shot signal that work has become possible (Flink `CompletableFuture` of
 * `AvailabilityProvider`): asked synchronously on the hot path, listened to when it is not done.
 */
export interface Availability {
  readonly isDone: boolean;
  /** Calls the listener once when done; at once when it is done already. */
  onDone(listener: () => void): void;
}

/** An availability that is completed once, by hand; listeners run at once, in the order they came. */
export class AvailabilityFuture implements Availability {
  #done = false;
  #listeners: (() => void)[] = [];

  get isDone(): boolean {
    return this.#done;
  }

  onDone(listener: () => void): void {
    if (this.#done) listener();
    else this.#listeners.push(listener);
  }

  /** A second call does nothing. */
  complete(): void {
    if (this.#done) return;
    this.#done = true;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

/** The shared answer of whoever is available (Flink `AvailabilityProvider.AVAILABLE`). */
export const AVAILABLE: Availability = {
  isDone: true,
  onDone(listener) {
    listener();
  },
};
