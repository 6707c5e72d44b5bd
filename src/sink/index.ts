export * from "./async/index.js";
export * from "./collect-sink.js";
export * from "./discard-sink.js";
export * from "./for-each-sink.js";
export * from "./observable-sink.js";
export * from "./print-sink.js";
