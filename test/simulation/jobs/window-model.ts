/** How event time is cut; milliseconds. */
export interface WindowShape {
  readonly size: number;
  readonly slide: number;
  readonly offset: number;
  readonly allowedLateness: number;
}

/** Items lie below. */
const ITEMS = 10_000_000;
/** So that windows which begin before 0 have numbers too. */
const WINDOWS_BEFORE = 10;

/**
 * What windows must hold, worked out from the input alone; and their contents as numbers, which is
 * what the simulated sinks take.
 *
 * An item is a record and whether it was on time. A result is an item in a window, or a late item.
 */
export class WindowModel {
  readonly shape: WindowShape;

  constructor(shape: WindowShape) {
    this.shape = shape;
  }

  itemOf(record: number, isOnTime: boolean): number {
    return record * 2 + Number(isOnTime);
  }

  recordOf(item: number): number {
    return Math.floor(item / 2);
  }

  result(start: number, item: number): number {
    const { slide, offset } = this.shape;
    return ((start - offset) / slide + WINDOWS_BEFORE) * ITEMS + item;
  }

  lateResult(item: number): number {
    return item;
  }

  /** Each record once in each of its windows, as far as it was not too late for them. */
  mistakes(
    records: readonly number[],
    timestampOf: (record: number) => number,
    results: readonly number[],
  ): readonly string[] {
    const mistakes: string[] = [];
    const found = new Map<number, Set<number>>();
    const onTime = new Set<number>();
    for (const result of results) {
      const item = result % ITEMS;
      const record = this.recordOf(item);
      const window = Math.floor(result / ITEMS);
      const windows = found.get(record) ?? new Set();
      found.set(record, windows);
      if (windows.has(window)) mistakes.push(`record ${record} is twice ${this.#name(window)}`);
      windows.add(window);
      if (item % 2 === 1) onTime.add(record);
    }
    for (const record of records) {
      const windows = found.get(record) ?? new Set();
      found.delete(record);
      mistakes.push(...this.#mistakesOf(record, timestampOf(record), windows, onTime.has(record)));
    }
    for (const record of found.keys()) mistakes.push(`record ${record} comes from nowhere`);
    return mistakes;
  }

  *#mistakesOf(
    record: number,
    timestamp: number,
    found: ReadonlySet<number>,
    isOnTime: boolean,
  ): Generator<string> {
    if (found.has(0)) {
      if (found.size > 1) yield `record ${record} is late and in a window`;
      if (isOnTime) yield `record ${record} was on time and is late`;
      return;
    }
    if (found.size === 0) yield `record ${record} is lost`;
    const expected = this.#windowsOf(timestamp);
    for (const window of found) {
      if (!expected.includes(window)) yield `record ${record} is ${this.#name(window)}`;
    }
    // One that is late for a window is late for those before it as well.
    let mayMiss = !isOnTime;
    for (const window of expected) {
      if (found.has(window)) mayMiss = false;
      else if (!mayMiss) yield `record ${record} is not ${this.#name(window)}`;
    }
  }

  /** Numbers of the windows that hold a time, the earliest first. */
  #windowsOf(timestamp: number): readonly number[] {
    const { size, slide, offset } = this.shape;
    const last = Math.floor((timestamp - offset) / slide);
    return Array.from({ length: size / slide }, (_, i) => last - i + WINDOWS_BEFORE).reverse();
  }

  #name(window: number): string {
    const { slide, offset } = this.shape;
    if (window === 0) return "late";
    return `in the window from ${(window - WINDOWS_BEFORE) * slide + offset}`;
  }
}
