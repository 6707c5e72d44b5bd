export { checkSink, runSinkSuite, testSink } from "./test-sink.js";
export type * from "./tested-sink.js";
