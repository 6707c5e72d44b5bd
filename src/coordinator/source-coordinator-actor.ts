import type {
  BacklogChanged,
  CoordinatorAcknowledged,
  CoordinatorDeclined,
  CoordinatorFailed,
  TriggerCheckpoint,
} from "../api/job-event.js";
import type { MetricGroup } from "../api/metrics.js";
import type { AnySource } from "../api/source.js";
import type { SourceSplit } from "../api/source-split.js";
import type { WatermarkAlignmentParams } from "../api/watermark.js";
import { type ErrorInfo, HeadwaterError, illegalState, toErrorInfo } from "../errors/index.js";
import type { JobLog } from "../logging/index.js";
import type {
  Actor,
  ActorContext,
  ActorEvent,
  Address,
  InspectionObserver,
} from "../mailbox/index.js";
import { AttemptFence } from "./attempt-fence.js";
import { enumeratorFailed } from "./coordinator-error.js";
import type {
  CoordinatorClosed,
  GroupWatermark,
  JoinAlignmentGroup,
  LeaveAlignmentGroup,
  SourceCoordinatorActorEvent,
} from "./coordinator-event.js";
import type { CoordinatorHost } from "./coordinator-host.js";
import { SourceCoordinator } from "./source-coordinator.js";

/** Events that wait for the news that they follow from; more mean that it never comes. */
const MAX_EARLY_EVENTS = 10_000;

/** What a source coordinator's actor is made from. */
export interface SourceCoordinatorActorOptions {
  /**
   * The pipeline's id: what the coordinator is called in its messages and in its alignment group.
   */
  readonly pipeline: string;
  readonly source: AnySource;
  readonly parallelism: number;
  readonly jobMaster: Address;
  readonly checkpointCoordinator: Address;
  readonly metricGroup: MetricGroup;
  /** Its lines name the pipeline. */
  readonly log?: JobLog;
  /** Undefined: no alignment. */
  readonly alignment?: WatermarkAlignmentParams | undefined;
  /** Where the alignment group lives; without one the source is aligned with itself only. */
  readonly alignmentGroup?: Address | undefined;
  readonly concurrentAttempts?: boolean | undefined;
  /** By subtask: the attempt that starts with the coordinator. Undefined: nothing waits for any news. */
  readonly attempts?: readonly number[] | undefined;
  /** The coordinator state of the checkpoint that the job goes on from. */
  readonly restore?: { readonly checkpointId: number; readonly state: Uint8Array } | undefined;
  readonly inspect?: InspectionObserver | undefined;
}

/**
 * Owns: one source coordinator and the mailbox it lives behind.
 * Called by: the job (start, close, attempts), subtasks, the checkpoint coordinator, the alignment
 * group.
 * Sends: splits, signals, alignment limits and barriers to subtasks; acknowledgements and backlog
 * to the checkpoint coordinator; `CoordinatorFailed` and `CoordinatorClosed` to the job.
 * Invariants: a barrier leaves right after the snapshot it belongs to, on the channel of the
 * splits; a coordinator that has failed takes no checkpoint; after `CoordinatorClosed` nothing is
 * sent; what overtakes the news that it follows from waits for it: the job's StartCoordinator, the
 * SubtaskReset of a new attempt, and for a barrier AttemptReady of each attempt that takes part.
 */
export class SourceCoordinatorActor implements Actor<SourceCoordinatorActorEvent> {
  /** For the actor's own loop, and for tests in it. */
  readonly coordinator: SourceCoordinator<SourceSplit, unknown>;
  readonly #context: ActorContext;
  readonly #options: SourceCoordinatorActorOptions;
  readonly #fence: AttemptFence;
  readonly #actions = new Map<number, () => void>();
  /** What has to wait, in its order. */
  #early: SourceCoordinatorActorEvent[] = [];
  #lastAction = 0;
  #stopped = false;

