import type { Counter } from "../../api/metrics.js";
import type { CommitterContext, SinkWriter, SinkWriterContext } from "../../api/sink.js";
import type { Timestamp } from "../../api/watermark.js";
import { HeadwaterError } from "../../errors/index.js";
import type { ProcessingTimeService } from "../../mailbox/ports.js";
import type { BulkEncoder } from "./bulk-encoder.js";
import type { ParsedFileSinkOptions } from "./file-sink-options.js";
import type { PartFileSystem } from "./part-file-system.js";
import { type PartFiles, PartFileWriter } from "./part-file-writer.js";
import type { PartWriterState, PendingPart } from "./part-state.js";
import type { PendingParts } from "./pending-parts.js";
import { type RecordBatch, type RecordEncoder, RecordRefused, typeName } from "./record-encoder.js";

/** What a file sink's writer is made of. */
export interface FileSinkWriterParts<T> {
  /** The sink's function, for errors: such as "textSink". */
  readonly sink: string;
  readonly extension: string;
  /** One encoder for each part file. */
  readonly newEncoder: () => RecordEncoder<T> | BulkEncoder<T>;
  readonly options: ParsedFileSinkOptions;
  /** For an exactly-once sink. */
  readonly pending?: PendingParts;
  /** For another one: default, files have their names from the beginning. */
  readonly files?: PartFiles;
  /** Default: the machine's. */
  readonly fileSystem?: PartFileSystem | undefined;
  /** Whether a part ends at each checkpoint; with `pending` always. */
  readonly endsAtCheckpoint?: boolean;
}

const NOTHING: RecordBatch<never> = { records: [], timestamps: [], next: 0 };

/**
 * Writes one subtask's records into new part files.
 *
 * Owns: its part files until they are handed to a committer. Called by: the subtask's loop.
 * Invariants: records keep their order; after `flush` all of them are in files, in ended ones where
 * parts end at checkpoints. Every error is SINK_FAILED, or LIMIT_EXCEEDED for too many parts.
 */
export class FileSinkWriter<T> implements SinkWriter<T, PartWriterState, PendingPart> {
  readonly #owner: string;
  readonly #newEncoder: () => RecordEncoder<T> | BulkEncoder<T>;
  readonly #file: PartFileWriter;
  readonly #pending: PendingParts | undefined;
  readonly #endsAtCheckpoint: boolean;
  readonly #recordsSent: Counter;
  readonly #maxPartBytes: number;
  /** Milliseconds; undefined: no part is too old. */
  readonly #rolloverInterval: number | undefined;
  readonly #processingTime: ProcessingTimeService;
  /** Undefined: the next record begins a part. */
  #encoder: RecordEncoder<T> | BulkEncoder<T> | undefined;
  #partBegan = 0;
  #records = 0;
  #batch: RecordBatch<T> = NOTHING;

  constructor(context: SinkWriterContext, parts: FileSinkWriterParts<T>) {
    const { indexOfSubtask, metricGroup } = context;
    const { options, pending, files = pending } = parts;
    this.#owner = fileSinkOwner(parts.sink, context);
    this.#newEncoder = parts.newEncoder;
    this.#pending = pending;
    this.#endsAtCheckpoint = parts.endsAtCheckpoint ?? pending !== undefined;
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
      ...(files !== undefined && { files }),
      ...(parts.fileSystem !== undefined && { fileSystem: parts.fileSystem }),
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
    return this.#endsAtCheckpoint ? this.#roll() : this.#file.flush();
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
    const writing = this.#put(this.#encoder ?? this.#beginPart());
    if (writing !== undefined) return writing.then(() => this.#rollLarge());
    return this.#rollLarge();
  }

  #put(encoder: RecordEncoder<T> | BulkEncoder<T>): void | Promise<void> {
    if (!("add" in encoder)) {
      return this.#file.append(this.#encode(() => encoder.encode(this.#batch)));
    }
    this.#encode(() => encoder.add(this.#batch));
    if (encoder.isFull) return this.#appendAll(encoder.drain());
  }

  /** Each piece is made after the one before is written, and other work has its turn in between. */
  async #appendAll(pieces: Iterable<Uint8Array>): Promise<void> {
    for (const piece of pieces) await this.#file.appendBytes(piece);
  }

  #rollLarge(): void | Promise<void> {
    if (this.#file.size >= this.#maxPartBytes || this.#isAtLimit()) return this.#roll();
  }

  #isAtLimit(): boolean {
    const encoder = this.#encoder;
    return encoder !== undefined && "add" in encoder && encoder.isAtLimit;
  }

  #isOld(): boolean {
    if (this.#rolloverInterval === undefined || this.#encoder === undefined) return false;
    return this.#processingTime.now() - this.#partBegan >= this.#rolloverInterval;
  }

  #roll(): void | Promise<void> {
    const encoder = this.#encoder;
    this.#encoder = undefined;
    if (encoder === undefined || !("add" in encoder)) return this.#file.roll();
    return this.#appendAll(encoder.finish()).then(() => this.#file.roll());
  }

  /** The encoder of the part file that the next record is for. */
  #beginPart(): RecordEncoder<T> | BulkEncoder<T> {
    if (this.#rolloverInterval !== undefined) this.#partBegan = this.#processingTime.now();
    this.#encoder = this.#newEncoder();
    return this.#encoder;
  }

  /** Counts the records that the call takes from the batch, and says which one is to blame. */
  #encode<R>(call: () => R): R {
    const batch = this.#batch;
    const first = batch.next;
    try {
      return call();
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
