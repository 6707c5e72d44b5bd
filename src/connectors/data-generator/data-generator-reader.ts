import type { InputStatus } from "../../api/boundedness.js";
import type { ReaderOutput, SourceReaderContext } from "../../api/source-reader.js";
import { AVAILABLE, type Availability } from "../../mailbox/availability.js";
import type { RateLimiter, RateLimiterStrategy } from "../../reader/rate-limiter.js";
import { NumberSequenceReader } from "../number-sequence-reader.js";

/** Makes a record from its index; the same index should give the same record. */
export type GenerateFunction<T> = (index: number) => T;

/**
 * Emits generated records at the rate that the limiter allows (Flink `RateLimitedSourceReader`
 * around an iterator reader).
 *
 * Owns: the permission for the next record. Called by: the operator's loop.
 * Invariants: permits are taken for records that were emitted, so none is lost while the reader has
 * nothing to emit.
 */
export class DataGeneratorReader<T> extends NumberSequenceReader<T> {
  readonly #limiter: RateLimiter | undefined;
  #permission: Availability = AVAILABLE;

  constructor(
    context: SourceReaderContext,
    generate: GenerateFunction<T>,
    rate: RateLimiterStrategy | undefined,
  ) {
    super(context, generate);
    this.#limiter = rate?.createRateLimiter(context.currentParallelism, context.processingTime);
  }

  override pollNext(output: ReaderOutput<T>): InputStatus {
    if (!this.#permission.isDone) return "NOTHING_AVAILABLE";
    if (this.#limiter === undefined) return super.pollNext(output);
    // A permit is for one record.
    this.context.pollBudget.remaining = 1;
    const status = super.pollNext(output);
    if (status === "MORE_AVAILABLE") this.#permission = this.#limiter.acquire(1);
    return status;
  }

  override isAvailable(): Availability {
    return this.#permission.isDone ? super.isAvailable() : this.#permission;
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#limiter?.notifyCheckpointComplete?.(checkpointId);
  }
}
