import type { Subscription } from "rxjs";
import { type SubtaskOutcome, subtaskMachine } from "../../machines/subtask.machine.js";
import type { TriggerCheckpoint } from "../api/job-event.js";
import type { SourceSplit } from "../api/source-split.js";
import { illegalState, toErrorInfo } from "../errors/index.js";
import {
  type Actor,
  type ActorContext,
  type DefaultActionResult,
  MachineHost,
} from "../mailbox/index.js";
import type { SourceOperator } from "../operator/index.js";
import { deserializeSplits } from "../serde/index.js";
import { FINAL_STATE } from "../stream/index.js";
import { BadRecordHandler } from "./bad-records.js";
import { createSourceOperator } from "./create-source-operator.js";
import { LoopTimers } from "./loop-timers.js";
import { buildChain, type OperatorChain } from "./pipeline.js";
import { ReaderActorsBelow } from "./reader-actors-below.js";
import { releaseAttempt } from "./release-attempt.js";
import { SinkFeed } from "./sink-feed.js";
import { SourceLoop } from "./source-loop.js";
import { SplitSnapshot } from "./split-snapshot.js";
import { SubtaskCheckpoints } from "./subtask-checkpoints.js";
import { drainedInVain, subtaskFailed } from "./subtask-error.js";
import {
  type AttemptId,
  COMES_TOO_LATE,
  type SubtaskEvent,
  type SubtaskToJobEvent,
} from "./subtask-event.js";
import type { SubtaskOptions } from "./subtask-options.js";
import { REPORT_INTERVAL, subtaskStatus } from "./subtask-status.js";
import { SubtaskWriters, type WriterPair } from "./subtask-writers.js";

/**
 * One attempt of a subtask: Flink's StreamTask for a source, its operators and its sink writer.
 *
 * Owns: the source operator, the operator chain, the source loop, the sink feed and the counts of
 * bad records.
 * Called by: the dispatcher, one event at a time; between events the default action reads a slice.
 * Invariants: a checkpoint is one event between two chunks: what is emitted before the barrier is
 * in its snapshot and nothing else. Whatever fails, the job hears SubtaskFailed and then, when
 * nothing of the attempt runs any more, SubtaskClosed.
 */
export class Subtask implements Actor<SubtaskEvent> {
  readonly #context: ActorContext;
  readonly #options: SubtaskOptions;
  readonly #id: AttemptId;
  readonly #timers: LoopTimers;
  readonly #loop: SourceLoop;
  readonly #checkpoints: SubtaskCheckpoints;
  readonly #machine: MachineHost<typeof subtaskMachine>;
  readonly #actorsBelow: ReaderActorsBelow;
  readonly #writers: SubtaskWriters;
  readonly #badRecords: BadRecordHandler;
  #operator: SourceOperator<unknown, SourceSplit> | undefined;
  #chain: OperatorChain | undefined;
  #subscription: Subscription | undefined;
  #feed: SinkFeed | undefined;
  #error: unknown;
  #closeError: unknown;

