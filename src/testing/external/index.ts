export * from "./memory-log.js";
export * from "./memory-log-source.js";
export * from "./transactional-store.js";
export * from "./transactional-store-sink.js";
