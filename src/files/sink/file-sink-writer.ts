import type { Counter } from "../../api/metrics.js";
import type { CommitterContext, SinkWriter, SinkWriterContext } from "../../api/sink.js";
import type { Timestamp } from "../../api/watermark.js";
import { HeadwaterError } from "../../errors/index.js";
import type { ProcessingTimeService } from "../../mailbox/ports.js";
import type { ParsedFileSinkOptions } from "./file-sink-options.js";
import { PartFileWriter } from "./part-file-writer.js";
import type { PartWriterState, PendingPart } from "./part-state.js";
import type { PendingParts } from "./pending-parts.js";
import { type RecordBatch, type RecordEncoder, RecordRefused, typeName } from "./record-encoder.js";

/** What a file sink's writer is made of. */
export interface FileSinkWriterParts<T> {
  /** The sink's function, for errors: such as "textSink". */
  readonly sink: string;
  readonly extension: string;
  /** One encoder for each part file. */
  readonly newEncoder: () => RecordEncoder<T>;
  readonly options: ParsedFileSinkOptions;
  /** For an exactly-once sink. */
  readonly pending?: PendingParts;
}

const NOTHING: RecordBatch<never> = { records: [], timestamps: [], next: 0 };

/**
 * Writes one subtask's records into new part files.
 *
 * Owns: its part files until they are handed to a committer. Called by: the subtask's loop.
 * Invariants: records keep their order; after `flush` all of them are in files, with `pending` in
 * ended ones. Every error is SINK_FAILED, or LIMIT_EXCEEDED for too many parts.
 */
export class FileSinkWriter<T> implements SinkWriter<T, PartWriterState, PendingPart> {
  readonly #owner: string;
  readonly #newEncoder: () => RecordEncoder<T>;
  readonly #file: PartFileWriter;
  readonly #pending: PendingParts | undefined;
  readonly #recordsSent: Counter;
  readonly #maxPartBytes: number;
  /** Milliseconds; undefined: no part is too old. */
  readonly #rolloverInterval: number | undefined;
  readonly #processingTime: ProcessingTimeService;
  /** Undefined: the next record begins a part. */
  #encoder: RecordEncoder<T> | undefined;
  #partBegan = 0;
  #records = 0;
  #batch: RecordBatch<T> = NOTHING;

  constructor(context: SinkWriterContext, parts: FileSinkWriterParts<T>) {
    const { indexOfSubtask, metricGroup } = context;
    const { options, pending } = parts;
    this.#owner = fileSinkOwner(parts.sink, context);
    this.#newEncoder = parts.newEncoder;
    this.#pending = pending;
    this.#recordsSent = metricGroup.counter("numRecordsSend");
    this.#maxPartBytes = options.maxPartBytes ?? Number.POSITIVE_INFINITY;
    this.#rolloverInterval = options.rolloverInterval;
    this.#processingTime = context.processingTime;
    this.#file = new PartFileWriter({
      ...options,
      owner: this.#owner,
      subtask: indexOfSubtask,
      extension: parts.extension,
      metricGroup,
      ...(pending !== undefined && { files: pending }),
    });
  }

  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void> {
    this.#batch = { records, timestamps, next: 0 };
    while (this.#batch.next < records.length) {
      const writing = this.#writeSome();
      if (writing !== undefined) return this.#writeRest(writing);
    }
    this.#batch = NOTHING;
  }

  flush(): void | Promise<void> {
    return this.#pending === undefined ? this.#file.flush() : this.#roll();
  }

  prepareCommit(): readonly PendingPart[] {
    return this.#pending?.take() ?? [];
  }

  snapshotState(): readonly PartWriterState[] {
    return this.#pending === undefined ? [] : [this.#pending.state];
  }

  async close(): Promise<void> {
    try {
      await this.#file.close();
    } finally {
      await this.#pending?.close();
    }
  }

  async #writeRest(writing: Promise<void>): Promise<void> {
    await writing;
    while (this.#batch.next < this.#batch.records.length) await this.#writeSome();
    this.#batch = NOTHING;
  }

  /** Ends the part file when it is old, or writes some records and ends it when it is large. */
  #writeSome(): void | Promise<void> {
    if (this.#isOld()) return this.#roll();
    const writing = this.#file.append(this.#encode());
    if (writing !== undefined) return writing.then(() => this.#rollLarge());
    return this.#rollLarge();
  }

  #rollLarge(): void | Promise<void> {
    if (this.#file.size >= this.#maxPartBytes) return this.#roll();
  }

  #isOld(): boolean {
    if (this.#rolloverInterval === undefined || this.#encoder === undefined) return false;
    return this.#processingTime.now() - this.#partBegan >= this.#rolloverInterval;
  }

  #roll(): void | Promise<void> {
    this.#encoder = undefined;
    return this.#file.roll();
  }

  /** The encoder of the part file that the next record is for. */
  #beginPart(): RecordEncoder<T> {
    if (this.#rolloverInterval !== undefined) this.#partBegan = this.#processingTime.now();
    this.#encoder = this.#newEncoder();
    return this.#encoder;
  }

  #encode(): string {
    const batch = this.#batch;
    const first = batch.next;
    try {
      return (this.#encoder ?? this.#beginPart()).encode(batch);
    } catch (error) {
      throw this.#recordFailed(batch, this.#records + batch.next - first, error);
    } finally {
      this.#records += batch.next - first;
      this.#recordsSent.inc(batch.next - first);
    }
  }

  #recordFailed({ records, next }: RecordBatch<T>, index: number, error: unknown): HeadwaterError {
    const which = `record ${index} since it was opened (${typeName(records[next])})`;
    if (!(error instanceof RecordRefused)) {
      return new HeadwaterError("SINK_FAILED", `${this.#owner} failed on ${which}`, {
        domain: "user",
        retry: "backoff",
        scope: "reader",
        cause: error,
      });
    }
    return new HeadwaterError(
      "SINK_FAILED",
      `${this.#owner} cannot write ${which}: ${error.message}`,
      { domain: "user", retry: "never", scope: "reader", hint: error.hint, cause: error.cause },
    );
  }
}

/** Who writes, for errors. */
export function fileSinkOwner(sink: string, context: CommitterContext): string {
  return `${sink} in subtask ${context.indexOfSubtask} of job ${context.jobName}`;
}
