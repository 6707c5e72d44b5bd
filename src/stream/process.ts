import { Observable } from "rxjs/internal/Observable";
import * as v from "valibot";
import type { Timestamp, Watermark } from "../api/watermark.js";
import { HeadwaterError } from "../errors/index.js";
import { parseOptions } from "../options/parse-options.js";
import type { Chunk, Control } from "./chunk.js";
import {
  FINAL_STATE,
  isStateSnapshot,
  type OperatorContext,
  STANDALONE,
  snapshotFailed,
} from "./operator-context.js";
import { operatorName } from "./operator-name.js";
import type { ChunkOperator } from "./operators.js";
import { checkStateJson } from "./state-json.js";

/** Takes what a process function emits. */
export interface Collector<B> {
  /** Without a timestamp the record gets that of the record, or the watermark, being processed. */
  collect(record: B, timestamp?: Timestamp): void;
}

/**
 * Logic with state of its own over the records of one subtask (Flink `ProcessFunction`); every
 * method is called in stream order, in the subtask's loop.
 */
export interface ProcessFunction<A, B> {
  processRecord(record: A, timestamp: Timestamp, out: Collector<B>): void;
  /** Event time has reached `watermark`: no record with a timestamp ≤ it follows. */
  processWatermark?(watermark: Watermark, out: Collector<B>): void;
  /**
   * The state at a checkpoint's barrier, as JSON or a `StateSnapshot`; leave it out when there is none.
   * What is not JSON declines the checkpoint with SERIALIZER_FAILED; undefined comes back as null.
   */
  snapshotState?(): unknown;
}

/** What a process function may know when it is created. */
export interface ProcessFunctionContext {
  readonly indexOfSubtask: number;
  readonly currentParallelism: number;
  /**
   * What `snapshotState` returned at the restored checkpoint: one entry, or none on a fresh start;
   * after a change of parallelism none, one or several.
   */
  readonly restoredStates: readonly unknown[];
}

/** A stateful operator before a subtask has bound it. */
export interface StatefulOperator {
  readonly operatorName: string;
  bind(context: OperatorContext): ChunkOperator<never, unknown>;
}

/** What `process` takes. */
export interface ProcessOptions<A, B> {
  /** Unique within the pipeline and the same in every release of the job: state is found by it. */
  readonly name: string;
  create(context: ProcessFunctionContext): ProcessFunction<A, B>;
}

const ProcessSchema = v.strictObject({ name: operatorName(), create: v.function() });

/**
 * Runs a process function over the stream; its state is part of every checkpoint. Throws OPTION_INVALID.
 *
 * In a job each attempt of each subtask gets its own function. Outside a job, as a plain RxJS
 * operator, it starts without state on each subscription.
 */
export function process<A, B>(options: ProcessOptions<A, B>): ChunkOperator<A, B> {
  parseOptions("process", ProcessSchema, options);
  const bind = (context: OperatorContext): ChunkOperator<A, B> => {
    return (chunks) =>
      new Observable<Chunk<B>>((subscriber) => {
        const run = new ProcessRun(options.name, options.create(context), context);
        return chunks.subscribe({
          next: (chunk) => {
            let processed: Chunk<B>;
            // RxJS reports what an observer throws as an uncaught exception.
            try {
              processed = run.process(chunk);
            } catch (error) {
              subscriber.error(error);
              return;
            }
            subscriber.next(processed);
          },
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        });
      });
  };
  const operator: ChunkOperator<A, B> & StatefulOperator = Object.assign(
    (chunks: Observable<Chunk<A>>) => bind(STANDALONE)(chunks),
    { operatorName: options.name, bind: bind as StatefulOperator["bind"] },
  );
  return operator;
}

/** Whether an operator of a pipeline has state that checkpoints must hold. */
export function isStateful(operator: unknown): operator is StatefulOperator {
  return typeof operator === "function" && "operatorName" in operator && "bind" in operator;
}

/** One subscription's process function with the chunk that it fills. */
class ProcessRun<A, B> implements Collector<B> {
  readonly #name: string;
  readonly #function: ProcessFunction<A, B>;
  readonly #context: OperatorContext;
  #records: B[] = [];
  #timestamps: Timestamp[] = [];
  #now: Timestamp = Number.NEGATIVE_INFINITY;

  constructor(name: string, fn: ProcessFunction<A, B>, context: OperatorContext) {
    this.#name = name;
    this.#function = fn;
    this.#context = context;
  }

  collect(record: B, timestamp: Timestamp = this.#now): void {
    this.#records.push(record);
    this.#timestamps.push(timestamp);
  }

  process(chunk: Chunk<A>): Chunk<B> {
    this.#records = [];
    this.#timestamps = [];
    const controls: Control[] = [];
    let from = 0;
    for (const control of chunk.controls) {
      this.#processRecords(chunk, from, control.at);
      from = control.at;
      this.#processControl(control);
      controls.push({ ...control, at: this.#records.length });
    }
    this.#processRecords(chunk, from, chunk.records.length);
    return {
      records: this.#records,
      timestamps: this.#timestamps,
      controls,
      credits: chunk.credits,
    };
  }

  #processRecords(chunk: Chunk<A>, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const timestamp = chunk.timestamps[i] as Timestamp;
      this.#now = timestamp;
      this.#function.processRecord(chunk.records[i] as A, timestamp, this);
    }
  }

  #processControl(control: Control): void {
    switch (control.type) {
      case "Watermark":
        this.#now = control.watermark;
        this.#function.processWatermark?.(control.watermark, this);
        break;
      case "Barrier":
        this.#snapshot(control.barrier.checkpointId);
        break;
      case "EndOfData":
        this.#snapshot(FINAL_STATE);
        break;
    }
  }

  #snapshot(checkpointId: number): void {
    if (this.#function.snapshotState === undefined) return;
    try {
      const state = this.#function.snapshotState() ?? null;
      if (!isStateSnapshot(state)) checkStateJson(this.#name, state, "state");
      this.#context.acknowledge(checkpointId, this.#name, state);
    } catch (cause) {
      const error = isNotJson(cause) ? cause : snapshotFailed(this.#name, cause);
      if (checkpointId === FINAL_STATE) throw error;
      this.#context.decline(checkpointId, error);
    }
  }
}

/** Such an error names the operator, the place, and what to do. */
function isNotJson(error: unknown): error is HeadwaterError {
  return error instanceof HeadwaterError && error.code === "SERIALIZER_FAILED";
}
