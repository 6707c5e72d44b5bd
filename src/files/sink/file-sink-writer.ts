import type { Counter } from "../../api/metrics.js";
import type { SinkWriter, SinkWriterContext } from "../../api/sink.js";
import type { Timestamp } from "../../api/watermark.js";
import { HeadwaterError } from "../../errors/index.js";
import type { FileSinkOptions } from "./file-sink-options.js";
import { PartFileWriter } from "./part-file-writer.js";
import { type RecordBatch, type RecordEncoder, RecordRefused, typeName } from "./record-encoder.js";

/** What a file sink's writer is made of. */
export interface FileSinkWriterParts<T> {
  /** The sink's function, for errors: such as "textSink". */
  readonly sink: string;
  readonly extension: string;
  readonly encoder: RecordEncoder<T>;
  readonly options: Required<FileSinkOptions>;
}

const NOTHING: RecordBatch<never> = { records: [], timestamps: [], next: 0 };

/**
 * Writes one subtask's records into one new part file (at-least-once).
 *
 * Owns: its part file. Called by: the subtask's loop.
 * Invariants: records keep their order; after `flush` all of them are in the file. Every error is
 * SINK_FAILED.
 */
export class FileSinkWriter<T> implements SinkWriter<T> {
  readonly #owner: string;
  readonly #encoder: RecordEncoder<T>;
  readonly #file: PartFileWriter;
  readonly #recordsSent: Counter;
  #records = 0;
  #batch: RecordBatch<T> = NOTHING;

  constructor(context: SinkWriterContext, parts: FileSinkWriterParts<T>) {
    const { jobName, indexOfSubtask, metricGroup } = context;
    this.#owner = `${parts.sink} in subtask ${indexOfSubtask} of job ${jobName}`;
    this.#encoder = parts.encoder;
    this.#recordsSent = metricGroup.counter("numRecordsSend");
    this.#file = new PartFileWriter({
      ...parts.options,
      owner: this.#owner,
      subtask: indexOfSubtask,
      extension: parts.extension,
      metricGroup,
    });
  }

  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void> {
    this.#batch = { records, timestamps, next: 0 };
    while (this.#batch.next < records.length) {
      const writing = this.#file.append(this.#encode());
      if (writing !== undefined) return this.#writeRest(writing);
    }
    this.#batch = NOTHING;
  }

  flush(): void | Promise<void> {
    return this.#file.flush();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #writeRest(writing: Promise<void>): Promise<void> {
    await writing;
    while (this.#batch.next < this.#batch.records.length) {
      await this.#file.append(this.#encode());
    }
    this.#batch = NOTHING;
  }

  #encode(): string {
    const batch = this.#batch;
    const first = batch.next;
    try {
      return this.#encoder.encode(batch);
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
