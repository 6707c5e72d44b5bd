export { askJob } from "./control-client.js";
export { isControlSupported } from "./control-directory.js";
export type { ControlRequest } from "./control-protocol.js";
export { type FoundJob, findJob, findJobs } from "./find-jobs.js";
export type { SlowSplit, SubtaskLoad } from "./job-loads.js";
export type { JobReport } from "./job-report.js";
export { type Control, type OpenControlOptions, openControl } from "./open-control.js";
