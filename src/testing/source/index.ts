export { checkSource, runSourceSuite, testSource } from "./test-source.js";
export type * from "./tested-source.js";
