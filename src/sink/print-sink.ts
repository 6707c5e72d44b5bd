import type { Writable } from "node:stream";
import { inspect } from "node:util";
import * as v from "valibot";
import type { Sink, SinkWriter, SinkWriterContext } from "../api/sink.js";
import type { Timestamp } from "../api/watermark.js";
import { parseOptions } from "../options/parse-options.js";
import { sinkFailed } from "./sink-error.js";
import { onStreamFailure } from "./stream-failures.js";

/** What `printSink` and `printToErrorSink` take. */
export interface PrintSinkOptions<T> {
  /** In front of every line; with more than one subtask the subtask's number follows. */
  readonly prefix?: string;
  /** One record as text; default a string as it is, anything else as Node shows it on one line. */
  readonly format?: (record: T, timestamp: Timestamp) => string;
  /** Where lines go; default the process's standard output or standard error. */
  readonly stream?: Writable;
}

const schema = v.strictObject({
  prefix: v.optional(v.string(), ""),
  format: v.optional(v.function()),
  stream: v.optional(
    v.pipe(
      v.custom<Writable>(() => true),
      v.rawCheck(({ dataset, addIssue }) => {
        const { write } = (dataset.value ?? {}) as { write?: unknown };
        if (typeof write !== "function") addIssue({ expected: "a writable stream" });
      }),
    ),
  ),
});

/**
 * A sink that prints a line a record on standard output (Flink `PrintSink`).
 *
 * A full pipe holds the job back. At-least-once: after a failure lines are printed again. What
 * `format` throws, and an error of the stream, becomes SINK_FAILED.
 */
export function printSink<T>(options: PrintSinkOptions<T> = {}): Sink<T> {
  return createSink("print", "printSink", options, () => process.stdout);
}

/** The same on standard error. */
export function printToErrorSink<T>(options: PrintSinkOptions<T> = {}): Sink<T> {
  return createSink("printToError", "printToErrorSink", options, () => process.stderr);
}

function createSink<T>(
  name: string,
  functionName: string,
  options: PrintSinkOptions<T>,
  defaultStream: () => Writable,
): Sink<T> {
  const { prefix, stream } = parseOptions(functionName, schema, options);
  const format = options.format ?? formatRecord;
  return {
    name,
    createWriter: (context) =>
      new PrintWriter(functionName, stream ?? defaultStream(), prefix, format, context),
  };
}

function formatRecord(record: unknown): string {
  return typeof record === "string"
    ? record
    : inspect(record, { breakLength: Number.POSITIVE_INFINITY, depth: 8 });
}

/**
 * Owns: its lines until the stream has them, not the stream. Called by: the subtask's loop.
 * Invariants: at most one chunk of lines waits beyond the stream's own buffer; an error of the stream
 * is thrown by the call under way or the next one.
 */
class PrintWriter<T> implements SinkWriter<T> {
  readonly #sink: string;
  readonly #stream: Writable;
  readonly #prefix: string;
  readonly #format: (record: T, timestamp: Timestamp) => string;
  readonly #context: SinkWriterContext;
  readonly #stopWatching: () => void;
  #error: unknown;
  /** Rejects what waits for the stream. */
  #onFailure: ((error: unknown) => void) | undefined;

  constructor(
    sink: string,
    stream: Writable,
    prefix: string,
    format: (record: T, timestamp: Timestamp) => string,
    context: SinkWriterContext,
  ) {
    this.#sink = sink;
    this.#stream = stream;
    this.#format = format;
    this.#context = context;
    const parts = [prefix, context.currentParallelism > 1 ? `${context.indexOfSubtask + 1}` : ""];
    const label = parts.filter((part) => part !== "").join(":");
    this.#prefix = label === "" ? "" : `${label}> `;
    this.#stopWatching = onStreamFailure(stream, (error) => {
      this.#error ??= error;
      this.#onFailure?.(error);
    });
  }

  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void> {
    if (records.length === 0) return;
    this.#throwIfFailed();
    let lines = "";
    try {
      for (let i = 0; i < records.length; i++) {
        lines += `${this.#prefix}${this.#format(records[i] as T, timestamps[i] as Timestamp)}\n`;
      }
    } catch (error) {
      throw sinkFailed(this.#sink, this.#context, "failed: its format function threw", error);
    }
    if (this.#stream.write(lines)) return;
    return this.#wait((done) => {
      this.#stream.once("drain", done);
      return () => this.#stream.off("drain", done);
    });
  }

  flush(): void | Promise<void> {
    this.#throwIfFailed();
    if (this.#stream.writableLength === 0) return;
    return this.#wait((done) => {
      this.#stream.write("", (error) => {
        if (error === null || error === undefined) done();
      });
      return () => {};
    });
  }

  close(): void {
    this.#stopWatching();
  }

  async #wait(start: (done: () => void) => () => void): Promise<void> {
    let stop: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onFailure = reject;
        stop = start(resolve);
      });
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#onFailure = undefined;
      stop?.();
    }
  }

  #throwIfFailed(): void {
    // A stream that failed before this writer came does not say so again.
    if (this.#stream.destroyed || this.#stream.writableEnded) {
      this.#error ??= this.#stream.errored ?? new Error("the stream is closed");
    }
    if (this.#error !== undefined) throw this.#failed(this.#error);
  }

  #failed(cause: unknown): Error {
    return sinkFailed(this.#sink, this.#context, "cannot write to its stream", cause);
  }
}
