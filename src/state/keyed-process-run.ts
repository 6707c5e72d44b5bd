import { type Draft, Immer } from "immer";
import type { Timestamp, Watermark } from "../api/watermark.js";
import { describeValue, illegalArgument } from "../errors/index.js";
import type { Collector, ProcessFunction } from "../stream/index.js";
import type { StateSnapshot } from "../stream/operator-context.js";
import { checkStateJson } from "../stream/state-json.js";
import { EntrySnapshots, type SnapshotEntry } from "./entry-snapshots.js";
import type { EventTimeTimers, KeyedContext, KeyedProcessOptions } from "./keyed-process.js";
import { restoredState, sharedState, stateUnmatched } from "./restored-state.js";
import { checkKey, type StateKey } from "./state-key.js";
import { type Timer, TimerQueue } from "./timer-queue.js";

const KIND = "keyedProcess";

/** Without freezing: between its recipes a state may be changed in place. */
const immer = new Immer({ autoFreeze: false });

interface KeyEntry<K extends StateKey, S> extends SnapshotEntry {
  readonly key: K;
  /** Undefined: the key has no state. */
  value: { state: S } | undefined;
  readonly timers: Map<Timestamp, Timer<KeyEntry<K, S>>>;
}

/**
 * One attempt of a keyed function, and the context of its calls.
 *
 * Owns: the keys' states and timers, and the watermark. Called by: the subtask's loop.
 * Invariants: a key without state and timers has no entry; whatever could change an entry touches it
 * before, so that a snapshot has it as it was at the barrier. The watermark never goes back, also not
 * behind that of the restored checkpoint.
 */
