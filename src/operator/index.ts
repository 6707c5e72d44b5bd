export * from "./source-operator.js";
export type * from "./source-operator-options.js";
