import { AVAILABLE, type Availability, AvailabilityFuture } from "../mailbox/availability.js";

/**
 * What a source operator waits for (Flink `SourceOperatorAvailabilityHelper`).
 *
 * Owns: the wait for alignment, the wait for the reader, which a stop ends too, and the end of a stop.
 * Called by: the operator's loop. The machine's effects only note what is to be completed: who listens
 * must see the new mode, and that is there after the transition.
 * Invariants: asked again while nothing has changed, it gives the same wait.
 */
export class OperatorAvailability {
  /** Done when a stop has ended. */
  readonly stopped = new AvailabilityFuture();
  #alignmentWait = new AvailabilityFuture();
  #readerWait = new AvailabilityFuture();
  #reader: Availability | undefined;
  #noted: AvailabilityFuture[] = [];

  get alignmentWait(): Availability {
    return this.#alignmentWait;
  }

  /** Done when the reader is available or the operator has been stopped. */
  ofReader(reader: Availability): Availability {
    if (reader.isDone) return AVAILABLE;
    if (this.#readerWait.isDone) {
      this.#readerWait = new AvailabilityFuture();
      this.#reader = undefined;
    }
    if (reader !== this.#reader) {
      const wait = this.#readerWait;
      this.#reader = reader;
      reader.onDone(() => wait.complete());
    }
    return this.#readerWait;
  }

  beginAlignmentWait(): void {
    this.#alignmentWait = new AvailabilityFuture();
  }

  noteAlignmentReleased(): void {
    this.#noted.push(this.#alignmentWait);
  }

  noteForced(): void {
    this.#noted.push(this.#readerWait);
  }

  noteStopped(): void {
    this.#noted.push(this.stopped);
  }

  /** Completes what has been noted, in that order. */
  completeNoted(): void {
    if (this.#noted.length === 0) return;
    const noted = this.#noted;
    this.#noted = [];
    for (const future of noted) future.complete();
  }
}
