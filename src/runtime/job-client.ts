import type { MetricReading, MetricsSnapshot } from "../api/metrics.js";
import type {
  CheckpointCoordinatorClosed,
  CompletedCheckpoint,
  RequestCheckpoint,
  RequestFailed,
  RequestFinished,
} from "../checkpoint/index.js";
import { fromErrorInfo, HeadwaterError } from "../errors/index.js";
import type { Actor, ActorContext, Address } from "../mailbox/index.js";
import type { MetricRegistry } from "../metrics/metric-registry.js";
import type { JobStatusChanged, JobTerminated } from "./job-master-event.js";
import { type JobStatus, TERMINAL_STATES } from "./job-status.js";

/** How a job ended. */
export interface JobResult {
  readonly state: "FINISHED" | "CANCELED";
  /** The savepoint with which it was stopped. */
  readonly savepoint: CompletedCheckpoint | undefined;
  readonly status: JobStatus;
  readonly metrics: MetricsSnapshot;
}

/** What `stop` takes. */
export interface StopOptions {
  /** Emit the maximum watermark first, so that event-time results come out; default false. */
  readonly drain?: boolean;
  /** Where the savepoint goes; default: beside the job's checkpoints. */
  readonly target?: string;
}

/** A running job, for whoever started it. */
export interface JobHandle {
  readonly jobName: string;
  /** Resolves when the job has finished or was cancelled; rejects with what it failed of. */
  readonly done: Promise<JobResult>;
  /** The last report, at most about 100 ms old while the job runs. */
  status(): JobStatus;
  metrics(): MetricsSnapshot;
  /** The same, each with what it is about: for exporters. */
  metricReadings(): readonly MetricReading[];
  /** Takes a checkpoint now; resolves when it is durable. */
  checkpoint(): Promise<CompletedCheckpoint>;
  /** Takes a savepoint; resolves when it is durable. Default target: beside the job's checkpoints. */
  savepoint(target?: string): Promise<CompletedCheckpoint>;
  /** Stops the job with a savepoint; resolves when the savepoint is durable. Await `done` after it. */
  stop(options?: StopOptions): Promise<CompletedCheckpoint>;
  /** Ends the job without a savepoint; resolves when nothing of it runs any more. */
  cancel(): Promise<void>;
}

/** Requests that may wait for their checkpoint at once. */
const MAX_REQUESTS = 64;

type ClientEvent =
  | JobStatusChanged
  | JobTerminated
  | CheckpointCoordinatorClosed
  | RequestFinished
  | RequestFailed;

interface PendingRequest {
  readonly resolve: (checkpoint: CompletedCheckpoint) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Owns: the handle's promises and the last status. Called by: the dispatcher for events, the user
 * for the handle's methods.
 * Invariants: every request is settled, by its answer or at the end of the job.
 */
export class JobClient implements Actor<ClientEvent>, JobHandle {
  readonly done: Promise<JobResult>;
  readonly #context: ActorContext;
  readonly #jobMaster: Address;
  readonly #checkpointCoordinator: Address;
  readonly #registry: MetricRegistry;
  readonly #defaultTarget: string;
  readonly #ending: ((status: JobStatus) => Promise<void>) | undefined;
  readonly #requests = new Map<string, PendingRequest>();
  #nextRequest = 0;
  #status: JobStatus;
  #terminated: JobTerminated | undefined;
  #checkpointsClosed = false;
  #settle!: { resolve: (result: JobResult) => void; reject: (error: unknown) => void };

  constructor(
    context: ActorContext,
    options: {
      readonly initial: JobStatus;
      readonly jobMaster: Address;
      readonly checkpointCoordinator: Address;
      readonly registry: MetricRegistry;
      readonly defaultTarget: string;
      /** Awaited before the end is told; never rejects. */
      readonly ending?: ((status: JobStatus) => Promise<void>) | undefined;
    },
  ) {
    this.#context = context;
    this.#jobMaster = options.jobMaster;
    this.#checkpointCoordinator = options.checkpointCoordinator;
    this.#registry = options.registry;
    this.#defaultTarget = options.defaultTarget;
    this.#ending = options.ending;
    this.#status = options.initial;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever only looks at the status must not be hit by an unhandled rejection.
    this.done.catch(() => {});
  }

