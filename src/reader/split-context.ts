import type { SourceOutput } from "../api/source-reader.js";
import type { RecordEvaluator } from "../api/split-reader.js";
import type { Timestamp, Watermark } from "../api/watermark.js";

/**
 * A split that the reader reads: its state and, once a record was fetched, its output.
 *
 * `counted` is the same output when permits are counted (Flink `SourceReaderBase.SplitContext`).
 */
export interface SplitContext<T, SplitStateT> {
  readonly splitId: string;
  readonly state: SplitStateT;
  output: SourceOutput<T> | undefined;
  counted: CountingOutput<T> | undefined;
}

class ForwardingOutput<T> implements SourceOutput<T> {
  protected readonly inner: SourceOutput<T>;

  constructor(inner: SourceOutput<T>) {
    this.inner = inner;
  }

  collect(record: T, timestamp?: Timestamp): void {
    this.inner.collect(record, timestamp);
  }

  emitWatermark(watermark: Watermark): void {
    this.inner.emitWatermark(watermark);
  }

  markIdle(): void {
    this.inner.markIdle();
  }

  markActive(): void {
    this.inner.markActive();
  }
}

/** Ends with the first record that the evaluator takes for the end; that one is not emitted. */
export class EndingOutput<T> extends ForwardingOutput<T> {
  readonly #isEndOfStream: RecordEvaluator<T>;
  readonly #onEnd: () => void;
  #ended = false;

  constructor(inner: SourceOutput<T>, isEndOfStream: RecordEvaluator<T>, onEnd: () => void) {
    super(inner);
    this.#isEndOfStream = isEndOfStream;
    this.#onEnd = onEnd;
  }

  override collect(record: T, timestamp?: Timestamp): void {
    if (this.#ended) return;
    if (this.#isEndOfStream(record)) {
      this.#ended = true;
      this.#onEnd();
      return;
    }
    this.inner.collect(record, timestamp);
  }
}

/** Counts records for the rate limiter. */
export class CountingOutput<T> extends ForwardingOutput<T> {
  #records = 0;

  override collect(record: T, timestamp?: Timestamp): void {
    this.inner.collect(record, timestamp);
    this.#records++;
  }

  /** The records since the last call. */
  takeCount(): number {
    const count = this.#records;
    this.#records = 0;
    return count;
  }
}
