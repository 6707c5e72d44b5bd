import type { BadRecord } from "../api/bad-record.js";
import type { Timestamp } from "../api/watermark.js";
import type { OperatorState } from "../checkpoint/checkpoint-data.js";
import {
  type CheckpointBarrier,
  type Chunk,
  type Control,
  creditsOf,
  FINAL_STATE,
} from "../stream/index.js";
import { type SubtaskName, sinkFailed } from "./subtask-error.js";
import type { NamedWriter, WriterPair } from "./subtask-writers.js";

/** What the feed tells its subtask, in the subtask's loop. */
export interface SinkFeedListener {
  /** A chunk has been written: its credits come back. */
  chunkWritten(credits: number): void;
  /** Everything before the barrier has been written and flushed. */
  barrierReached(barrier: CheckpointBarrier): void;
  /** What a sink has in the checkpoint, or in the subtask's final state (checkpoint −1); before `barrierReached`. */
  sinkSnapshot(checkpointId: number, stateName: string, state: OperatorState): void;
  /** It could not be serialized: the checkpoint is declined, the job goes on. */
  sinkDeclined(checkpointId: number, error: unknown): void;
  endReached(): void;
  failed(error: unknown): void;
  /** Something asynchronous has settled: call `resume` in the loop. */
  progressed(): void;
}

/**
 * Owns: the chunks between the last operator and the sink writer: what comes of as many chunks as the
 * subtask has credits, and of the records that async operators may have in flight. Called by: the
 * subtask's loop.
 * Invariants: one write at a time, records in stream order and dead letters in theirs; those of a
 * chunk are written behind its records, so that they do not cut them into small writes. A barrier
 * passes only after both writers have been flushed.
 */
export class SinkFeed {
  readonly #main: NamedWriter<unknown>;
  readonly #deadLetters: NamedWriter<BadRecord> | undefined;
  readonly #listener: SinkFeedListener;
  readonly #where: SubtaskName;
  readonly #chunks: Chunk<unknown>[] = [];
  #steps: Iterator<void | PromiseLike<void>> | undefined;
  /** Of the chunk that is being written. */
  #credits = 0;
  #waiting = false;
  #settled: { readonly error?: unknown } | undefined;
  #doing = "";
  /** The sink that is at work. */
  #name = "";
  #closed = false;

  constructor(writers: WriterPair, where: SubtaskName, listener: SinkFeedListener) {
    this.#main = writers.main;
    this.#deadLetters = writers.deadLetters;
    this.#where = where;
    this.#listener = listener;
  }

  /** Takes the next chunk and writes as far as it can without waiting. */
  accept(chunk: Chunk<unknown>): void {
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
          this.#credits = creditsOf(chunk);
        }
        const step = this.#steps.next();
        if (step.done === true) {
          this.#steps = undefined;
          this.#listener.chunkWritten(this.#credits);
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

  *#write(chunk: Chunk<unknown>): Generator<void | PromiseLike<void>, void> {
    const { writer } = this.#main;
    const deadLetters: BadRecord[] = [];
    let from = 0;
    for (const control of chunk.controls) {
      if (control.type === "BadRecord") deadLetters.push(control.badRecord);
      if (!this.#concernsSink(control)) continue;
      if (control.at > from) {
        yield this.#writeRecords(chunk, from, control.at);
        from = control.at;
      }
      switch (control.type) {
        case "Watermark":
          this.#begin(this.#main, "to write a watermark");
          yield writer.writeWatermark?.(control.watermark);
          break;
        case "Barrier":
          yield* this.#flush(deadLetters, false);
          yield* this.#prepare(control.barrier.checkpointId, control.barrier.checkpointId);
          this.#listener.barrierReached(control.barrier);
          break;
        case "EndOfData":
          yield* this.#flush(deadLetters, true);
          yield* this.#prepare(FINAL_STATE, Number.MAX_SAFE_INTEGER);
          this.#listener.endReached();
          break;
      }
    }
    if (from < chunk.records.length) yield this.#writeRecords(chunk, from, chunk.records.length);
    yield this.#writeDeadLetters(deadLetters);
  }

  #writeRecords(chunk: Chunk<unknown>, from: number, to: number): void | PromiseLike<void> {
    const { records, timestamps } = chunk;
    const { writer } = this.#main;
    this.#begin(this.#main, "to write");
    if (from === 0 && to === records.length) return writer.write(records, timestamps);
    return writer.write(records.slice(from, to), timestamps.slice(from, to));
  }

  /** Writes what has been gathered, and empties it. */
  #writeDeadLetters(gathered: BadRecord[]): void | PromiseLike<void> {
    if (gathered.length === 0 || this.#deadLetters === undefined) return;
    this.#begin(this.#deadLetters, "to write");
    const badRecords = gathered.splice(0);
    return this.#deadLetters.writer.write(badRecords, badRecords.map(withoutTime));
  }

  *#flush(
    deadLetters: BadRecord[],
    endOfInput: boolean,
  ): Generator<void | PromiseLike<void>, void> {
    yield this.#writeDeadLetters(deadLetters);
    for (const one of [this.#main, this.#deadLetters]) {
      if (one === undefined) continue;
      this.#begin(one, "to flush");
      yield one.writer.flush?.(endOfInput);
    }
  }

  /** Has the writers prepare what they have written, and keeps it as prepared at `preparedAt`. */
  *#prepare(checkpointId: number, preparedAt: number): Generator<void | PromiseLike<void>, void> {
    for (const one of [this.#main, this.#deadLetters]) {
      if (one?.stateName === undefined) continue;
      const { writer, commits, stateName } = one;
      this.#begin(one, "to prepare a commit");
      let prepared: readonly unknown[] = [];
      yield Promise.resolve(writer.prepareCommit?.()).then((committables) => {
        prepared = committables ?? [];
      });
      commits.prepared(preparedAt, prepared);
      this.#begin(one, "to snapshot its state");
      const states = writer.snapshotState?.(checkpointId) ?? [];
      try {
        this.#listener.sinkSnapshot(checkpointId, stateName, commits.snapshot(states));
      } catch (error) {
        if (checkpointId === FINAL_STATE) throw error;
        this.#listener.sinkDeclined(checkpointId, error);
      }
    }
  }

  #concernsSink({ type }: Control): boolean {
    if (type === "Watermark") return this.#main.writer.writeWatermark !== undefined;
    return type === "Barrier" || type === "EndOfData";
  }

  #begin({ name }: NamedWriter<never>, doing: string): void {
    this.#name = name;
    this.#doing = doing;
  }

  #sinkFailed(cause: unknown): unknown {
    return sinkFailed(this.#name, this.#where, this.#doing, cause);
  }
}

/** Dead letters have no event time. */
function withoutTime(): Timestamp {
  return Number.NEGATIVE_INFINITY;
}
