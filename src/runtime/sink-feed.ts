import type { SinkWriter } from "../api/sink.js";
import type { CheckpointBarrier, Chunk, Control } from "../stream/index.js";
import { type SubtaskName, sinkFailed } from "./subtask-error.js";

/** What the feed tells its subtask, in the subtask's loop. */
export interface SinkFeedListener {
  /** A chunk has been written: its credit comes back. */
  chunkWritten(): void;
  /** Everything before the barrier has been written and flushed. */
  barrierReached(barrier: CheckpointBarrier): void;
  endReached(): void;
  failed(error: unknown): void;
  /** Something asynchronous has settled: call `resume` in the loop. */
  progressed(): void;
}

/**
 * Owns: the chunks between the last operator and the sink writer, at most as many as the subtask
 * has credits. Called by: the subtask's loop.
 * Invariants: one write at a time, in stream order; a barrier passes only after a flush.
 */
export class SinkFeed<T> {
  readonly #writer: SinkWriter<T>;
  readonly #listener: SinkFeedListener;
  readonly #name: string;
  readonly #where: SubtaskName;
  readonly #chunks: Chunk<T>[] = [];
  #steps: Iterator<void | PromiseLike<void>> | undefined;
  #waiting = false;
  #settled: { readonly error?: unknown } | undefined;
  #doing = "to write";
  #closed = false;

  constructor(name: string, where: SubtaskName, writer: SinkWriter<T>, listener: SinkFeedListener) {
    this.#name = name;
    this.#where = where;
    this.#writer = writer;
    this.#listener = listener;
  }

  /** Takes the next chunk and writes as far as it can without waiting. */
  accept(chunk: Chunk<T>): void {
    this.#chunks.push(chunk);
    this.#pump();
  }

  /** Goes on after `progressed`. */
  resume(): void {
    if (this.#settled === undefined) return;
    const { error } = this.#settled;
    this.#settled = undefined;
    this.#waiting = false;
    if (error !== undefined) this.#listener.failed(this.#sinkFailed(error));
    else this.#pump();
  }

  /** Writes nothing more. */
  close(): void {
    this.#closed = true;
    this.#chunks.length = 0;
    this.#steps = undefined;
  }

  #pump(): void {
    try {
      while (!this.#waiting && !this.#closed) {
        if (this.#steps === undefined) {
          const chunk = this.#chunks.shift();
          if (chunk === undefined) return;
          this.#steps = this.#write(chunk);
        }
        const step = this.#steps.next();
        if (step.done === true) {
          this.#steps = undefined;
          this.#listener.chunkWritten();
        } else if (typeof step.value?.then === "function") {
          this.#await(step.value);
        }
      }
    } catch (error) {
      this.#listener.failed(this.#sinkFailed(error));
    }
  }

  #await(promise: PromiseLike<void>): void {
    this.#waiting = true;
    const settle = (outcome: { readonly error?: unknown }): void => {
      this.#settled = outcome;
      if (!this.#closed) this.#listener.progressed();
    };
    promise.then(
      () => settle({}),
      (error: unknown) => settle({ error: error ?? new Error("rejected without a reason") }),
    );
  }

  *#write(chunk: Chunk<T>): Generator<void | PromiseLike<void>, void> {
    const writer = this.#writer;
    let from = 0;
    for (const control of chunk.controls) {
      if (!this.#concernsSink(control)) continue;
      if (control.at > from) {
        yield writer.write(
          chunk.records.slice(from, control.at),
          chunk.timestamps.slice(from, control.at),
        );
        from = control.at;
      }
      switch (control.type) {
        case "Watermark":
          this.#doing = "to write a watermark";
          yield writer.writeWatermark?.(control.watermark);
          break;
        case "Barrier":
          this.#doing = "to flush";
          yield writer.flush?.(false);
          this.#listener.barrierReached(control.barrier);
          break;
        case "EndOfData":
          this.#doing = "to flush";
          yield writer.flush?.(true);
          this.#listener.endReached();
          break;
      }
      this.#doing = "to write";
    }
    if (from === 0 && chunk.records.length > 0) {
      yield writer.write(chunk.records, chunk.timestamps);
    } else if (from < chunk.records.length) {
      yield writer.write(chunk.records.slice(from), chunk.timestamps.slice(from));
    }
  }

  #concernsSink({ type }: Control): boolean {
    if (type === "Watermark") return this.#writer.writeWatermark !== undefined;
    return type === "Barrier" || type === "EndOfData";
  }

  #sinkFailed(cause: unknown): unknown {
    return sinkFailed(this.#name, this.#where, this.#doing, cause);
  }
}
