import type { Timestamp, Watermark } from "../api/watermark.js";
import { describeValue, illegalArgument } from "../errors/index.js";
import type { Collector, ProcessFunction } from "../stream/index.js";
import type { StateSnapshot } from "../stream/operator-context.js";
import { checkStateJson } from "../stream/state-json.js";
import { EntrySnapshots, type SnapshotEntry } from "./entry-snapshots.js";
import { restoredState, sharedState } from "./restored-state.js";
import { checkKey, type StateKey } from "./state-key.js";
import type { WindowAggregate, WindowResult, WindowSettings } from "./window-options.js";

interface WindowEntry<K extends StateKey, Acc> extends SnapshotEntry {
  readonly start: number;
  readonly key: K;
  value: Acc;
}

interface Window<K extends StateKey, Acc> {
  readonly start: number;
  readonly end: number;
  readonly entries: Map<K, WindowEntry<K, Acc>>;
}

/** A window that no record is in. */
function noWindow<K extends StateKey, Acc>(): Window<K, Acc> {
  return { start: Number.POSITIVE_INFINITY, end: Number.NEGATIVE_INFINITY, entries: new Map() };
}

/**
 * One attempt of a window operator.
 *
 * Owns: the windows that have something to emit, the watermark and the number of late records.
 * Called by: the subtask's loop.
 * Invariants: each record is in exactly one emission of each of its windows, or was late; a window is
 * emitted before the watermark that has passed its end, and forgotten then; the watermark never goes
 * back, also not behind that of the restored checkpoint. Accumulators are changed in place and touched
 * before, so that a snapshot has them as they were at the barrier.
 */
