import { jobMachine } from "../../machines/job.machine.js";
import type { LogLevel } from "../api/logger.js";
import type { CheckpointStored } from "../checkpoint/checkpoint-event.js";
import type { CheckpointData, CompletedCheckpoint } from "../checkpoint/index.js";
import { type ErrorInfo, illegalState, toErrorInfo } from "../errors/index.js";
import { errorFields } from "../logging/index.js";
import { type Actor, type ActorContext, type Cancel, MachineHost } from "../mailbox/index.js";
import type { Deployment } from "./deployment.js";
import { isRestartable } from "./failure.js";
import { didNotClose, restartsExhausted } from "./job-error.js";
import type { JobMasterEvent, RestorePointSettled } from "./job-master-event.js";
import type { JobMasterOptions } from "./job-master-options.js";
import { type JobState, type JobStatus, TERMINAL_STATES } from "./job-status.js";
import { endFields } from "./job-telemetry.js";
import type { RestartTracker } from "./restart-strategy.js";
import { RestorePointLoading } from "./restore-point-loading.js";
import type { AttemptId } from "./subtask-event.js";

/**
 * How long a cancelled attempt may take to close before the job gives up waiting for it; longer than
 * readers and enumerators wait before they give up by themselves (30 s).
 */
const RELEASE_TIMEOUT = 40_000;
/** Milliseconds between two status events to the client while the job runs. */
const STATUS_INTERVAL = 50;

/**
 * Flink's JobMaster: deploys a job, watches its subtasks and coordinators, and brings it back.
 *
 * Owns: the job machine, the executions (through its Deployment) and the restart strategy's state.
 * Called by: the dispatcher, one event at a time.
 * Invariants: a new attempt of a subtask starts only after the last one has closed; a restart
 * chooses its checkpoint only after no other can complete; single subtasks never go on where the
 * others have stopped with a savepoint.
 */
export class JobMaster implements Actor<JobMasterEvent> {
  readonly #context: ActorContext;
  readonly #options: JobMasterOptions;
  readonly #deployment: Deployment;
  readonly #machine: MachineHost<typeof jobMachine>;
  readonly #restartTracker: RestartTracker;
  readonly #restorePoint: RestorePointLoading;
  /** What a restart goes back to. */
  #lastCheckpoint: CompletedCheckpoint | undefined;
  #completedCheckpoints = 0;
  #savepoint: CompletedCheckpoint | undefined;
  #restarts = 0;
  #lastError: ErrorInfo | undefined;
  /** The whole job goes back, not single subtasks. */
  #global = true;
  #restart = 0;
  #backoff = 0;
  #release = 0;
  #releaseTimedOut = false;
  #cancelReleaseTimeout: Cancel = () => {};
  #suspending = false;
  /** It has stopped by itself: nobody answers there any more. */
  #checkpointsBroken = false;
  /** What the next deployment starts from. */
  #restoring: CheckpointData | undefined;
  /** The machine has asked for it; done after the transition, in which it could take no failure. */
  #deployDue = false;
  #statusDue = 0;
  #terminated = false;

