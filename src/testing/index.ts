export * from "./external/index.js";
export type { SuiteReport } from "./harness/suite.js";
export type { TestTime } from "./harness/tested-job.js";
export * from "./lifecycle/index.js";
export * from "./sink/index.js";
export * from "./source/index.js";
