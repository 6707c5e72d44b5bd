export * from "./metric-registry.js";
