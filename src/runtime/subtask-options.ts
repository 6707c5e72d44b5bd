import type { MetricGroup } from "../api/metrics.js";
import type { RestoredSubtask } from "../checkpoint/index.js";
import type { JobLog } from "../logging/index.js";
import type { Actor, ActorContext, Address, InspectionObserver } from "../mailbox/index.js";
import type { Pipeline } from "./pipeline.js";

/** What one attempt of a subtask is made of. */
export interface SubtaskOptions {
  readonly jobName: string;
  readonly pipeline: Pipeline;
  readonly subtask: number;
  readonly attempt: number;
  readonly parallelism: number;
  readonly hostName: string;
  readonly coordinator: Address;
  readonly checkpointCoordinator: Address;
  readonly jobMaster: Address;
  readonly metricGroup: MetricGroup;
  /** Its lines name the pipeline. */
  readonly log?: JobLog | undefined;
  /** Milliseconds between periodic watermarks; 0: none. */
  readonly autoWatermarkInterval: number;
  readonly allowUnalignedSourceSplits: boolean;
  /** Checkpoints are taken by themselves, so that one more can be waited for at the end. */
  readonly hasPeriodicCheckpoints: boolean;
  /** A restored attempt reads nothing before the first barrier (Flink 2.3 `SourceOperator`). */
  readonly pausesUntilCheckpoint: boolean;
  /** The checkpoint that `restored` is of. */
  readonly restoredCheckpointId: number | undefined;
  /** Undefined: a fresh start. */
  readonly restored: RestoredSubtask | undefined;
  readonly inspect: InspectionObserver | undefined;
  /** Starts an actor below the subtask; it ends with the attempt. */
  spawn(parent: Address, name: string, create: (context: ActorContext) => Actor): Address;
  stopActor(address: Address): void;
}
