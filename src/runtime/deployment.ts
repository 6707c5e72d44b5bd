import type { MetricGroup } from "../api/metrics.js";
import {
  type CheckpointData,
  type RestoredSubtask,
  redistributeState,
} from "../checkpoint/index.js";
import { SourceCoordinatorActor } from "../coordinator/index.js";
import type { JobLog } from "../logging/index.js";
import {
  type ActorEvent,
  type ActorSystem,
  type Address,
  address,
  addressBelow,
  type InspectionObserver,
} from "../mailbox/index.js";
import { Execution } from "./execution.js";
import type { PipelineOverview } from "./job-status.js";
import type { Pipeline } from "./pipeline.js";
import { Subtask } from "./subtask.js";
import type { AttemptId, SubtaskReport } from "./subtask-event.js";

/** What a job's actors have in common. */
export interface DeploymentOptions {
  readonly jobName: string;
  readonly pipelines: readonly Pipeline[];
  readonly parallelism: number;
  readonly hostName: string;
  readonly autoWatermarkInterval: number;
  readonly allowUnalignedSourceSplits: boolean;
  readonly hasPeriodicCheckpoints: boolean;
  readonly pausesUntilCheckpoint: boolean;
  readonly jobMaster: Address;
  readonly checkpointCoordinator: Address;
  readonly metricGroup: MetricGroup;
  readonly log: JobLog | undefined;
  readonly inspect: InspectionObserver | undefined;
  /** Alignment group name → the address of its actor. */
  readonly alignmentGroups: ReadonlyMap<string, Address>;
}

interface PipelineDeployment {
  readonly pipeline: Pipeline;
  readonly parallelism: number;
  readonly executions: readonly Execution[];
  coordinator: Address;
  coordinatorAlive: boolean;
}

/** The checkpoint id of "from the very start" in SubtaskReset. */
const NO_CHECKPOINT = -1;

/**
 * Owns: what runs where, which attempt it is and how far it has come.
 * Called by: the job master, in its loop.
 * Invariants: coordinators get a new address with each global failover, subtasks with each attempt.
 */
export class Deployment {
  readonly #system: ActorSystem;
  readonly #options: DeploymentOptions;
  readonly #pipelines = new Map<string, PipelineDeployment>();
  #epoch = 0;