  constructor(context: ActorContext, options: JobMasterOptions, deployment: Deployment) {
    this.#context = context;
    this.#options = options;
    this.#deployment = deployment;
    this.#restartTracker = options.restartStrategy.create();
    this.#restorePoint = new RestorePointLoading(context, options.storage);
    this.#machine = new MachineHost(jobMachine, {
      id: context.self,
      inspect: options.inspect,
      actions: {
        loadRestorePoint: () =>
          this.#restorePoint.start(this.#lastCheckpoint?.location ?? options.initialRestorePoint),
        releaseFailed: () => this.#releaseFailed(),
        releaseAll: () => this.#releaseAll(),
        closeCoordinators: () => this.#closeCoordinators(),
        deploy: () => {
          this.#deployDue = true;
        },
        publish: () => {
          this.#statusDue = 0;
        },
        unexpectedEvent: ({ event }) => {
          throw illegalState(`job ${options.jobName} takes no ${event.type} in ${this.#state}`);
        },
      },
    });
  }

  get #state(): JobState {
    return String(this.#machine.snapshot.value) as JobState;
  }

  receive(event: JobMasterEvent): void {
    if (this.#terminated) return;
    this.#handle(event);
    this.#afterEvent();
  }

  /** A broken invariant of the job master itself: nothing can be trusted, so the job fails. */
  onError(error: unknown): void {
    this.#lastError = toErrorInfo(error);
    this.#terminate("FAILED");
  }

  #handle(event: JobMasterEvent): void {
    switch (event.type) {
      case "StartJob":
        this.#machine.send({ type: "StartRequested" });
        break;
      case "CancelJob":
        if (!TERMINAL_STATES.has(this.#state)) this.#machine.send({ type: "CancelRequested" });
        break;
      case "SubtaskStarted":
        break;
      case "SubtaskReport":
        this.#deployment.reported(event);
        break;
      case "SubtaskEnded":
        if (this.#deployment.ended(event)) this.#checkAllEnded();
        break;
      case "SubtaskFailed":
        this.#subtaskFailed(event, event.error);
        break;
      case "SubtaskClosed":
        this.#deployment.closed(event);
        break;
      case "CoordinatorFailed":
        if (this.#deployment.isCurrentCoordinator(event)) this.#failed(event.error, true);
        break;
      case "CoordinatorClosed":
        this.#deployment.coordinatorClosed(event);
        break;
      case "CheckpointStored":
        this.#checkpointStored(event);
        break;
      case "CheckpointFailuresExceeded":
        this.#failed(event.error, true);
        break;
      case "CheckpointCoordinatorFailed":
        this.#checkpointsBroken = true;
        this.#giveUp(event.error);
        break;
      case "ActorFailed":
        this.#giveUp(event.error);
        break;
      case "CheckpointsSuspended":
        this.#suspending = false;
        break;
      case "RestorePointSettled":
        this.#restorePointSettled(event);
        break;
      case "BackoffOver":
        if (event.restart === this.#restart && this.#state === "RESTARTING") {
          this.#machine.send({ type: "BackoffOver" });
        }
        break;
      case "ReleaseTimedOut":
        if (event.release === this.#release) this.#releaseTimeout();
        break;
    }
  }

  #afterEvent(): void {
    if (this.#deployDue) this.#deploy();
    this.#checkReleased();
    const state = this.#state;
    if (TERMINAL_STATES.has(state)) this.#terminate(state);
    else if (this.#context.clock.relativeTime() >= this.#statusDue) {
      this.#statusDue = this.#context.clock.relativeTime() + STATUS_INTERVAL;
      this.#context.post(this.#options.client, {
        type: "JobStatusChanged",
        status: this.#status(),
      });
    }
  }

  // Failures ----------------------------------------------------------------------------------

  #subtaskFailed(id: AttemptId, error: ErrorInfo): void {
    if (!this.#deployment.failed(id)) return;
    const { pipeline, subtask, attempt } = id;
    this.#log("warn", "subtask failed", { pipeline, subtask, attempt, err: errorFields(error) });
    this.#failed(error, error.scope === "job" && error.code === "CHECKPOINT_ABORTED");
  }

  /** Decides what a failure means: a restart of the failed subtasks, of the whole job, or the end. */
  #failed(error: ErrorInfo, global: boolean): void {
    // Everything is being released already: what fails meanwhile is no failure of its own.
    if (this.#global && this.#state !== "RUNNING") return;
    this.#lastError = error;
    if (!isRestartable(error)) {
      this.#giveUp(error);
      return;
    }
    const { clock, random } = this.#context;
    const decision = this.#restartTracker.notifyFailure(clock.now(), random);
    if (!decision.canRestart) {
      const { name } = this.#options.restartStrategy;
      this.#giveUp(name === "none" ? error : toErrorInfo(restartsExhausted(name, error)));
      return;
    }
    this.#restarts++;
    this.#backoff = decision.delay;
    // A failure while a restart is under way joins it; a global one swallows partial ones.
    this.#global ||= global || this.#savepoint !== undefined;
    this.#machine.send({ type: "RestartDecided" });
    const facts = { restart: this.#restarts, whole: this.#global, delay: decision.delay };
    this.#log("warn", "job restarts", { ...facts, err: errorFields(error) });
  }

  /** A savepoint that does not stop the job belongs to its user, who may delete it: no restart uses it. */
  #checkpointStored({ checkpoint, stop }: CheckpointStored): void {
    this.#completedCheckpoints++;
    this.#statusDue = 0;
    if (checkpoint.kind === "CHECKPOINT" || stop) this.#lastCheckpoint = checkpoint;
    if (!stop) return;
    this.#savepoint = checkpoint;
    // The others stop now, so the failed one cannot go on alone.
    if (this.#state === "RESTARTING" && !this.#global) {
      this.#global = true;
      this.#machine.send({ type: "RestartDecided" });
    }
  }

  #giveUp(error: ErrorInfo): void {
    this.#lastError = error;
    const state = this.#state;
    if (!TERMINAL_STATES.has(state)) this.#machine.send({ type: "GaveUp" });
  }

  // Releasing ---------------------------------------------------------------------------------

  #releaseFailed(): void {
    this.#restart++;
    this.#context.postAfter(this.#backoff, {
      type: "BackoffOver",
      restart: this.#restart,
    });
    this.#suspending = true;
    this.#context.post(this.#options.checkpointCoordinator, {
      type: "Suspend",
      replyTo: this.#context.self,
    });
    if (this.#global) this.#deployment.cancelAll();
    this.#armReleaseTimeout();
  }

  #releaseAll(): void {
    this.#global = true;
    this.#deployment.cancelAll();
    this.#armReleaseTimeout();
  }

  #closeCoordinators(): void {
    this.#global = true;
    this.#deployment.closeCoordinators();
    this.#armReleaseTimeout();
  }

  #armReleaseTimeout(): void {
    this.#release++;
    this.#releaseTimedOut = false;
    this.#cancelReleaseTimeout();
    this.#cancelReleaseTimeout = this.#context.postAfter(RELEASE_TIMEOUT, {
      type: "ReleaseTimedOut",
      release: this.#release,
    });
  }

  /** What hangs is left behind; its epoch is over, so nothing that it still sends counts. */
  #releaseTimeout(): void {
    const state = this.#state;
    this.#releaseTimedOut = true;
    const waits = state === "FINISHING" || (state === "RESTARTING" && !this.#isReleased);
    if (waits) this.#giveUp(toErrorInfo(didNotClose(this.#deployment.alive(), RELEASE_TIMEOUT)));
  }

  get #isReleased(): boolean {
    return this.#global ? this.#deployment.allReleased() : this.#deployment.failedReleased();
  }

  #checkReleased(): void {
    const state = this.#state;
    if (state === "RESTARTING") {
      const { released } = this.#machine.snapshot.context;
      if (!released && this.#isReleased && !this.#suspending) {
        this.#cancelReleaseTimeout();
        this.#machine.send({ type: "Released" });
      }
    } else if (state === "FAILING" || state === "CANCELLING" || state === "FINISHING") {
      if (this.#releaseTimedOut || this.#isReleased) {
        this.#machine.send({ type: "Released" });
      }
    }
  }

  #checkAllEnded(): void {
    if (this.#state === "RUNNING" && this.#deployment.allEnded()) {
      this.#machine.send({ type: "AllSubtasksEnded" });
    }
  }

  // Deploying ---------------------------------------------------------------------------------

  #restorePointSettled(event: RestorePointSettled): void {
    const point = this.#restorePoint.take(event);
    const state = this.#state;
    if (point === undefined || (state !== "INITIALIZING" && state !== "RESTORING")) return;
    if (point.error !== undefined) {
      this.#giveUp(toErrorInfo(point.error));
      return;
    }
    this.#restoring = point.data;
    this.#machine.send({ type: "RestorePointLoaded" });
  }

  #deploy(): void {
    this.#deployDue = false;
    const data = this.#restoring;
    this.#restoring = undefined;
    this.#savepoint = undefined;
    try {
      if (this.#global) this.#deployment.deployAll(data);
      else this.#deployment.redeployFailed(data);
    } catch (error) {
      this.#giveUp(toErrorInfo(error));
      return;
    }
    this.#global = false;
    this.#context.post(this.#options.checkpointCoordinator, { type: "Resume" });
  }

  // Ending ------------------------------------------------------------------------------------

  #status(): JobStatus {
    return {
      jobName: this.#options.jobName,
      state: this.#terminated && this.#state !== "FINISHED" ? "FAILED" : this.#state,
      restoredFrom: this.#options.initialRestorePoint,
      restarts: this.#restarts,
      lastError: this.#lastError,
      completedCheckpoints: this.#completedCheckpoints,
      lastCheckpoint: this.#lastCheckpoint,
      savepoint: this.#savepoint,
      pipelines: this.#deployment.overview(),
    };
  }

  #log(level: LogLevel, message: string, fields: object): void {
    this.#options.log?.write(level, message, fields);
  }

  #terminate(state: JobState): void {
    if (this.#terminated) return;
    const status = { ...this.#status(), state };
    this.#terminated = true;
    if (state !== "FAILED") this.#log("info", "job ended", endFields(status));
    else
      this.#log("error", "job failed", { ...endFields(status), err: errorFields(this.#lastError) });
    const { client, checkpointCoordinator } = this.#options;
    this.#context.post(checkpointCoordinator, {
      type: "CloseCheckpointCoordinator",
      replyTo: client,
    });
    this.#context.post(client, {
      type: "JobTerminated",
      awaitsCheckpoints: !this.#checkpointsBroken,
      status,
      error: state === "FAILED" ? this.#lastError : undefined,
    });
    this.#deployment.dispose();
    this.#context.stop();
  }
}
