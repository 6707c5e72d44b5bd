export { asyncIterableSource } from "./async-iterable-source.js";
export { type EventSourceEmitter, type EventSourceOptions, eventSource } from "./event-source.js";
export { type FunctionSourceOptions, functionSource } from "./function-source.js";
export type { Overflow } from "./hand-over.js";
export { observableSource } from "./observable-source.js";
export type { CollectOptions, Producer, SourceFunctionContext } from "./producer.js";
export type { PushSource, PushSourceOptions } from "./push-source.js";
export type { PushSplit } from "./push-split.js";
export { readableSource } from "./readable-source.js";