  get jobName(): string {
    return this.#status.jobName;
  }

  status(): JobStatus {
    return this.#status;
  }

  metrics(): MetricsSnapshot {
    return this.#registry.snapshot();
  }

  metricReadings(): readonly MetricReading[] {
    return this.#registry.readings();
  }

  checkpoint(): Promise<CompletedCheckpoint> {
    return this.#request({ kind: "CHECKPOINT", stop: false, drain: false });
  }

  savepoint(target?: string): Promise<CompletedCheckpoint> {
    return this.#requestSavepoint(target, false, false);
  }

  stop({ drain = false, target }: StopOptions = {}): Promise<CompletedCheckpoint> {
    return this.#requestSavepoint(target, true, drain);
  }

  async cancel(): Promise<void> {
    if (!TERMINAL_STATES.has(this.#status.state)) {
      this.#context.post(this.#jobMaster, { type: "CancelJob" });
    }
    await this.done.catch(() => {});
  }

  receive(event: ClientEvent): void {
    switch (event.type) {
      case "JobStatusChanged":
        this.#status = event.status;
        break;
      case "RequestFinished":
        this.#take(event.requestId)?.resolve(event.checkpoint);
        break;
      case "RequestFailed":
        this.#take(event.requestId)?.reject(fromErrorInfo(event.error));
        break;
      case "JobTerminated":
        this.#terminated = event;
        this.#checkpointsClosed ||= !event.awaitsCheckpoints;
        this.#settleWhenClosed();
        break;
      case "CheckpointCoordinatorClosed":
        this.#checkpointsClosed = true;
        this.#settleWhenClosed();
        break;
    }
  }

  onError(error: unknown): void {
    this.#settle.reject(error);
  }

  #requestSavepoint(
    target: string | undefined,
    stop: boolean,
    drain: boolean,
  ): Promise<CompletedCheckpoint> {
    return this.#request({ kind: "SAVEPOINT", target: target ?? this.#defaultTarget, stop, drain });
  }

  #request(
    request: Pick<RequestCheckpoint, "kind" | "target" | "stop" | "drain">,
  ): Promise<CompletedCheckpoint> {
    if (TERMINAL_STATES.has(this.#status.state)) return Promise.reject(this.#ended());
    if (this.#requests.size >= MAX_REQUESTS) {
      return Promise.reject(
        new HeadwaterError("LIMIT_EXCEEDED", `${MAX_REQUESTS} checkpoint requests wait already`, {
          domain: "user",
          retry: "backoff",
          scope: "job",
        }),
      );
    }
    const requestId = `request-${++this.#nextRequest}`;
    return new Promise((resolve, reject) => {
      this.#requests.set(requestId, { resolve, reject });
      this.#context.post(this.#checkpointCoordinator, {
        type: "RequestCheckpoint",
        requestId,
        ...request,
        replyTo: this.#context.self,
      });
    });
  }

  #take(requestId: string): PendingRequest | undefined {
    const request = this.#requests.get(requestId);
    this.#requests.delete(requestId);
    return request;
  }

  /** Whoever awaits the end may delete or read the checkpoints then: none must still be written. */
  #settleWhenClosed(): void {
    if (this.#terminated === undefined || !this.#checkpointsClosed) return;
    const { status, error } = this.#terminated;
    this.#status = status;
    for (const request of this.#requests.values()) request.reject(this.#ended());
    this.#requests.clear();
    this.#context.stop();
    const metrics = this.metrics();
    const settle = (): void => {
      if (error !== undefined) this.#settle.reject(fromErrorInfo(error));
      else {
        this.#settle.resolve({
          state: status.state === "CANCELED" ? "CANCELED" : "FINISHED",
          savepoint: status.savepoint,
          status,
          metrics,
        });
      }
    };
    if (this.#ending === undefined) settle();
    else void this.#ending(status).then(settle);
  }

  #ended(): HeadwaterError {
    return new HeadwaterError(
      "JOB_CANCELED",
      `job ${this.jobName} has ended (${this.#status.state.toLowerCase()})`,
      { domain: "user", retry: "never", scope: "job" },
    );
  }
}
