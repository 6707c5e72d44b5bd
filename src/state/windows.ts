import { type ChunkOperator, process } from "../stream/index.js";
import type { StateKey } from "./state-key.js";
import {
  parseSliding,
  parseTumbling,
  type SlidingWindowOptions,
  type TumblingWindowOptions,
  type WindowResult,
  type WindowSettings,
} from "./window-options.js";
import { WindowRun } from "./window-run.js";

/**
 * Cuts event time into windows of one size, gathers the records of each key in them, and emits a
 * window's results when the watermark has passed its end (Flink `TumblingEventTimeWindows`).
 *
 * There is no shuffle: each subtask emits its own part of a window, and the sink puts parts together;
 * parts of one window are always to be added up, never to be replaced. Throws OPTION_INVALID.
 */
export function tumblingWindow<T, K extends StateKey, Acc, R = Acc, L = never>(
  options: TumblingWindowOptions<T, K, Acc, R, L>,
): ChunkOperator<T, WindowResult<K, R> | L> {
  return windowOperator(parseTumbling(options));
}

/**
 * The same with windows that overlap: one begins every `slide`, and a record is in size / slide of
 * them, at as many times the cost (Flink `SlidingEventTimeWindows`). Throws OPTION_INVALID.
 */
export function slidingWindow<T, K extends StateKey, Acc, R = Acc, L = never>(
  options: SlidingWindowOptions<T, K, Acc, R, L>,
): ChunkOperator<T, WindowResult<K, R> | L> {
  return windowOperator(parseSliding(options));
}

function windowOperator<T, K extends StateKey, Acc, R, L>(
  settings: WindowSettings<T, K, Acc, R, L>,
): ChunkOperator<T, WindowResult<K, R> | L> {
  return process<T, WindowResult<K, R> | L>({
    name: settings.name,
    create: ({ restoredStates }) => {
      const run = new WindowRun(settings);
      run.restore(restoredStates);
      return run;
    },
  });
}
