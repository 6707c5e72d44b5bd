import { type ChunkOperator, process } from "headwater";

/** What a window has gathered, once the watermark has passed its end. */
export interface WindowResult<Value> {
  readonly key: string;
  /** First millisecond of the window, and the one behind its last. */
  readonly start: number;
  readonly end: number;
  readonly value: Value;
  /** Records that came after their window had been emitted, so far and of all keys. */
  readonly late: number;
}

/** How windows are cut and what they gather; values are JSON. */
export interface TumblingWindow<T, Value> {
  readonly name: string;
  /** Milliseconds. */
  readonly size: number;
  readonly keyOf: (record: T) => string;
  readonly initial: Value;
  readonly add: (value: Value, record: T) => Value;
}

type Windows<Value> = Map<number, Map<string, Value>>;

interface State<Value> {
  readonly windows: readonly (readonly [number, readonly (readonly [string, Value])[]])[];
  readonly closed: number;
  readonly late: number;
}

/**
 * Cuts event time into windows of one size and emits each when the watermark has passed its end.
 *
 * Open windows are part of every checkpoint. A record that comes later than that is counted as late.
 */
export function tumblingWindow<T, Value>({
  name,
  size,
  keyOf,
  initial,
  add,
}: TumblingWindow<T, Value>): ChunkOperator<T, WindowResult<Value>> {
  return process<T, WindowResult<Value>>({
    name,
    create: ({ restoredStates }) => {
      const windows: Windows<Value> = new Map();
      let closed = Number.MIN_SAFE_INTEGER;
      let late = 0;
      for (const state of restoredStates as readonly State<Value>[]) {
        for (const [start, values] of state.windows) windows.set(start, new Map(values));
        closed = Math.max(closed, state.closed);
        late += state.late;
      }
      return {
        processRecord(record, timestamp) {
          const start = Math.floor(timestamp / size) * size;
          if (start + size <= closed) {
            late++;
            return;
          }
          let values = windows.get(start);
          if (values === undefined) {
            values = new Map();
            windows.set(start, values);
          }
          const key = keyOf(record);
          values.set(key, add(values.get(key) ?? initial, record));
        },
        processWatermark(watermark, out) {
          // A window holds its last millisecond, and the watermark says that one is over.
          for (const start of [...windows.keys()].sort((a, b) => a - b)) {
            const end = start + size;
            if (end > watermark + 1) break;
            for (const [key, value] of windows.get(start) ?? []) {
              out.collect({ key, start, end, value, late }, end - 1);
            }
            windows.delete(start);
            closed = Math.max(closed, end);
          }
        },
        snapshotState: (): State<Value> => ({
          windows: [...windows].map(([start, values]) => [start, [...values]]),
          closed,
          late,
        }),
      };
    },
  });
}
