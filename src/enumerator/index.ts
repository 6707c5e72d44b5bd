export * from "./eager-split-enumerator.js";
export * from "./number-sequence-split.js";
export * from "./static-split-enumerator.js";
