export type { DeferredSource, HybridSourceOptions } from "./hybrid-options.js";
export { type HybridSource, hybridSource } from "./hybrid-source.js";
