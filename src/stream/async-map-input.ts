import type { Timestamp } from "../api/watermark.js";
import { type Chunk, type Control, creditsOf } from "./chunk.js";

/** Takes the elements of the input, as long as it has room. */
export interface InputTaker<A> {
  readonly hasRoom: boolean;
  record(record: A, timestamp: Timestamp): void;
  control(control: Control): void;
  /** A chunk has been taken whole. */
  credits(credits: number): void;
}

/**
 * Owns: the chunks that an operator could not take yet, and how far it is in the first.
 * Called by: the operator, in the subtask's loop. Invariants: a chunk's credits go on only when the
 * last of it has been taken, so a source stops when its credits are used up.
 */
export class HeldInput<A> {
  #chunks: Chunk<A>[] = [];
  #nextRecord = 0;
  #nextControl = 0;

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  push(chunk: Chunk<A>): void {
    this.#chunks.push(chunk);
  }

  drainTo(taker: InputTaker<A>): void {
    for (let first = this.#chunks[0]; first !== undefined; first = this.#chunks[0]) {
      const { records, timestamps, controls } = first;
      const control = controls[this.#nextControl];
      if (control === undefined && this.#nextRecord === records.length) {
        this.#chunks.shift();
        this.#nextRecord = 0;
        this.#nextControl = 0;
        taker.credits(creditsOf(first));
        continue;
      }
      if (!taker.hasRoom) return;
      if (control?.at === this.#nextRecord) {
        this.#nextControl++;
        taker.control(control);
      } else {
        const i = this.#nextRecord++;
        taker.record(records[i] as A, timestamps[i] as Timestamp);
      }
    }
  }

  /** The records that have not been taken. */
  *records(): Iterable<{ readonly record: A; readonly timestamp: Timestamp }> {
    let from = this.#nextRecord;
    for (const { records, timestamps } of this.#chunks) {
      for (let i = from; i < records.length; i++) {
        yield { record: records[i] as A, timestamp: timestamps[i] as Timestamp };
      }
      from = 0;
    }
  }

  /** Gives the credits of what is held away at once. */
  takeCredits(): number {
    const credits = this.#chunks.reduce((sum, chunk) => sum + creditsOf(chunk), 0);
    this.#chunks = this.#chunks.map((chunk) => ({ ...chunk, credits: 0 }));
    return credits;
  }

  clear(): void {
    this.#chunks = [];
    this.#nextRecord = 0;
    this.#nextControl = 0;
  }
}
