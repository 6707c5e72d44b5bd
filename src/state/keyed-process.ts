import type { Draft } from "immer";
import * as v from "valibot";
import type { Timestamp, Watermark } from "../api/watermark.js";
import { parseOptions } from "../options/parse-options.js";
import { type ChunkOperator, process } from "../stream/index.js";
import { operatorName } from "../stream/operator-name.js";
import { KeyedProcessRun } from "./keyed-process-run.js";
import type { StateKey } from "./state-key.js";

/** Event-time timers of the key that is being processed (Flink `TimerService`). */
export interface EventTimeTimers {
  /**
   * Calls `onTimer` once when the watermark passes `time`; setting it again changes nothing. For a time
   * that has passed: at the next watermark. Infinity: at the end of the input.
   */
  registerEventTimeTimer(time: Timestamp): void;
  /** Nothing happens when it is not set. */
  deleteEventTimeTimer(time: Timestamp): void;
}

/** What a function of `keyedProcess` is given; valid during the call. */
export interface KeyedContext<K extends StateKey, S, B> {
  readonly key: K;
  /** Event time of the record, or the time of the timer. */
  readonly timestamp: Timestamp;
  /** The last watermark, also that of the restored checkpoint; -Infinity before the first. */
  readonly watermark: Watermark;
  /** The key's state, made by `state` on first use; during the call it may be changed in place. */
  readonly state: S;
  /** Whether the key has state already. */
  readonly hasState: boolean;
  readonly timers: EventTimeTimers;
  /** Replaces the state. */
  setState(state: S): void;
  /** Changes the state by an immer recipe: it changes the draft, or returns a new state. */
  update(recipe: (draft: Draft<S>) => Draft<S> | S | void): void;
  /** Forgets the key's state; its timers stay. */
  clear(): void;
  /** Emits a record; without a timestamp it gets that of the call. */
  collect(record: B, timestamp?: Timestamp): void;
}

/** What `keyedProcess` takes. */
export interface KeyedProcessOptions<A, B, K extends StateKey, S> {
  /** Unique within the pipeline and the same in every release of the job: state is found by it. */
  readonly name: string;
  keyOf(record: A): K;
  /** The state of a key that has none, as JSON; an object of its own for each call. */
  state(key: K): S;
  /** Puts two states of one key into one, when they meet after a rescale. */
  merge?(a: S, b: S, key: K): S;
  onRecord(record: A, context: KeyedContext<K, S, B>): void;
  /** A timer of the key is due; before the watermark goes on. */
  onTimer?(time: Timestamp, context: KeyedContext<K, S, B>): void;
}

const Schema = v.strictObject({
  name: operatorName(),
  keyOf: v.function(),
  state: v.function(),
  merge: v.optional(v.function()),
  onRecord: v.function(),
  onTimer: v.optional(v.function()),
});

/**
 * Runs a function with a state and event-time timers for each key, in the subtask's loop (Flink
 * `KeyedProcessFunction`).
 *
 * There is no shuffle: a key has a state in each subtask that has read records of it. After a change
 * of parallelism the states go to the subtasks by key, and `merge` puts those of one key into one.
 * Throws OPTION_INVALID. Errors: ILLEGAL_ARGUMENT for a key that is neither text nor a finite number, CHECKPOINT_STATE_UNMATCHED
 * when states of a key meet and there is no `merge`.
 */
export function keyedProcess<A, B, K extends StateKey, S>(
  options: KeyedProcessOptions<A, B, K, S>,
): ChunkOperator<A, B> {
  parseOptions("keyedProcess", Schema, options);
  return process<A, B>({
    name: options.name,
    create: ({ restoredStates }) => {
      const run = new KeyedProcessRun<A, B, K, S>(options);
      run.restore(restoredStates);
      return run;
    },
  });
}