export class KeyedProcessRun<A, B, K extends StateKey, S>
  implements ProcessFunction<A, B>, KeyedContext<K, S, B>, EventTimeTimers
{
  readonly #options: KeyedProcessOptions<A, B, K, S>;
  readonly #entries = new Map<K, KeyEntry<K, S>>();
  readonly #snapshots = new EntrySnapshots<KeyEntry<K, S>>((entry) => this.#partsOf(entry));
  readonly #queue = new TimerQueue<KeyEntry<K, S>>();
  /** The key has no entry yet when it is undefined. */
  #entry: KeyEntry<K, S> | undefined;
  #key: K | undefined;
  /** Set while timers fire; `later` are those that must wait for the next watermark. */
  #firing: { time: Timestamp; readonly later: Timer<KeyEntry<K, S>>[] } | undefined;
  #out: Collector<B> | undefined;
  /** Infinity is not kept: after a drain the job may go on. */
  #lastFinite = Number.NEGATIVE_INFINITY;
  timestamp = Number.NEGATIVE_INFINITY;
  watermark = Number.NEGATIVE_INFINITY;

  constructor(options: KeyedProcessOptions<A, B, K, S>) {
    this.#options = options;
  }

  restore(states: readonly unknown[]): void {
    const { name, merge } = this.#options;
    const { watermark, entries } = restoredState(name, KIND, states);
    this.watermark = watermark;
    this.#lastFinite = watermark;
    for (const [key, timers, ...value] of entries as [K, (number | string)[], S?][]) {
      const entry = this.#entries.get(key) ?? this.#create(key);
      for (const time of timers) this.#set(entry, Number(time));
      if (value.length === 0) continue;
      const state = value[0] as S;
      if (entry.value === undefined) {
        entry.value = { state };
      } else if (merge === undefined) {
        throw stateUnmatched(
          name,
          `has ${describeValue(key)} from several subtasks, and the operator has no merge`,
          "Give the operator a merge function, or restore with the parallelism of the checkpoint.",
        );
      } else {
        entry.value.state = merge.call(this.#options, entry.value.state, state, key);
      }
    }
  }

  processRecord(record: A, timestamp: Timestamp, out: Collector<B>): void {
    this.#out = out;
    this.timestamp = timestamp;
    const key = this.#options.keyOf(record);
    this.#key = key;
    this.#entry = this.#entries.get(key);
    this.#options.onRecord(record, this);
    this.#forgetIfEmpty();
  }

  processWatermark(watermark: Watermark, out: Collector<B>): void {
    if (watermark < this.watermark) return;
    this.#out = out;
    this.watermark = watermark;
    if (Number.isFinite(watermark)) this.#lastFinite = watermark;
    if (this.#queue.nextTime > watermark) return;
    const firing = { time: Number.NEGATIVE_INFINITY, later: [] as Timer<KeyEntry<K, S>>[] };
    this.#firing = firing;
    for (
      let timer = this.#queue.takeDue(watermark);
      timer !== undefined;
      timer = this.#queue.takeDue(watermark)
    ) {
      firing.time = timer.time;
      this.#fire(timer);
    }
    this.#firing = undefined;
    for (const timer of firing.later) if (!timer.isDeleted) this.#queue.add(timer);
  }

  snapshotState(): StateSnapshot {
    const shared = sharedState(KIND, this.#lastFinite);
    return this.#snapshots.begin({ shared }, this.#entries.values());
  }

  // The context -------------------------------------------------------------------------------

  get key(): K {
    return this.#key as K;
  }

  get timers(): EventTimeTimers {
    return this;
  }

  get hasState(): boolean {
    return this.#entry?.value !== undefined;
  }

  get state(): S {
    const entry = this.#changing();
    entry.value ??= { state: this.#options.state(entry.key) };
    return entry.value.state;
  }

  setState(state: S): void {
    this.#changing().value = { state };
  }

  update(recipe: (draft: Draft<S>) => Draft<S> | S | void): void {
    this.setState(immer.produce(this.state, recipe as (draft: Draft<S>) => void) as S);
  }

  clear(): void {
    if (this.#entry !== undefined) this.#changing().value = undefined;
  }

  collect(record: B, timestamp = this.timestamp): void {
    this.#out?.collect(record, timestamp);
  }

  registerEventTimeTimer(time: Timestamp): void {
    if (typeof time !== "number" || !(time > Number.NEGATIVE_INFINITY)) {
      throw illegalArgument(
        `operator ${this.#options.name} cannot set a timer for ${describeValue(time)}: milliseconds are expected`,
      );
    }
    this.#set(this.#changing(), time);
  }

  deleteEventTimeTimer(time: Timestamp): void {
    const timer = this.#entry?.timers.get(time);
    if (timer === undefined) return;
    this.#changing().timers.delete(time);
    this.#queue.delete(timer);
  }

  // Entries -----------------------------------------------------------------------------------

  /** The entry of the key, saved for the snapshot under way. */
  #changing(): KeyEntry<K, S> {
    if (this.#entry === undefined) {
      checkKey(this.#options.name, this.#key);
      this.#entry = this.#create(this.#key as K);
    }
    this.#snapshots.touch(this.#entry);
    return this.#entry;
  }

  #create(key: K): KeyEntry<K, S> {
    const { generation } = this.#snapshots;
    const entry: KeyEntry<K, S> = { key, generation, value: undefined, timers: new Map() };
    this.#entries.set(key, entry);
    return entry;
  }

  #forgetIfEmpty(): void {
    const entry = this.#entry;
    if (entry === undefined || entry.value !== undefined || entry.timers.size > 0) return;
    this.#snapshots.touch(entry);
    this.#entries.delete(entry.key);
  }

  #set(entry: KeyEntry<K, S>, time: Timestamp): void {
    if (entry.timers.has(time)) return;
    const timer = this.#queue.create(entry, time);
    entry.timers.set(time, timer);
    // The last watermark fires what is set then: a timer that sets itself again must not go on for ever.
    const waits =
      this.#firing !== undefined &&
      (time <= this.#firing.time || this.watermark === Number.POSITIVE_INFINITY);
    if (waits) this.#firing?.later.push(timer);
    else this.#queue.add(timer);
  }

  #fire({ owner: entry, time }: Timer<KeyEntry<K, S>>): void {
    this.#key = entry.key;
    this.#entry = entry;
    this.timestamp = time;
    this.#changing().timers.delete(time);
    this.#options.onTimer?.(time, this);
    this.#forgetIfEmpty();
  }

  #partsOf({ key, timers, value }: KeyEntry<K, S>): readonly unknown[] {
    const times = Array.from(timers.keys(), (time) =>
      Number.isFinite(time) ? time : String(time),
    );
    if (value === undefined) return [key, times];
    checkStateJson(this.#options.name, value.state, `state of ${describeValue(key)}`);
    return [key, times, value.state];
  }
}
