import { type CheckpointEvent, checkpointMachine } from "../../machines/checkpoint.machine.js";
import type { CheckpointContext, PendingCheckpointFacts } from "../../machines/checkpoint-facts.js";
import type {
  CheckpointAborted,
  CheckpointCompleted,
  TriggerCheckpoint,
} from "../api/job-event.js";
import { type HeadwaterError, illegalState, toErrorInfo } from "../errors/index.js";
import {
  type Actor,
  type ActorContext,
  type Address,
  type MachineActions,
  MachineHost,
} from "../mailbox/index.js";
import { checkpointAborted, checkpointFailuresExceeded, requestRefused } from "./abort-reason.js";
import { AwaitedCheckpoint } from "./awaited-checkpoint.js";
import type { CheckpointCoordinatorOptions } from "./checkpoint-coordinator-options.js";
import type { CompletedCheckpoint } from "./checkpoint-data.js";
import type {
  CheckpointCoordinatorEvent,
  CheckpointCoordinatorReport,
} from "./checkpoint-event.js";
import { CheckpointMetrics } from "./checkpoint-metrics.js";
import { CheckpointRequestQueue, type RequestBatch } from "./checkpoint-request-queue.js";
import { CheckpointSchedule } from "./checkpoint-schedule.js";
import { CheckpointStoring } from "./checkpoint-storing.js";
import { CheckpointSuspension } from "./checkpoint-suspension.js";
import { PendingCheckpoint } from "./pending-checkpoint.js";
import { runningAttempts, SubtaskRegistry } from "./subtask-registry.js";

const DEFAULT_TIMEOUT = 600_000;
/** How long the end of a job waits for a checkpoint that is being stored, in milliseconds. */
const CLOSE_TIMEOUT = 10_000;

/**
 * Takes the job's checkpoints, one at a time (Flink `CheckpointCoordinator`).
 *
 * Owns: the pending checkpoint, the final states of finished subtasks, the queue of requests, the
 * schedule. Called by: the job master, source coordinators and subtasks through its mailbox.
 * Sends: TriggerCheckpoint to source coordinators, which forward it; CheckpointCompleted and
 * CheckpointAborted to source coordinators and running subtasks; reports to the job master.
 * Invariants: nothing is called complete before it is durable; a checkpoint has the state of every
 * source coordinator and every subtask; ids only grow.
 *
 * A savepoint that does not stop the job sends no CheckpointCompleted: what is committed outside on
 * it could be committed again by a restart from an older checkpoint (FLIP-203).
 */
export class CheckpointCoordinator implements Actor<CheckpointCoordinatorEvent> {
  readonly #context: ActorContext;
  readonly #options: CheckpointCoordinatorOptions;
  readonly #machine: MachineHost<typeof checkpointMachine>;
  readonly #schedule: CheckpointSchedule;
  readonly #requests: CheckpointRequestQueue;
  readonly #storing: CheckpointStoring;
  readonly #suspension: CheckpointSuspension;
  readonly #subtasks = new SubtaskRegistry();
  readonly #coordinators = new Map<string, Address>();
  readonly #metrics: CheckpointMetrics;
  #pending: PendingCheckpoint | undefined;
  #lastCheckpoint: CompletedCheckpoint | undefined;
  #closeReplyTo: Address | undefined;
  /** The mailbox event that the machine is working on: its actions take the payload from here. */
  #received: CheckpointCoordinatorEvent | undefined;
  #triggering: RequestBatch = [];
  /** The storage's answer that the machine is working on. */
  #stored: CompletedCheckpoint | undefined;
  #storeError: unknown;
  #lastFailure: HeadwaterError | undefined;
  /** By a finished subtask, for one that holds its final state; by a new one, to read. */
  readonly #awaited: AwaitedCheckpoint;
  #unexpected: string | undefined;

