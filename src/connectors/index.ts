export * from "./data-generator/index.js";
export * from "./elements/index.js";
export * from "./number-sequence/index.js";
