export * from "./chunk.js";
export * from "./chunk-builder.js";
export * from "./operators.js";
export * from "./process.js";
export * from "./records.js";