  constructor(context: ActorContext, options: SubtaskOptions) {
    this.#context = context;
    this.#options = options;
    const { pipeline, subtask, attempt, metricGroup } = options;
    this.#id = { pipeline: pipeline.id, subtask, attempt };
    this.#timers = new LoopTimers(context);
    this.#actorsBelow = new ReaderActorsBelow(context, options);
    this.#writers = new SubtaskWriters(options, this.#timers, context.self, (error) =>
      this.#fail(error),
    );
    this.#loop = new SourceLoop({
      clock: context.clock,
      startsPaused: options.pausesUntilCheckpoint && options.restored !== undefined,
      push: (chunk) => this.#chain?.input.next(chunk),
      mayRead: () => this.#state === "RUNNING",
      wake: () => context.wakeDefaultAction(),
      inputEnded: () => this.#endInput(),
    });
    this.#badRecords = new BadRecordHandler({
      pipeline,
      subtask,
      clock: this.#timers,
      metricGroup,
      passed: (deadLetter) => this.#loop.badRecord(deadLetter),
    });
    const { version } = pipeline.source.splitSerializer;
    this.#checkpoints = new SubtaskCheckpoints(this.#id, version, (report) =>
      context.post(options.checkpointCoordinator, report),
    );
    this.#machine = new MachineHost(subtaskMachine, {
      id: context.self,
      inspect: options.inspect,
      actions: {
        openWriter: () =>
          this.#writers.open(() => context.post(context.self, { type: "WriterOpened" })),
        awaitCommit: () => this.#awaitCommit(),
        openOperator: () => this.#effect(() => this.#openOperator()),
        stopOperator: () => this.#effect(() => this.#stopOperator()),
        resumeReading: () => context.wakeDefaultAction(),
        reportFailure: () => this.#reportFailure(this.#error),
        release: ({ context: { outcome } }) => this.#release(outcome),
        reportClosed: ({ context: { outcome } }) => this.#closed(outcome),
        unexpectedEvent: ({ event }) => {
          throw illegalState(`${context.self} takes no ${event.type} in ${this.#state}`);
        },
      },
    });
  }

  get #state(): string {
    return String(this.#machine.snapshot.value);
  }

  receive(event: SubtaskEvent): void {
    const state = this.#state;
    if (state === "CLOSING" || state === "CLOSED") this.#handleWhileClosing(event);
    else this.#handle(event);
    if (!this.#loop.builder.isEmpty) this.#context.wakeDefaultAction();
  }

  onError(error: unknown): void {
    this.#fail(error);
  }

  runDefaultAction(): DefaultActionResult {
    if (!this.#checkpoints.isSerializing) return this.#loop.run();
    // Splits and records in turn, so that thousands of splits do not stop the records.
    this.#checkpoints.serializeSome();
    this.#loop.run();
    return "CONTINUE";
  }

  #handle(event: SubtaskEvent): void {
    switch (event.type) {
      case "AddSplit":
      case "WatermarkAlignment":
      case "NoMoreSplits":
      case "IsProcessingBacklog":
      case "SourceEventWrapper":
        this.#openedOperator().handleOperatorEvent(event);
        break;
      case "TriggerCheckpoint":
        if (this.#state === "RUNNING" && !this.#checkpoints.isAborted(event)) {
          this.#takeCheckpoint(event);
        }
        break;
      case "CheckpointCompleted":
        this.#checkpointCompleted(event.checkpointId);
        break;
      case "CheckpointAborted":
        this.#abortCheckpoint(event.checkpointId);
        break;
      case "CancelSubtask":
        this.#machine.send({ type: "CancelRequested" });
        break;
      case "WriterOpened":
        this.#writerOpened();
        break;
      case "SinkProgressed":
        this.#feed?.resume();
        break;
      default:
        this.#handleWhileClosing(event);
    }
  }

  /** Timers, deferred actions and fetchers still work while the attempt closes; the rest comes too late. */
  #handleWhileClosing(event: SubtaskEvent): void {
    switch (event.type) {
      case "Released":
        this.#machine.send({ type: "Released" });
        break;
      case "TimerFired":
        this.#timers.fire(event.timer);
        break;
      case "RunInLoop":
        this.#timers.run(event.action);
        break;
      default:
        if (COMES_TOO_LATE.has(event.type) || this.#actorsBelow.receive(event)) break;
        throw illegalState(`${this.#context.self} takes no event ${event.type}`);
    }
  }

  /** Runs an effect of the machine in transition: a failure is the machine's next event. */
  #effect(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#timers.runInLoop(() => this.#fail(error));
    }
  }

  #openedOperator(): SourceOperator<unknown, SourceSplit> {
    if (this.#operator === undefined) {
      throw illegalState(`${this.#context.self} got an event before it had opened`);
    }
    return this.#operator;
  }

  // Opening -----------------------------------------------------------------------------------

  #writerOpened(): void {
    this.#buildChain(this.#writers.writers);
    // Too late where an operator could not be created: that has ended the attempt.
    this.#machine.send({ type: "WriterOpened" });
  }

  #openOperator(): void {
    const { coordinator, checkpointCoordinator, subtask, attempt, restored } = this.#options;
    const { splitSerializer } = this.#options.pipeline.source;
    const operator = createSourceOperator(this.#options, {
      context: this.#context,
      timers: this.#timers,
      loop: this.#loop,
      actors: this.#actorsBelow,
      badRecords: this.#badRecords,
    });
    this.#operator = operator;
    const splits = (restored?.splits ?? []).flatMap((serialized) =>
      deserializeSplits<SourceSplit>(splitSerializer, serialized),
    );
    const self = this.#context.self;
    // Before the reader registers, on the same channel: then the coordinator can answer it.
    this.#context.post(coordinator, { type: "AttemptReady", subtask, attempt, address: self });
    this.#context.post(checkpointCoordinator, {
      type: "SubtaskRunning",
      ...this.#id,
      address: self,
    });
    this.#postToJob({ type: "SubtaskStarted", ...this.#id });
    operator.open(splits);
    this.#report();
    this.#timers.scheduleWithFixedDelay(() => this.#report(), REPORT_INTERVAL, REPORT_INTERVAL);
    this.#loop.start(operator);
  }

  #buildChain(writers: WriterPair): void {
    const { pipeline, subtask, parallelism, restored } = this.#options;
    this.#feed = new SinkFeed(writers, this.#id, {
      chunkWritten: (credits) => this.#loop.chunkWritten(credits),
      barrierReached: ({ checkpointId }) => this.#checkpoints.acknowledge(checkpointId),
      sinkSnapshot: (checkpointId, name, state) =>
        this.#checkpoints.operatorSnapshot(checkpointId, name, state),
      sinkDeclined: (checkpointId, error) => this.#checkpoints.decline(checkpointId, error),
      endReached: () => this.#sinkEnded(),
      failed: (error) => this.#fail(error),
      progressed: () => this.#context.post(this.#context.self, { type: "SinkProgressed" }),
    });
    this.#chain = buildChain(pipeline, {
      indexOfSubtask: subtask,
      currentParallelism: parallelism,
      restored: restored?.operators ?? {},
      loop: { address: this.#context.self, inspect: this.#options.inspect, timers: this.#timers },
      acknowledge: (checkpointId, operator, state) =>
        this.#checkpoints.operatorSnapshot(checkpointId, operator, state),
      decline: (checkpointId, error) => this.#checkpoints.decline(checkpointId, error),
    });
    this.#subscription = this.#chain.output.subscribe({
      next: (chunk) => this.#feed?.accept(chunk),
      error: (error: unknown) => this.#fail(error),
    });
  }

  // Checkpoints -------------------------------------------------------------------------------

  #takeCheckpoint(trigger: TriggerCheckpoint): void {
    const { checkpointId, stop, drain } = trigger;
    this.#loop.resume();
    if (stop && drain) this.#loop.emitMaxWatermark();
    try {
      const state = this.#openedOperator().snapshotState(checkpointId);
      const splits = new SplitSnapshot(this.#options.pipeline.source.splitSerializer, state);
      this.#checkpoints.begin(trigger, splits, this.#loop.watermark);
      this.#context.wakeDefaultAction();
    } catch (error) {
      this.#checkpoints.decline(checkpointId, error);
      if (stop && drain) throw drainedInVain(checkpointId, error);
      return;
    }
    if (stop) this.#machine.send({ type: "StopBarrierEmitted" });
    this.#loop.builder.emitBarrier({ checkpointId, stop });
    this.#loop.emitChunk();
  }

  /** Commits what the checkpoint holds; a stop goes on when that is done. */
  #checkpointCompleted(checkpointId: number): void {
    this.#operator?.notifyCheckpointComplete(checkpointId);
    if (this.#state === "COMMITTING" && this.#checkpoints.holdsFinalState(checkpointId)) {
      this.#commitAll();
      return;
    }
    const stops = this.#checkpoints.stop?.checkpointId === checkpointId;
    this.#writers.checkpointCompleted(checkpointId, () => {
      if (stops && this.#state === "WAITING_FOR_SAVEPOINT") {
        this.#machine.send({ type: "SavepointCompleted" });
      }
    });
  }

  #abortCheckpoint(checkpointId: number): void {
    this.#operator?.notifyCheckpointAborted(checkpointId);
    this.#chain?.checkpointAborted(checkpointId);
    const stop = this.#checkpoints.abort(checkpointId);
    if (stop === undefined) return;
    if (stop.drain) throw drainedInVain(checkpointId);
    this.#machine.send({ type: "SavepointAborted" });
  }

  #stopOperator(): void {
    this.#operator?.stop(this.#checkpoints.stop?.drain === true ? "DRAIN" : "NO_DRAIN");
  }

  // Ending ------------------------------------------------------------------------------------

  /** The last chunk goes out even without a credit: nothing follows it. */
  #endInput(): void {
    this.#machine.send({ type: "InputEnded" });
    this.#loop.builder.emitEndOfData();
    this.#loop.emitChunk();
    this.#chain?.input.complete();
  }

  /** After a stop nothing is committed that the savepoint does not hold. */
  #sinkEnded(): void {
    const waits = this.#writers.hasUncommitted || this.#operator?.reader.hasUncommitted?.();
    const isDone = !waits || this.#checkpoints.stop !== undefined;
    this.#machine.send({ type: isDone ? "SinkFinished" : "SinkPrepared" });
  }

  #awaitCommit(): void {
    // Without them no checkpoint will come, and after a failure the subtask reads everything again.
    if (!this.#options.hasPeriodicCheckpoints) this.#timers.runInLoop(() => this.#commitAll());
    else this.#checkpoints.finish(this.#context.self);
  }

  #commitAll(): void {
    this.#writers.checkpointCompleted(Number.POSITIVE_INFINITY, () => {
      if (this.#state === "COMMITTING") this.#machine.send({ type: "Committed" });
    });
  }

  #fail(error: unknown): void {
    this.#error ??= subtaskFailed(this.#id, this.#badRecords.failure ?? error);
    if (this.#machine.snapshot.status === "active") this.#machine.send({ type: "Failed" });
    else this.#reportFailure(this.#error);
  }

  #reportFailure(error: unknown): void {
    this.#postToJob({ type: "SubtaskFailed", ...this.#id, error: toErrorInfo(error) });
  }

  #release(outcome: SubtaskOutcome | undefined): void {
    const parts = {
      operator: this.#operator,
      subscription: this.#subscription,
      feed: this.#feed,
      writers: this.#writers,
    };
    const released = (): void => this.#context.post(this.#context.self, { type: "Released" });
    releaseAttempt(parts, outcome === "FINISHED").then(released, (error: unknown) => {
      this.#closeError = subtaskFailed(this.#id, error);
      released();
    });
  }

  #closed(outcome: SubtaskOutcome | undefined): void {
    this.#report("CLOSED");
    if (outcome === "FINISHED" && this.#closeError === undefined) {
      for (const [name, state] of this.#writers.finalStates()) {
        this.#checkpoints.operatorSnapshot(FINAL_STATE, name, state);
      }
      const state = this.#checkpoints.finish();
      this.#postToJob({ type: "SubtaskEnded", ...this.#id, state });
    } else if (outcome === "FINISHED") {
      this.#reportFailure(this.#closeError);
    }
    this.#postToJob({ type: "SubtaskClosed", ...this.#id });
    this.#timers.clear();
    if (outcome !== "FINISHED") this.#options.metricGroup.close();
    this.#actorsBelow.stopAll();
    this.#context.stop();
  }

  #postToJob(event: SubtaskToJobEvent): void {
    this.#context.post(this.#options.jobMaster, event);
  }

  #report(state = this.#state): void {
    if (this.#operator === undefined) return;
    this.#postToJob({
      type: "SubtaskReport",
      ...this.#id,
      status: subtaskStatus(state, this.#operator, this.#loop, this.#badRecords),
    });
  }
}
