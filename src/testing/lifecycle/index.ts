export { checkLifecycle } from "./check-lifecycle.js";
export type {
  InterleavingOptions,
  LifecycleExclusion,
  LifecycleLimit,
  LifecycleOptions,
  LifecyclePorts,
  LifecycleReport,
  LifecycleSystem,
  ModelStep,
  SequenceOptions,
  SystemUnderTest,
} from "./system-under-test.js";
export { testLifecycle } from "./test-lifecycle.js";
