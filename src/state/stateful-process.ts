import { type Draft, freeze, produce } from "immer";
import * as v from "valibot";
import type { Timestamp, Watermark } from "../api/watermark.js";
import { parseOptions } from "../options/parse-options.js";
import {
  type ChunkOperator,
  type Collector,
  type ProcessFunction,
  process,
} from "../stream/index.js";
import { operatorName } from "../stream/operator-name.js";
import { JsonSnapshot } from "./json-snapshot.js";
import { kindOfKeyedState, stateOfAnother, stateUnmatched } from "./restored-state.js";

/** What a function of `statefulProcess` is given; valid during the call. */
export interface StatefulContext<S, B> {
  /** The subtask's state; it is frozen: change it with `update`. */
  readonly state: S;
  /** Event time of the record, or the watermark. */
  readonly timestamp: Timestamp;
  /** The last watermark of this attempt; -Infinity before the first. */
  readonly watermark: Watermark;
  readonly indexOfSubtask: number;
  readonly currentParallelism: number;
  /** Changes the state by an immer recipe: it changes the draft, or returns a new state. */
  update(recipe: (draft: Draft<S>) => Draft<S> | S | void): void;
  /** Emits a record; without a timestamp it gets that of the call. */
  collect(record: B, timestamp?: Timestamp): void;
}

/** What `statefulProcess` takes. */
export interface StatefulProcessOptions<A, B, S> {
  /** Unique within the pipeline and the same in every release of the job: state is found by it. */
  readonly name: string;
  /** The state of a subtask that has none in the checkpoint, as JSON. */
  readonly state: S;
  /** Puts two states into one, when a subtask gets those of several after a rescale. */
  merge?(a: S, b: S): S;
  onRecord(record: A, context: StatefulContext<S, B>): void;
  /** Event time has reached the watermark: no record with a timestamp ≤ it follows. */
  onWatermark?(watermark: Watermark, context: StatefulContext<S, B>): void;
}

const Schema = v.strictObject({
  name: operatorName(),
  state: v.unknown(),
  merge: v.optional(v.function()),
  onRecord: v.function(),
  onWatermark: v.optional(v.function()),
});

/**
 * Runs a function with one state a subtask over the stream, in the subtask's loop (Flink operator state).
 *
 * The state changes by immer recipes only, so a checkpoint takes it by reference and makes it bytes
 * later. After a change of parallelism the states are dealt round-robin; `merge` puts several into one.
 * Throws OPTION_INVALID, and CHECKPOINT_STATE_UNMATCHED when there are several and no `merge`.
 */
export function statefulProcess<A, B, S>(
  options: StatefulProcessOptions<A, B, S>,
): ChunkOperator<A, B> {
  parseOptions("statefulProcess", Schema, options);
  return process<A, B>({
    name: options.name,
    create: ({ restoredStates, indexOfSubtask, currentParallelism }) => {
      const run = new StatefulRun<A, B, S>(options, restored(options, restoredStates));
      run.indexOfSubtask = indexOfSubtask;
      run.currentParallelism = currentParallelism;
      return run;
    },
  });
}

function restored<S>(
  options: StatefulProcessOptions<never, unknown, S>,
  states: readonly unknown[],
): S {
  for (const state of states) {
    const writtenBy = kindOfKeyedState(state);
    if (writtenBy !== undefined) throw stateOfAnother(options.name, writtenBy, "statefulProcess");
  }
  const [first = options.state, ...more] = states as readonly S[];
  return more.reduce((a, b) => {
    if (options.merge !== undefined) return options.merge(a, b);
    throw stateUnmatched(
      options.name,
      `is in ${states.length} parts, of as many old subtasks, and the operator has no merge`,
      "Give the operator a merge function, or restore with the parallelism of the checkpoint.",
    );
  }, first);
}

/** One attempt's state, and the context of its function. */
class StatefulRun<A, B, S> implements ProcessFunction<A, B>, StatefulContext<S, B> {
  readonly #options: StatefulProcessOptions<A, B, S>;
  indexOfSubtask = 0;
  currentParallelism = 1;
  state: S;
  timestamp = Number.NEGATIVE_INFINITY;
  watermark = Number.NEGATIVE_INFINITY;
  #out: Collector<B> | undefined;

  constructor(options: StatefulProcessOptions<A, B, S>, state: S) {
    this.#options = options;
    this.state = freeze(state, true);
  }

  update(recipe: (draft: Draft<S>) => Draft<S> | S | void): void {
    this.state = freeze(produce(this.state, recipe as (draft: Draft<S>) => void) as S, true);
  }

  collect(record: B, timestamp = this.timestamp): void {
    this.#out?.collect(record, timestamp);
  }

  processRecord(record: A, timestamp: Timestamp, out: Collector<B>): void {
    this.#out = out;
    this.timestamp = timestamp;
    this.#options.onRecord(record, this);
  }

  processWatermark(watermark: Watermark, out: Collector<B>): void {
    this.#out = out;
    this.timestamp = watermark;
    this.watermark = watermark;
    this.#options.onWatermark?.(watermark, this);
  }

  snapshotState(): JsonSnapshot {
    return new JsonSnapshot(this.#options.name, this.state);
  }
}
