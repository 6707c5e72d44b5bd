export * from "./async-map.js";
export * from "./async-map-options.js";
export * from "./async-retry.js";
export * from "./chunk.js";
export * from "./chunk-builder.js";
export { FINAL_STATE, type OperatorContext } from "./operator-context.js";
export * from "./operators.js";
export * from "./process.js";
export * from "./records.js";
