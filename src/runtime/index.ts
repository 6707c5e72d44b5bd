export type { DataStream, StreamEnvironment } from "./environment.js";
export type { JobHandle, JobResult, StopOptions } from "./job-client.js";
export { defineJob, isJobDefinition, type JobDefinition, runDefinition } from "./job-definition.js";
export type { CheckpointOptions, Ports, RunOptions } from "./job-options.js";
export type { JobState, JobStatus, PipelineOverview, SubtaskOverview } from "./job-status.js";
export type { PipelineOptions } from "./pipeline-options.js";
export * from "./restart-strategy.js";
export type { LastBadRecord, SubtaskStatus } from "./subtask-event.js";
