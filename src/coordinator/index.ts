export * from "./alignment-group.js";
export type * from "./coordinator-event.js";
export type * from "./coordinator-host.js";
export * from "./source-coordinator.js";
export * from "./source-coordinator-actor.js";
export * from "./split-assignment-tracker.js";
export * from "./watermark-aggregator.js";
