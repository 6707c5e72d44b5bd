export { attachInspector } from "./attach-inspector.js";
export type {
  InspectedJob,
  InspectedPipeline,
  InspectedStatus,
  InspectedSubtask,
} from "./inspected-job.js";
export type { Inspector } from "./inspector.js";
export type { InspectorOptions } from "./inspector-options.js";
export {
  type ProjectionLimits,
  project,
  unproject,
} from "./projection.js";
export type * from "./protocol.js";
export {
  parseRecordLine,
  RECORD_VERSION,
  type RecordEnd,
  type RecordedDrop,
  type RecordedEnvelope,
  type RecordedMachine,
  type RecordedStep,
  type RecordedStop,
  type RecordHeader,
  type RecordLine,
} from "./recording/record-format.js";
export type { RecordOptions } from "./recording/record-options.js";