  constructor(system: ActorSystem, options: DeploymentOptions) {
    this.#system = system;
    this.#options = options;
    for (const pipeline of options.pipelines) {
      const parallelism = pipeline.parallelism ?? options.parallelism;
      const executions = Array.from(
        { length: parallelism },
        (_, subtask) => new Execution(pipeline, subtask),
      );
      this.#pipelines.set(pipeline.id, {
        pipeline,
        parallelism,
        executions,
        // Of the first deployment: a checkpoint may be triggered before the news of it is there.
        coordinator: coordinatorAddress(options.jobName, pipeline.id, this.#epoch + 1),
        coordinatorAlive: false,
      });
    }
  }

  /** How each pipeline is cut, for the checkpoint coordinator. */
  pipelines(): readonly {
    readonly id: string;
    readonly sourceName: string;
    readonly parallelism: number;
    readonly coordinator: Address;
  }[] {
    return [...this.#pipelines.values()].map(({ pipeline, parallelism, coordinator }) => ({
      id: pipeline.id,
      sourceName: pipeline.source.name,
      parallelism,
      coordinator,
    }));
  }

  /** Starts everything, from the checkpoint or from scratch. */
  deployAll(data: CheckpointData | undefined): void {
    this.#epoch++;
    for (const deployment of this.#pipelines.values()) {
      this.#startCoordinator(deployment, data);
      const restored = this.#restored(deployment, data);
      for (const execution of deployment.executions) {
        this.#startAttempt(
          deployment,
          execution,
          restored?.[execution.subtask],
          data?.checkpointId,
        );
      }
    }
  }

  /** Starts the subtasks that failed, from the checkpoint; the others go on as they are. */
  redeployFailed(data: CheckpointData | undefined): void {
    for (const deployment of this.#pipelines.values()) {
      const restored = this.#restored(deployment, data);
      for (const execution of deployment.executions) {
        if (execution.phase !== "CLOSED" || execution.ended) continue;
        this.#post(deployment.coordinator, {
          type: "SubtaskReset",
          subtask: execution.subtask,
          checkpointId: data?.checkpointId ?? NO_CHECKPOINT,
          attempt: execution.attempt + 1,
        });
        this.#startAttempt(
          deployment,
          execution,
          restored?.[execution.subtask],
          data?.checkpointId,
        );
      }
    }
  }

  #restored(
    { pipeline, parallelism }: PipelineDeployment,
    data: CheckpointData | undefined,
  ): readonly RestoredSubtask[] | undefined {
    const state = data?.pipelines[pipeline.id];
    return state === undefined ? undefined : redistributeState(state, parallelism);
  }

  #startCoordinator(deployment: PipelineDeployment, data: CheckpointData | undefined): void {
    const { jobName, jobMaster, checkpointCoordinator, inspect, log } = this.#options;
    const { pipeline, parallelism } = deployment;
    const { alignment } = pipeline.watermarkStrategy;
    const state = data?.pipelines[pipeline.id]?.coordinator;
    const alignmentGroup =
      alignment === undefined ? undefined : this.#options.alignmentGroups.get(alignment.group);
    const self = coordinatorAddress(jobName, pipeline.id, this.#epoch);
    const attempts = deployment.executions.map(({ attempt }) => attempt + 1);
    this.#system.spawn(
      self,
      (context) =>
        new SourceCoordinatorActor(context, {
          pipeline: pipeline.id,
          source: pipeline.source,
          parallelism,
          attempts,
          ...(alignment === undefined ? {} : { alignment }),
          ...(alignmentGroup === undefined ? {} : { alignmentGroup }),
          jobMaster,
          checkpointCoordinator,
          metricGroup: this.#options.metricGroup.group(pipeline.id).group("coordinator"),
          ...(log === undefined ? {} : { log: log.child({ pipeline: pipeline.id }) }),
          ...(data === undefined || state === undefined
            ? {}
            : { restore: { checkpointId: data.checkpointId, state } }),
          ...(inspect === undefined ? {} : { inspect }),
        }),
    );
    deployment.coordinator = self;
    deployment.coordinatorAlive = true;
    this.#post(checkpointCoordinator, {
      type: "CoordinatorReplaced",
      pipeline: pipeline.id,
      address: self,
      attempts,
    });
    this.#post(self, { type: "StartCoordinator" });
  }

  #startAttempt(
    deployment: PipelineDeployment,
    execution: Execution,
    restored: RestoredSubtask | undefined,
    checkpointId: number | undefined,
  ): void {
    const options = this.#options;
    const { pipeline, parallelism, coordinator } = deployment;
    const { subtask } = execution;
    const attempt = ++execution.attempt;
    const self = address(options.jobName, pipeline.id, "subtask", subtask, "attempt", attempt);
    execution.deployed(self);
    const log = options.log?.child({ pipeline: pipeline.id });
    log?.write("info", "subtask started", { subtask, attempt, restoredFrom: checkpointId });
    this.#system.spawn(
      self,
      (context) =>
        new Subtask(context, {
          jobName: options.jobName,
          pipeline,
          subtask,
          attempt,
          parallelism,
          hostName: options.hostName,
          coordinator,
          checkpointCoordinator: options.checkpointCoordinator,
          jobMaster: options.jobMaster,
          metricGroup: options.metricGroup.group(pipeline.id).group(`subtask.${subtask}`),
          log,
          autoWatermarkInterval: options.autoWatermarkInterval,
          allowUnalignedSourceSplits: options.allowUnalignedSourceSplits,
          hasPeriodicCheckpoints: options.hasPeriodicCheckpoints,
          pausesUntilCheckpoint: options.pausesUntilCheckpoint,
          restored,
          restoredCheckpointId: restored === undefined ? undefined : checkpointId,
          inspect: options.inspect,
          spawn: (parent, name, create) => {
            const below = addressBelow(parent, name);
            this.#system.spawn(below, create);
            return below;
          },
          stopActor: (below) => this.#system.stop(below),
        }),
    );
  }

  // What the job hears -------------------------------------------------------------------------

  reported(report: SubtaskReport): void {
    const execution = this.#current(report);
    execution?.reported(report.status);
  }

  /** False when the event is of an older attempt. */
  ended(id: AttemptId): boolean {
    const execution = this.#current(id);
    if (execution === undefined) return false;
    execution.phase = "ENDED";
    execution.ended = true;
    return true;
  }

  /** Takes the attempt out of service; false when it is an older one or has failed already. */
  failed(id: AttemptId): boolean {
    const execution = this.#current(id);
    if (execution === undefined || execution.phase === "FAILED") return false;
    execution.phase = "FAILED";
    const { pipeline, subtask, attempt } = id;
    const gone = { type: "SubtaskGone", pipeline, subtask, attempt };
    this.#post(this.#options.checkpointCoordinator, gone);
    const deployment = this.#pipelines.get(pipeline);
    if (deployment?.coordinatorAlive === true) {
      this.#post(deployment.coordinator, { type: "AttemptFailed", subtask, attempt });
    }
    return true;
  }

  closed(id: AttemptId): void {
    const execution = this.#current(id);
    if (execution !== undefined) execution.phase = "CLOSED";
  }

  coordinatorClosed({ pipeline }: { readonly pipeline: string }): void {
    const deployment = this.#pipelines.get(pipeline);
    if (deployment !== undefined) deployment.coordinatorAlive = false;
  }

  isCurrentCoordinator({ pipeline }: { readonly pipeline: string }): boolean {
    return this.#pipelines.get(pipeline)?.coordinatorAlive === true;
  }

  // What the job asks --------------------------------------------------------------------------

  allEnded(): boolean {
    return this.#executions().every((execution) => execution.ended);
  }

  /** Whether every attempt that failed has closed. */
  failedReleased(): boolean {
    return this.#executions().every((execution) => execution.phase !== "FAILED");
  }

  allReleased(): boolean {
    return this.alive().length === 0;
  }

  /** Who has not closed yet, for people. */
  alive(): readonly string[] {
    const subtasks = this.#executions()
      .filter((execution) => execution.isAlive)
      .map(({ pipeline, subtask }) => `subtask ${subtask} of ${pipeline.id}`);
    const coordinators = [...this.#pipelines.values()]
      .filter((deployment) => deployment.coordinatorAlive)
      .map(({ pipeline }) => `the coordinator of ${pipeline.id}`);
    return [...subtasks, ...coordinators];
  }

  overview(): readonly PipelineOverview[] {
    return [...this.#pipelines.values()].map(({ pipeline, parallelism, executions }) => ({
      id: pipeline.id,
      source: pipeline.source.name,
      sink: pipeline.sink.name,
      parallelism,
      subtasks: executions.map(({ subtask, attempt, status }) => ({ subtask, attempt, status })),
    }));
  }

  // Releasing ----------------------------------------------------------------------------------

  cancelAll(): void {
    for (const execution of this.#executions()) {
      if (execution.isAlive) this.#post(execution.address, { type: "CancelSubtask" });
    }
    this.closeCoordinators();
  }

  closeCoordinators(): void {
    for (const deployment of this.#pipelines.values()) {
      if (deployment.coordinatorAlive) {
        this.#post(deployment.coordinator, { type: "CloseCoordinator" });
      }
    }
  }

  /** Stops every actor of the job that is still there. */
  dispose(): void {
    for (const execution of this.#executions()) {
      if (execution.address !== "") this.#system.stop(execution.address);
    }
    for (const { coordinator } of this.#pipelines.values()) this.#system.stop(coordinator);
    for (const group of this.#options.alignmentGroups.values()) this.#system.stop(group);
  }

  #executions(): readonly Execution[] {
    return [...this.#pipelines.values()].flatMap((deployment) => deployment.executions);
  }

  #current(id: AttemptId): Execution | undefined {
    const execution = this.#pipelines.get(id.pipeline)?.executions[id.subtask];
    return execution?.matches(id) === true ? execution : undefined;
  }

  #post<E extends ActorEvent>(to: Address, event: E): void {
    this.#system.post(this.#options.jobMaster, to, event);
  }
}

function coordinatorAddress(jobName: string, pipeline: string, epoch: number): Address {
  return address(jobName, pipeline, "coordinator", epoch);
}
