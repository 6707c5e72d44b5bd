export type { DataStream, PipelineOptions, StreamEnvironment } from "./environment.js";
export type { JobHandle, JobResult, StopOptions } from "./job-client.js";
export { defineJob, isJobDefinition, type JobDefinition, runDefinition } from "./job-definition.js";
export type { CheckpointOptions, Ports, RunOptions } from "./job-options.js";
export type { JobState, JobStatus, PipelineOverview, SubtaskOverview } from "./job-status.js";
export * from "./restart-strategy.js";
export type { SubtaskStatus } from "./subtask-event.js";