  constructor(context: ActorContext, options: SourceCoordinatorActorOptions) {
    this.#context = context;
    this.#options = options;
    this.#fence = new AttemptFence(options.attempts);
    const { source, parallelism, metricGroup, alignment, concurrentAttempts, inspect } = options;
    const { log } = options;
    this.coordinator = new SourceCoordinator<SourceSplit, unknown>(this.#host(), {
      id: context.self,
      source,
      parallelism,
      metricGroup,
      log,
      alignment,
      concurrentAttempts,
      inspect,
    });
  }

  receive(event: SourceCoordinatorActorEvent): void {
    if (this.#isEarly(event)) {
      this.#holdBack(event);
      return;
    }
    this.#handle(event);
    while (this.#early.length > 0) {
      const next = this.#early.findIndex((early) => !this.#isEarly(early));
      if (next === -1) return;
      for (const early of this.#early.splice(next, 1)) this.#handle(early);
    }
  }

  /** Whether it has overtaken what was sent before it by somebody else, as a transport may let it. */
  #isEarly(event: SourceCoordinatorActorEvent): boolean {
    const { isStarted, isClosed, gateways } = this.coordinator;
    if (this.#options.attempts === undefined) return false;
    switch (event.type) {
      case "OperatorEvent":
      case "AttemptReady":
        return !isStarted || (this.#fence.isEarly(event.subtask, event.attempt) && !isClosed);
      case "TriggerCheckpoint": {
        if (!isStarted || isClosed) return !isStarted;
        const waits = (attempt: number, subtask: number): boolean =>
          attempt >= 0 &&
          this.#fence.allows(subtask, attempt) &&
          !gateways.isReady(subtask, attempt);
        return event.attempts?.some(waits) === true && !this.coordinator.isFailed;
      }
      case "CheckpointCompleted":
        return !isStarted;
      default:
        return false;
    }
  }

  #handle(event: SourceCoordinatorActorEvent): void {
    const { coordinator } = this;
    switch (event.type) {
      case "OperatorEvent":
        if (!this.#fence.allows(event.subtask, event.attempt)) break;
        coordinator.handleEventFromOperator(event.subtask, event.attempt, event.event);
        break;
      case "StartCoordinator":
        this.#start();
        break;
      case "AttemptReady":
        if (!this.#fence.allows(event.subtask, event.attempt)) break;
        this.#fence.ready(event.subtask, event.attempt);
        coordinator.executionAttemptReady(event.subtask, event.attempt, event.address);
        break;
      case "AttemptFailed":
        this.#fence.ended(event.subtask, event.attempt);
        coordinator.executionAttemptFailed(event.subtask, event.attempt);
        break;
      case "SubtaskReset":
        this.#fence.reset(event.subtask, event.attempt);
        coordinator.subtaskReset(event.subtask, event.checkpointId);
        break;
      case "TriggerCheckpoint":
        this.#triggerCheckpoint(event);
        break;
      case "CheckpointCompleted":
        coordinator.notifyCheckpointComplete(event.checkpointId);
        break;
      case "CheckpointAborted":
        this.#early = this.#early.filter(
          (early) =>
            early.type !== "TriggerCheckpoint" || early.checkpointId !== event.checkpointId,
        );
        // One that has heard of no checkpoint has nothing to hear of its end.
        if (coordinator.isStarted || this.#options.attempts === undefined) {
          coordinator.notifyCheckpointAborted(event.checkpointId);
        }
        break;
      case "AlignmentGroupMinimum":
        coordinator.setGroupMinimum(event);
        break;
      case "AnnounceCombinedWatermark":
        this.#announceCombinedWatermark();
        break;
      case "RunInCoordinatorLoop":
        this.#runAction(event.action);
        break;
      case "CloseCoordinator":
        this.#close(event.leaveAlignmentGroup ?? false);
        break;
      default:
        throw illegalState(`a source coordinator takes no ${(event as ActorEvent).type}`);
    }
  }

  onError(error: unknown): void {
    this.coordinator.fail("handling an event", error);
  }

  #holdBack(event: SourceCoordinatorActorEvent): void {
    this.#early.push(event);
    if (this.#early.length <= MAX_EARLY_EVENTS) return;
    this.#early = [];
    const tooMany = new HeadwaterError(
      "LIMIT_EXCEEDED",
      `more than ${MAX_EARLY_EVENTS} events came before the job had told the coordinator of pipeline ${this.#options.pipeline} of what they follow from`,
      {
        domain: "internal",
        retry: "backoff",
        scope: "job",
        hint: "The job's own messages do not arrive, or much later than those of its subtasks.",
      },
    );
    this.coordinator.fail("waiting for news of the job", tooMany);
  }

  #start(): void {
    const { restore, alignment } = this.#options;
    if (restore !== undefined) {
      try {
        this.coordinator.resetToCheckpoint(restore.checkpointId, restore.state);
      } catch (error) {
        this.coordinator.fail(`being restored from checkpoint ${restore.checkpointId}`, error);
        return;
      }
    }
    this.coordinator.start();
    if (alignment === undefined) return;
    this.#postToGroup({ type: "JoinAlignmentGroup", pipeline: this.#options.pipeline });
    this.#announceLater(alignment);
  }

  /** Fixed delay: an announcement that comes late does not bring a burst of further ones. */
  #announceLater(alignment: WatermarkAlignmentParams): void {
    this.#context.postAfter(alignment.updateInterval, { type: "AnnounceCombinedWatermark" });
  }

  #announceCombinedWatermark(): void {
    const { alignment } = this.#options;
    if (alignment === undefined || this.coordinator.isClosed) return;
    try {
      this.coordinator.announceCombinedWatermark();
    } catch (error) {
      this.coordinator.fail("announcing the combined watermark", error);
    }
    this.#announceLater(alignment);
  }

  #triggerCheckpoint(event: TriggerCheckpoint): void {
    const { pipeline, checkpointCoordinator } = this.#options;
    const { type, checkpointId, stop, drain } = event;
    let state: Uint8Array;
    try {
      // The enumerator may have stopped halfway; nothing keeps the job from completing a checkpoint
      // with that state before it hears of the failure.
      if (this.coordinator.isFailed) throw illegalState("the source coordinator has failed");
      state = this.coordinator.checkpointCoordinator(checkpointId);
    } catch (error) {
      const what = `taking checkpoint ${checkpointId}`;
      this.#post<CoordinatorDeclined>(checkpointCoordinator, {
        type: "CoordinatorDeclined",
        checkpointId,
        pipeline,
        error: toErrorInfo(enumeratorFailed(this.#options.source.name, what, error)),
      });
      return;
    }
    this.#post<CoordinatorAcknowledged>(checkpointCoordinator, {
      type: "CoordinatorAcknowledged",
      checkpointId,
      pipeline,
      state,
    });
    const barrier: TriggerCheckpoint = { type, checkpointId, stop, drain };
    for (const attempt of this.coordinator.gateways.addresses) this.#context.post(attempt, barrier);
  }

  #close(leaveAlignmentGroup: boolean): void {
    if (this.#options.alignment !== undefined && leaveAlignmentGroup) {
      this.#postToGroup({ type: "LeaveAlignmentGroup", pipeline: this.#options.pipeline });
    }
    this.coordinator.close();
  }

  #closed(error: ErrorInfo | undefined): void {
    const { pipeline, jobMaster } = this.#options;
    this.#post<CoordinatorClosed>(jobMaster, {
      type: "CoordinatorClosed",
      pipeline,
      ...(error === undefined ? {} : { error }),
    });
    this.#stopped = true;
    this.#actions.clear();
    this.#context.stop();
  }

  #runAction(id: number): void {
    const action = this.#actions.get(id);
    this.#actions.delete(id);
    action?.();
  }

  #host(): CoordinatorHost {
    const { pipeline, jobMaster, checkpointCoordinator } = this.#options;
    return {
      clock: this.#context.clock,
      post: (to, event) => this.#context.post(to, event),
      runInLoop: (action) => {
        // An asynchronous call may end after the coordinator; its successor has the same address.
        if (this.#stopped) return;
        const id = ++this.#lastAction;
        this.#actions.set(id, action);
        this.#context.post(this.#context.self, {
          type: "RunInCoordinatorLoop",
          action: id,
        } as ActorEvent);
      },
      failJob: (error) =>
        this.#post<CoordinatorFailed>(jobMaster, { type: "CoordinatorFailed", pipeline, error }),
      backlogChanged: (isProcessingBacklog) =>
        this.#post<BacklogChanged>(checkpointCoordinator, {
          type: "BacklogChanged",
          pipeline,
          isProcessingBacklog,
        }),
      combinedWatermarkChanged: (watermark) =>
        this.#postToGroup({ type: "GroupWatermark", pipeline, watermark }),
      closed: (error) => this.#closed(error),
    };
  }

  #postToGroup(event: JoinAlignmentGroup | GroupWatermark | LeaveAlignmentGroup): void {
    const { alignmentGroup } = this.#options;
    if (alignmentGroup !== undefined) this.#context.post(alignmentGroup, event);
  }

  #post<E extends ActorEvent>(to: Address, event: E): void {
    this.#context.post(to, event);
  }
}
