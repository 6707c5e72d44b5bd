import type { FetchedPartition } from "./kafka-client.js";

/** Capacities are multiples of it, so that answers of about the same size take each other's place. */
const STEP = 1024 * 1024;
/** Bytes that are kept for later answers at most. */
const MAX_KEPT = 16 * STEP;

/**
 * The buffers of large answers, used again when all who read them have given them back: memory that is new
 * costs more than reading into it, and makes the garbage collector run.
 *
 * Owns: the buffers that are free. Called by: one client.
 * Invariants: a buffer is free only after each partition of its answer was given back; what nobody gives
 * back is the garbage collector's.
 */
export class FetchBuffers {
  readonly #free: ArrayBufferLike[] = [];
  #kept = 0;
  /** Partitions of an answer that have not been given back. */
  readonly #readers = new WeakMap<ArrayBufferLike, number>();

  take(size: number): Buffer {
    const capacity = Math.ceil(size / STEP) * STEP;
    // A small answer that somebody holds for long must not hold the memory of a large one.
    const fits = (bytes: number): boolean => bytes >= capacity && bytes <= 2 * capacity;
    const at = this.#free.findIndex(({ byteLength }) => fits(byteLength));
    const [found] = at < 0 ? [] : this.#free.splice(at, 1);
    if (found === undefined) {
      const { buffer } = Buffer.allocUnsafeSlow(capacity);
      return Buffer.from(buffer, 0, size);
    }
    this.#kept -= found.byteLength;
    return Buffer.from(found, 0, size);
  }

  /** An answer is handed to those who read it. */
  lend(answer: readonly FetchedPartition[]): void {
    for (const { records } of answer) {
      // Nobody reads, or gives back, what has no bytes.
      if (records === undefined || records.length === 0) continue;
      if (records.buffer.byteLength < STEP) continue;
      this.#readers.set(records.buffer, (this.#readers.get(records.buffer) ?? 0) + 1);
    }
  }

  /** One partition's records, each once. */
  giveBack(records: Buffer): void {
    const { buffer } = records;
    const readers = this.#readers.get(buffer);
    if (readers === undefined) return;
    if (readers > 1) {
      this.#readers.set(buffer, readers - 1);
      return;
    }
    this.#readers.delete(buffer);
    if (this.#kept + buffer.byteLength > MAX_KEPT) return;
    this.#kept += buffer.byteLength;
    this.#free.push(buffer);
  }
}