  constructor(context: ActorContext, options: CheckpointCoordinatorOptions) {
    this.#context = context;
    this.#options = options;
    this.#requests = new CheckpointRequestQueue(context);
    this.#storing = new CheckpointStoring(context, options.storage);
    this.#suspension = new CheckpointSuspension(context, this.#storing);
    this.#awaited = new AwaitedCheckpoint(context, options);
    this.#schedule = new CheckpointSchedule(context, {
      interval: options.interval,
      intervalDuringBacklog: options.intervalDuringBacklog,
      minPause: options.minPause ?? 0,
    });
    for (const { id, coordinator } of options.pipelines) this.#coordinators.set(id, coordinator);
    this.#metrics = new CheckpointMetrics(options, () => (this.#pending === undefined ? 0 : 1));
    this.#machine = new MachineHost(checkpointMachine, {
      actions: this.#machineActions(),
      id: context.self,
      input: {
        firstCheckpointId: options.firstCheckpointId ?? 1,
        tolerableFailures: options.tolerableFailures ?? 0,
        pipelines: options.pipelines,
      },
      inspect: options.inspect,
    });
  }

  receive(event: CheckpointCoordinatorEvent): void {
    this.#received = event;
    this.#handle(event);
    if (this.#machine.snapshot.matches("stopped")) return;
    this.#serveRequests();
  }

  onError(error: unknown): void {
    this.#report({ type: "CheckpointCoordinatorFailed", error: toErrorInfo(error) });
    const refused = requestRefused("the checkpoint coordinator has failed", error);
    this.#requests.fail(this.#pending?.options.requests ?? [], refused);
    this.#requests.fail(this.#requests.takeAll(), refused);
    this.#context.stop();
  }

  #handle(event: CheckpointCoordinatorEvent): void {
    switch (event.type) {
      case "SubtaskRunning":
      case "SubtaskGone":
      case "SubtaskFinished": {
        const { type, pipeline, subtask, attempt } = event;
        this.#send({ type, pipeline, subtask, attempt });
        this.#awaited.heard(event);
        break;
      }
      case "CheckpointAcknowledged":
      case "CheckpointDeclined": {
        const { pipeline, subtask, attempt, checkpointId } = event;
        const type =
          event.type === "CheckpointDeclined" ? "SubtaskDeclined" : "SubtaskAcknowledged";
        this.#send({ type, pipeline, subtask, attempt, checkpointId });
        break;
      }
      case "CoordinatorAcknowledged":
      case "CoordinatorDeclined": {
        const { type, pipeline, checkpointId } = event;
        this.#send({ type, pipeline, checkpointId });
        break;
      }
      case "CoordinatorReplaced":
        this.#schedule.backlogChanged(event.pipeline, false);
        this.#send({ type: event.type, pipeline: event.pipeline, attempts: event.attempts });
        break;
      case "BacklogChanged":
        this.#schedule.backlogChanged(event.pipeline, event.isProcessingBacklog);
        break;
      case "RequestCheckpoint":
        this.#requests.add(event);
        break;
      case "Suspend":
        this.#suspension.asked(event.replyTo);
        this.#send({ type: "Suspend" });
        break;
      case "Resume":
        this.#suspension.resumed();
        this.#send({ type: "Resume" });
        break;
      case "CloseCheckpointCoordinator":
        this.#closeReplyTo = event.replyTo;
        this.#send({ type: "Close" });
        break;
      case "CloseTimedOut":
        this.#send({ type: "CloseTimedOut" });
        break;
      case "PeriodicTriggerDue":
        if (this.#schedule.due(event, this.#isIdle)) this.#trigger([]);
        break;
      case "AwaitedCheckpointDue":
        this.#awaited.timerFired();
        break;
      case "CheckpointTimedOut":
        this.#send({ type: "TimedOut", checkpointId: event.checkpointId });
        break;
      case "StoreSettled":
        this.#storeSettled(event.checkpointId);
        this.#suspension.settled(this.#lastCheckpoint);
        break;
      case "DiscardSettled":
        this.#suspension.settled(this.#lastCheckpoint);
        break;
      case "SuspendTimedOut":
        this.#suspension.timedOut(event.suspension, this.#lastCheckpoint);
        break;
      default:
        throw illegalState(
          `the checkpoint coordinator takes no ${(event as { readonly type: string }).type}`,
        );
    }
  }

  #machineActions(): MachineActions<typeof checkpointMachine> {
    return {
      triggerCheckpoint: ({ context }) => {
        if (context.pending !== undefined) this.#triggerCheckpoint(context.pending, context);
      },
      keepState: () => this.#keepState(),
      keepFinalState: () => this.#keepFinalState(),
      rememberSubtask: () => {
        if (this.#received?.type === "SubtaskRunning") this.#subtasks.running(this.#received);
      },
      forgetSubtask: ({ event }) => {
        if (event.type === "SubtaskGone") this.#subtasks.gone(event.pipeline, event.subtask);
      },
      replaceCoordinator: () => this.#replaceCoordinator(),
      storeCheckpoint: () => this.#storeCheckpoint(),
      completeCheckpoint: () => this.#completeCheckpoint(),
      abortCheckpoint: () => this.#abortCheckpoint(),
      failJob: ({ context }) => this.#failJob(context.consecutiveFailures + 1),
      discardLateCheckpoint: () => {
        if (this.#stored !== undefined) this.#storing.discard(this.#stored);
      },
      startScheduler: () => this.#schedule.start(),
      stopScheduler: () => this.#schedule.stop(),
      confirmSuspended: () => this.#suspension.suspended(this.#lastCheckpoint),
      startCloseTimeout: () => {
        this.#context.postAfter(CLOSE_TIMEOUT, { type: "CloseTimedOut" });
      },
      closeCoordinator: () => this.#close(),
      unexpectedEvent: ({ event }) => {
        this.#unexpected = event.type;
      },
    };
  }

  // Triggering ---------------------------------------------------------------------------------

  get #isIdle(): boolean {
    return this.#machine.snapshot.matches({ running: "idle" });
  }

  /** After every event: starts what waits when that is possible, refuses it when it cannot become so. */
  #serveRequests(): void {
    if (this.#requests.size === 0) {
      if (this.#awaited.isDue && this.#isIdle) this.#trigger([]);
      return;
    }
    if (this.#isIdle) this.#trigger(this.#requests.takeNext());
    else if (!this.#machine.snapshot.matches("running")) {
      const refused = requestRefused("not all subtasks of the job run, or it is about to end");
      this.#requests.fail(this.#requests.takeAll(), refused);
    }
  }

  #trigger(requests: RequestBatch): void {
    this.#triggering = requests;
    const { kind = "CHECKPOINT", stop = false } = requests[0] ?? {};
    this.#send({ type: "TriggerRequested", kind, stop });
  }

  #triggerCheckpoint({ checkpointId }: PendingCheckpointFacts, facts: CheckpointContext): void {
    const requests = this.#triggering;
    this.#triggering = [];
    const { clock } = this.#context;
    const { kind = "CHECKPOINT", stop = false, drain = false } = requests[0] ?? {};
    // A savepoint of its user commits nothing.
    if (kind === "CHECKPOINT" || stop) this.#awaited.triggered();
    const pending = new PendingCheckpoint({
      checkpointId,
      kind,
      stop,
      requests,
      triggeredAt: clock.now(),
      startedAt: clock.relativeTime(),
      cancelTimeout: this.#context.postAfter(this.#options.timeout ?? DEFAULT_TIMEOUT, {
        type: "CheckpointTimedOut",
        checkpointId,
      }),
      participants: [...this.#coordinators.values(), ...this.#subtasks.addresses()],
    });
    this.#subtasks.forEachFinalState((pipeline, subtask, state) => {
      pending.addSubtask(pipeline, subtask, state);
    });
    this.#pending = pending;
    const trigger: TriggerCheckpoint = { type: "TriggerCheckpoint", checkpointId, stop, drain };
    for (const [pipeline, coordinator] of this.#coordinators) {
      this.#context.post(coordinator, { ...trigger, attempts: runningAttempts(facts, pipeline) });
    }
  }

  // Collecting ---------------------------------------------------------------------------------

  #keepState(): void {
    const event = this.#received;
    if (event?.type === "CoordinatorAcknowledged") {
      this.#pending?.addCoordinator(event.pipeline, event.state);
    } else if (event?.type === "CheckpointAcknowledged") {
      this.#pending?.addSubtask(event.pipeline, event.subtask, event.state);
    }
  }

  #keepFinalState(): void {
    const event = this.#received;
    if (event?.type !== "SubtaskFinished") return;
    this.#subtasks.finished(event);
    this.#pending?.addSubtask(event.pipeline, event.subtask, event.state);
  }

  #replaceCoordinator(): void {
    const event = this.#received;
    if (event?.type !== "CoordinatorReplaced" || !this.#coordinators.has(event.pipeline)) return;
    this.#coordinators.set(event.pipeline, event.address);
  }

  // Ending a checkpoint ------------------------------------------------------------------------

  #storeCheckpoint(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { jobName, pipelines } = this.#options;
    const { kind, requests } = pending.options;
    const target = kind === "SAVEPOINT" ? requests[0]?.target : undefined;
    this.#storing.start(pending.assemble(jobName, pipelines), target);
  }

  #storeSettled(checkpointId: number): void {
    const outcome = this.#storing.take(checkpointId);
    if (outcome === undefined) return;
    if ("checkpoint" in outcome) {
      this.#stored = outcome.checkpoint;
      this.#send({ type: "Stored", checkpointId });
      this.#stored = undefined;
    } else {
      this.#storeError = outcome.error;
      this.#send({ type: "StoreFailed", checkpointId });
      this.#storeError = undefined;
    }
  }

  #completeCheckpoint(): void {
    const pending = this.#endPending();
    const checkpoint = this.#stored;
    if (pending === undefined || checkpoint === undefined) return;
    const { checkpointId, kind, stop, requests, startedAt } = pending.options;
    this.#lastCheckpoint = checkpoint;
    this.#awaited.completed();
    this.#metrics.completed(checkpoint, this.#context.clock.relativeTime() - startedAt);
    if (kind === "CHECKPOINT" || stop) {
      this.#notify(pending, { type: "CheckpointCompleted", checkpointId });
    }
    const requestIds = requests.map((request) => request.requestId);
    this.#report({ type: "CheckpointStored", checkpoint, requestIds, stop });
    this.#requests.finish(requests, checkpoint);
  }

  #abortCheckpoint(): void {
    const pending = this.#endPending();
    if (pending === undefined || this.#received === undefined) return;
    const { checkpointId, requests } = pending.options;
    this.#lastFailure = checkpointAborted(checkpointId, this.#received, this.#storeError);
    this.#awaited.aborted();
    this.#metrics.failed(checkpointId, this.#lastFailure);
    this.#notify(pending, { type: "CheckpointAborted", checkpointId });
    this.#requests.fail(requests, this.#lastFailure);
  }

  #failJob(failures: number): void {
    const tolerable = this.#options.tolerableFailures ?? 0;
    const error = checkpointFailuresExceeded(failures, tolerable, this.#lastFailure);
    this.#report({ type: "CheckpointFailuresExceeded", error: toErrorInfo(error) });
  }

  #endPending(): PendingCheckpoint | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.options.cancelTimeout();
    this.#schedule.checkpointEnded();
    return pending;
  }

  /** To those who took part only; what is meant for an attempt that has ended reaches nobody. */
  #notify(pending: PendingCheckpoint, event: CheckpointCompleted | CheckpointAborted): void {
    for (const to of pending.options.participants) this.#context.post(to, event);
  }

  // Closing ------------------------------------------------------------------------------------

  #close(): void {
    const pending = this.#endPending();
    this.#requests.fail(pending?.options.requests ?? [], requestRefused("the job has ended"));
    this.#requests.fail(this.#requests.takeAll(), requestRefused("the job has ended"));
    if (this.#closeReplyTo !== undefined) {
      this.#context.post(this.#closeReplyTo, { type: "CheckpointCoordinatorClosed" });
    }
    this.#context.stop();
  }

  #report(report: CheckpointCoordinatorReport): void {
    this.#context.post(this.#options.jobMaster, report);
  }

  #send(event: CheckpointEvent): void {
    this.#machine.send(event);
    const unexpected = this.#unexpected;
    this.#unexpected = undefined;
    if (unexpected === undefined) return;
    const state = JSON.stringify(this.#machine.snapshot.value);
    throw illegalState(`checkpoint machine got ${unexpected} in ${state}`);
  }
}