export class WindowRun<T, K extends StateKey, Acc, R, L>
  implements ProcessFunction<T, WindowResult<K, R> | L>
{
  readonly #settings: WindowSettings<T, K, Acc, R, L>;
  readonly #keyOf: (record: T) => K;
  readonly #aggregate: WindowAggregate<T, Acc, R>;
  /** Of the windows and late records: what a state with other ones could not go on with. */
  readonly #kind: string;
  readonly #windows = new Map<number, Window<K, Acc>>();
  readonly #snapshots = new EntrySnapshots<WindowEntry<K, Acc>>((entry) => this.#partsOf(entry));
  /** The window of the last record, when windows do not overlap: most records are in the same one. */
  #last: Window<K, Acc> = noWindow();
  /** No window ends earlier. */
  #firstEnd = Number.POSITIVE_INFINITY;
  #watermark = Number.NEGATIVE_INFINITY;
  #late = 0;

  constructor(settings: WindowSettings<T, K, Acc, R, L>) {
    this.#settings = settings;
    this.#keyOf = settings.keyOf;
    this.#aggregate = settings.aggregate;
    const { size, slide, offset } = settings;
    this.#kind = `windows of ${size} ms every ${slide} ms from ${modulo(offset, slide)}`;
  }

  restore(states: readonly unknown[]): void {
    const { name } = this.#settings;
    const { watermark, own, entries } = restoredState(name, this.#kind, states);
    this.#watermark = watermark;
    for (const { late } of own as { readonly late: number }[]) this.#late += late;
    for (const [start, key, value] of entries as [number, K, Acc][]) {
      const window = this.#windowAt(start);
      const entry = window.entries.get(key);
      if (entry !== undefined) entry.value = this.#aggregate.merge(entry.value, value);
      else window.entries.set(key, { start, key, value, generation: this.#snapshots.generation });
    }
  }

  processRecord(record: T, timestamp: Timestamp, out: Collector<WindowResult<K, R> | L>): void {
    const last = this.#last;
    if (timestamp >= last.start && timestamp < last.end) this.#add(last, record, timestamp);
    else this.#assign(record, timestamp, out);
  }

  processWatermark(watermark: Watermark, out: Collector<WindowResult<K, R> | L>): void {
    if (watermark < this.#watermark) return;
    // Infinity is not kept: after a drain the job may go on.
    if (watermark < Number.POSITIVE_INFINITY) this.#watermark = watermark;
    // A window holds its last millisecond, and the watermark says that one is over.
    if (watermark + 1 >= this.#firstEnd) this.#fire(watermark, out);
    if (watermark + 1 >= this.#last.end) this.#last = noWindow();
  }

  snapshotState(): StateSnapshot {
    const head = { shared: sharedState(this.#kind, this.#watermark), own: { late: this.#late } };
    return this.#snapshots.begin(head, entriesOf([...this.#windows.values()]));
  }

  #add(window: Window<K, Acc>, record: T, timestamp: Timestamp): void {
    const keyOf = this.#keyOf;
    const key = keyOf(record);
    let entry = window.entries.get(key);
    if (entry === undefined) entry = this.#create(window, key);
    else this.#snapshots.touch(entry);
    entry.value = this.#aggregate.add(entry.value, record, timestamp);
  }

  #create(window: Window<K, Acc>, key: K): WindowEntry<K, Acc> {
    checkKey(this.#settings.name, key);
    const { start } = window;
    const value = this.#aggregate.create();
    const entry = { start, key, value, generation: this.#snapshots.generation };
    window.entries.set(key, entry);
    return entry;
  }

  /** Finds the record's windows, as far as it is not too late for them. */
  #assign(record: T, timestamp: Timestamp, out: Collector<WindowResult<K, R> | L>): void {
    const { name, size, slide, offset, allowedLateness, late } = this.#settings;
    if (!Number.isFinite(timestamp)) {
      throw illegalArgument(
        `operator ${name} got a record without event time: give the source's watermark strategy a timestamp assigner`,
      );
    }
    // Beyond, a number holds no single milliseconds, and a window would have no length.
    if (Math.abs(timestamp) > Number.MAX_SAFE_INTEGER) {
      throw illegalArgument(
        `operator ${name} got a record with the event time ${timestamp}: milliseconds since the epoch are expected`,
      );
    }
    const lateEnd = this.#watermark + 1 - allowedLateness;
    let isLate = true;
    let start = timestamp - modulo(timestamp - offset, slide);
    for (; start + size > timestamp && start + size > lateEnd; start -= slide) {
      const window = this.#windowAt(start);
      if (slide === size) this.#last = window;
      this.#add(window, record, timestamp);
      isLate = false;
    }
    if (!isLate) return;
    this.#late++;
    if (late !== undefined) out.collect(late(record, timestamp), timestamp);
  }

  #windowAt(start: number): Window<K, Acc> {
    let window = this.#windows.get(start);
    if (window === undefined) {
      window = { start, end: start + this.#settings.size, entries: new Map() };
      this.#windows.set(start, window);
      this.#firstEnd = Math.min(this.#firstEnd, window.end);
    }
    return window;
  }

  /** Emits what is over, in the order of its ends. */
  #fire(watermark: Watermark, out: Collector<WindowResult<K, R> | L>): void {
    const due: Window<K, Acc>[] = [];
    this.#firstEnd = Number.POSITIVE_INFINITY;
    for (const window of this.#windows.values()) {
      if (window.end <= watermark + 1) due.push(window);
      else this.#firstEnd = Math.min(this.#firstEnd, window.end);
    }
    const late = this.#late;
    const aggregate = this.#aggregate;
    for (const { start, end, entries } of due.sort((a, b) => a.start - b.start)) {
      this.#windows.delete(start);
      for (const entry of entries.values()) {
        // Whoever gets the result may change it.
        this.#snapshots.touch(entry);
        const { key, value } = entry;
        const result =
          aggregate.result === undefined ? (value as unknown as R) : aggregate.result(value);
        out.collect({ key, start, end, value: result, late }, end - 1);
      }
    }
  }

  #partsOf({ start, key, value }: WindowEntry<K, Acc>): readonly unknown[] {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      checkStateJson(this.#settings.name, value, `window of ${describeValue(key)}`);
    }
    return [start, key, value];
  }
}

function* entriesOf<K extends StateKey, Acc>(
  windows: readonly Window<K, Acc>[],
): Generator<WindowEntry<K, Acc>, void> {
  for (const { entries } of windows) yield* entries.values();
}

/** Not negative, for a positive divisor. */
function modulo(value: number, divisor: number): number {
  const rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}
