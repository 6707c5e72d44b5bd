export { JobHarness, type JobHarnessOptions } from "../../src/testing/harness/job-harness.js";
