export * from "./data-generator/index.js";
export * from "./elements/index.js";
export * from "./hybrid/index.js";
export * from "./ndjson/index.js";
export * from "./number-sequence/index.js";
export * from "./push/index.js";
export * from "./socket/index.js";
export * from "./text/index.js";
