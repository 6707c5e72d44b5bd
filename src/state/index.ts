export * from "./keyed-process.js";
export type { StateKey } from "./state-key.js";
export * from "./stateful-process.js";
export type {
  SlidingWindowOptions,
  TumblingWindowOptions,
  WindowAggregate,
  WindowResult,
} from "./window-options.js";
export * from "./windows.js";
