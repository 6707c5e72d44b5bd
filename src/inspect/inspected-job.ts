import type { ActorSystem } from "../mailbox/index.js";

/** What an inspector reads of a subtask's status. */
export interface InspectedSubtask {
  readonly subtask: number;
  readonly attempt: number;
  readonly status:
    | {
        readonly state: string;
        readonly mode: string;
        readonly records: number;
        readonly badRecords: number;
        readonly watermark: number;
        readonly maxDesiredWatermark: number;
        readonly idle: boolean;
        readonly backPressured: boolean;
        readonly splits: number;
        readonly paused: number;
        readonly splitWatermarks: Readonly<Record<string, number>>;
        readonly pausedSplits: readonly string[];
      }
    | undefined;
}

export interface InspectedPipeline {
  readonly id: string;
  readonly source: string;
  readonly sink: string;
  readonly parallelism: number;
  readonly subtasks: readonly InspectedSubtask[];
}

/** What an inspector reads of an error. */
export interface InspectedError {
  readonly code?: string;
  readonly name: string;
  readonly message: string;
  readonly cause?: InspectedError;
}

/** What an inspector reads of a job's status: `JobStatus` has it. */
export interface InspectedStatus {
  readonly jobName: string;
  readonly state: string;
  readonly restarts: number;
  readonly lastError: InspectedError | undefined;
  readonly completedCheckpoints: number;
  readonly lastCheckpoint:
    | {
        readonly checkpointId: number;
        readonly kind: "CHECKPOINT" | "SAVEPOINT";
        readonly triggeredAt: number;
        readonly location: string;
        readonly bytes: number;
      }
    | undefined;
  readonly pipelines: readonly InspectedPipeline[];
}

/** A running job, as an inspector sees it: every `JobHandle` is one. */
export interface InspectedJob {
  readonly jobName: string;
  readonly done: Promise<unknown>;
  status(): InspectedStatus;
  metrics(): Readonly<Record<string, number>>;
}

/** Where a job has its actor system: a WeakMap would keep jobs that have ended (see `MachineHost`). */
const SYSTEM = Symbol("system");

/** Says in which actor system a job runs; the runtime does, when it starts the job. */
export function runsIn(job: InspectedJob, system: ActorSystem): void {
  Object.defineProperty(job, SYSTEM, { value: system });
}

/** Undefined for what is no handle of a job of this process. */
export function systemOf(job: InspectedJob): ActorSystem | undefined {
  return (job as { readonly [SYSTEM]?: ActorSystem })[SYSTEM];
}
