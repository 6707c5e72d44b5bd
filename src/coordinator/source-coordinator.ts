import type { SupportsHandleExecutionAttemptSourceEvent } from "../api/capabilities.js";
import type { MetricGroup } from "../api/metrics.js";
import type { OperatorToCoordinatorEvent, ReaderRegistrationEvent } from "../api/operator-event.js";
import type { Source } from "../api/source.js";
import type { SourceEvent } from "../api/source-event.js";
import type { SourceSplit } from "../api/source-split.js";
import type { SplitEnumerator } from "../api/split-enumerator.js";
import type { Watermark, WatermarkAlignmentParams } from "../api/watermark.js";
import { checkState, illegalArgument, illegalState, toErrorInfo } from "../errors/index.js";
import type { JobLog } from "../logging/index.js";
import type { Address, InspectionObserver } from "../mailbox/index.js";
import { AsyncCalls } from "./async-calls.js";
import { BATCH_CHECKPOINT_ID, CoordinatorCheckpoints } from "./coordinator-checkpoints.js";
import { SourceCoordinatorContext } from "./coordinator-context.js";
import { enumeratorFailed } from "./coordinator-error.js";
import type { AlignmentGroupMinimum } from "./coordinator-event.js";
import type { CoordinatorHost } from "./coordinator-host.js";
import { CoordinatorState } from "./coordinator-state.js";
import { closeEnumerator } from "./enumerator-closing.js";
import { SplitAssignmentTracker } from "./split-assignment-tracker.js";
import { SubtaskGateways } from "./subtask-gateways.js";
import { WatermarkAlignment } from "./watermark-alignment.js";

/** What a source coordinator is made from. */
export interface SourceCoordinatorOptions<SplitT extends SourceSplit, EnumChkT> {
  /** Names the coordinator's machine in the inspector. */
  readonly id: string;
  readonly source: Source<unknown, SplitT, EnumChkT>;
  readonly parallelism: number;
  readonly metricGroup: MetricGroup;
  readonly log?: JobLog | undefined;
  /** Undefined: no alignment. */
  readonly alignment?: WatermarkAlignmentParams | undefined;
  /** Several attempts of a subtask may run at once; not with alignment. */
  readonly concurrentAttempts?: boolean | undefined;
  readonly inspect?: InspectionObserver | undefined;
}

/**
 * Owns: one source's enumerator, which splits its readers were assigned, and their alignment.
 * Called by: the coordinator's loop only. Invariants: nothing reaches the enumerator before
 * `start`; an error of the enumerator fails the job, never the process; splits that a subtask loses
 * by going back to a checkpoint return to the enumerator.
 *
 * The coordinator of one source (FLIP-27, Flink `SourceCoordinator`); its methods are Flink's. Each
 * throws ILLEGAL_STATE before `start`.
 */
export class SourceCoordinator<SplitT extends SourceSplit, EnumChkT> {
  readonly context: SourceCoordinatorContext<SplitT>;
  readonly gateways: SubtaskGateways;
  readonly tracker = new SplitAssignmentTracker<SplitT>();
  readonly #host: CoordinatorHost;
  readonly #source: Source<unknown, SplitT, EnumChkT>;
  readonly #concurrentAttempts: boolean;
  readonly #alignment: WatermarkAlignment | undefined;
  readonly #state: CoordinatorState;
  readonly #asyncCalls: AsyncCalls;
  readonly #checkpoints: CoordinatorCheckpoints<SplitT, EnumChkT>;
  #enumerator: SplitEnumerator<SplitT, EnumChkT> | undefined;
  #stateToRestore: Uint8Array | undefined;

  constructor(host: CoordinatorHost, options: SourceCoordinatorOptions<SplitT, EnumChkT>) {
    const { source, parallelism, alignment, concurrentAttempts = false } = options;
    if (alignment !== undefined && concurrentAttempts) {
      throw illegalArgument(
        `source ${source.name}: watermark alignment is not supported with concurrent attempts of a subtask`,
      );
    }
    this.#host = host;
    this.#source = source;
    this.#concurrentAttempts = concurrentAttempts;
    this.#alignment = alignment === undefined ? undefined : new WatermarkAlignment(alignment);
    this.#state = new CoordinatorState(
      { id: options.id, source: source.name, parallelism, inspect: options.inspect },
      {
        restoreEnumerator: (checkpointId) => this.#restoreEnumerator(checkpointId),
        startEnumerator: () => this.#startEnumerator(),
        resendSplits: (subtask, attempt) => this.context.resendSplits(subtask, attempt),
        addReader: (subtask) => this.#addReader(subtask),
        addSplitsBack: (subtask, checkpointId) => this.#addSplitsBack(subtask, checkpointId),
        sendNoMoreSplits: (subtask) => this.context.sendNoMoreSplits(subtask),
        sendBacklog: (isProcessingBacklog) => {
          host.backlogChanged(isProcessingBacklog);
          this.context.sendBacklog(isProcessingBacklog);
        },
        failJob: (error) => host.failJob(error),
        closeEnumerator: () => this.#closeEnumerator(),
        reportClosed: (error) => host.closed(error),
      },
    );
    this.gateways = new SubtaskGateways(this.#state, host);
    this.#asyncCalls = new AsyncCalls(host, (action) =>
      this.#guard("handling the result of an asynchronous call", action),
    );
    this.#checkpoints = new CoordinatorCheckpoints(source, this.tracker);
    this.context = new SourceCoordinatorContext({
      source: source.name,
      splitSerializer: source.splitSerializer,
      concurrentAttempts,
      metricGroup: options.metricGroup,
      log: options.log,
      state: this.#state,
      gateways: this.gateways,
      tracker: this.tracker,
      asyncCalls: this.#asyncCalls,
      runInLoop: (action) => {
        host.runInLoop(() => {
          if (!this.#state.isClosed) this.#guard("running an action of its own", action);
        });
      },
    });
  }

  /** The minimum over the source's own subtasks; -Infinity without a report. */
  get combinedWatermark(): Watermark {
    return this.#alignment?.combined ?? Number.NEGATIVE_INFINITY;
  }

  get isStarted(): boolean {
    return this.#state.isStarted;
  }

  get isFailed(): boolean {
    return this.#state.isFailed;
  }

  get isClosed(): boolean {
    return this.#state.isClosed;
  }

  /**
   * Creates the enumerator, unless it was restored, and starts it; what that throws fails the job.
   */
  start(): void {
    this.#state.apply({ type: "StartCoordinator" });
  }

  /** Makes an attempt reachable: what it is sent goes to `address`. */
  executionAttemptReady(subtask: number, attempt: number, address: Address): void {
    this.#inLoop(`making subtask ${subtask} (#${attempt}) available`, () => {
      this.#state.apply({ type: "AttemptReady", subtask, attempt, address });
    });
  }

  executionAttemptFailed(subtask: number, attempt: number): void {
    this.#inLoop(`handling the failure of subtask ${subtask} (#${attempt})`, () => {
      this.context.attemptFailed(subtask, attempt);
    });
  }

  /**
   * The subtask goes back to a checkpoint: later splits return to the enumerator; -1: all of them.
   */
  subtaskReset(subtask: number, checkpointId: number): void {
    this.#inLoop(`resetting subtask ${subtask} to checkpoint ${checkpointId}`, () => {
      this.context.subtaskReset(subtask, checkpointId);
    });
  }

  handleEventFromOperator(
    subtask: number,
    attempt: number,
    event: OperatorToCoordinatorEvent,
  ): void {
    // Reported watermarks come by the ten thousand a second: what is done is put in words only on
    // error.
    const what = () => `handling ${event.type} from subtask ${subtask} (#${attempt})`;
    this.#inLoop(what, (enumerator) => {
      switch (event.type) {
        case "ReportedWatermark":
          this.#handleReportedWatermark(subtask, event.watermark);
          break;
        case "RequestSplit":
          if (!this.context.hasNoMoreSplits(subtask)) {
            enumerator.handleSplitRequest(subtask, event.hostName);
          }
          break;
        case "SourceEventWrapper":
          this.#handleSourceEvent(enumerator, subtask, attempt, event.event);
          break;
        case "ReaderRegistration":
          this.#handleReaderRegistration(subtask, attempt, event);
          break;
        default:
          throw illegalArgument(`unknown operator event ${(event as { type: string }).type}`);
      }
    });
  }

  /**
   * The state to restore from; id -1 is a batch snapshot, which holds the assignments as well.
   *
   * Throws ENUMERATOR_FAILED or SERIALIZER_FAILED, which decline the checkpoint and do not fail the
   * job.
   */
  checkpointCoordinator(checkpointId: number): Uint8Array {
    this.#ensureStarted();
    if (this.isClosed || this.#enumerator === undefined) {
      throw illegalState(`the coordinator of source ${this.#source.name} has no enumerator`);
    }
    try {
      return this.#checkpoints.write(checkpointId, this.#enumerator);
    } catch (error) {
      throw enumeratorFailed(this.#source.name, `taking checkpoint ${checkpointId}`, error);
    }
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#inLoop(`being told that checkpoint ${checkpointId} is complete`, (enumerator) => {
      this.tracker.onCheckpointComplete(checkpointId);
      enumerator.notifyCheckpointComplete?.(checkpointId);
    });
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.#inLoop(`being told that checkpoint ${checkpointId} is aborted`, (enumerator) => {
      enumerator.notifyCheckpointAborted?.(checkpointId);
    });
  }

  /**
   * Restores the enumerator; only before `start`. Without a state nothing is restored.
   *
   * Throws CHECKPOINT_CORRUPT, CHECKPOINT_VERSION_UNSUPPORTED, SERIALIZER_FAILED,
   * ENUMERATOR_FAILED.
   */
  resetToCheckpoint(checkpointId: number, state: Uint8Array | undefined): void {
    this.#stateToRestore = state;
    try {
      this.#state.apply({ type: "ResetToCheckpoint", checkpointId, empty: state === undefined });
    } finally {
      this.#stateToRestore = undefined;
    }
  }

  /** What the source's alignment group says. */
  setGroupMinimum(group: Pick<AlignmentGroupMinimum, "minimum" | "sources">): void {
    this.#alignment?.setGroupMinimum(group);
  }

  /** Tells every subtask that has reported, and is ready, how far it may read. */
  announceCombinedWatermark(): void {
    if (this.#alignment === undefined) return;
    const maxWatermark = this.#alignment.maxAllowedWatermark;
    for (const subtask of this.#alignment.subtasks) {
      this.gateways.sendIfReady(subtask, { type: "WatermarkAlignment", maxWatermark });
    }
  }

  /** Fails the job with what went wrong while `what` was done; nothing once it is closed. */
  fail(what: string, error: unknown): void {
    this.#state.apply({
      type: "CoordinatorFailed",
      error: toErrorInfo(enumeratorFailed(this.#source.name, what, error)),
    });
  }

  /** Closes the enumerator and aborts its calls; `CoordinatorHost.closed` tells when it is done. */
  close(): void {
    this.#state.apply({ type: "CloseCoordinator" });
  }

  #startEnumerator(): void {
    if (this.#enumerator === undefined) {
      const created = this.#guard("creating the enumerator", () => {
        this.#enumerator = this.#source.createEnumerator(this.context);
      });
      if (!created) return;
    }
    this.#guard("starting the enumerator", () => this.#enumerator?.start());
  }

  #restoreEnumerator(checkpointId: number): void {
    const state = this.#stateToRestore;
    checkState(state !== undefined, "there is a state to restore");
    try {
      const { checkpoint, assignments } = this.#checkpoints.read(checkpointId, state);
      this.#enumerator = this.#source.restoreEnumerator(this.context, checkpoint);
      if (assignments !== undefined) this.tracker.restoreState(assignments);
    } catch (error) {
      throw enumeratorFailed(
        this.#source.name,
        checkpointId === BATCH_CHECKPOINT_ID
          ? "being restored from a batch snapshot"
          : `being restored from checkpoint ${checkpointId}`,
        error,
      );
    }
  }

  #addReader(subtask: number): void {
    this.#enumerator?.addReader(subtask);
    const { isProcessingBacklog } = this.#state.context;
    if (isProcessingBacklog === null) return;
    this.gateways.sendIfReady(subtask, { type: "IsProcessingBacklog", isProcessingBacklog });
  }

  #addSplitsBack(subtask: number, checkpointId: number): void {
    const splits = this.tracker.getAndRemoveUncheckpointedAssignment(subtask, checkpointId);
    this.context.splitsReturned(subtask, splits);
    this.#enumerator?.addSplitsBack(splits, subtask);
  }

  #handleReportedWatermark(subtask: number, watermark: Watermark): void {
    checkState(
      !this.#concurrentAttempts,
      "watermark alignment is not supported with concurrent attempts of a subtask",
    );
    const alignment = this.#alignment;
    checkState(alignment !== undefined, "a watermark was reported, but there is no alignment");
    const combined = alignment.report(subtask, watermark);
    if (combined !== undefined) this.#host.combinedWatermarkChanged(combined);
  }

  #handleSourceEvent(
    enumerator: SplitEnumerator<SplitT, EnumChkT> &
      Partial<SupportsHandleExecutionAttemptSourceEvent>,
    subtask: number,
    attempt: number,
    event: SourceEvent,
  ): void {
    if (!this.#concurrentAttempts) {
      enumerator.handleSourceEvent?.(subtask, event);
      return;
    }
    checkState(
      enumerator.handleSourceEventOfAttempt !== undefined,
      "with concurrent attempts an enumerator must have handleSourceEventOfAttempt (SupportsHandleExecutionAttemptSourceEvent)",
    );
    enumerator.handleSourceEventOfAttempt(subtask, attempt, event);
  }

  #handleReaderRegistration(
    subtask: number,
    attempt: number,
    event: ReaderRegistrationEvent,
  ): void {
    checkState(
      subtask === event.subtaskId,
      `the reader of subtask ${event.subtaskId} registers as subtask ${subtask}`,
    );
    this.context.registerReader(subtask, attempt, event.location, event.splits);
  }

  #closeEnumerator(): void {
    this.#asyncCalls.close();
    closeEnumerator(this.#host, this.#enumerator, (error) => {
      if (error === undefined) {
        this.#state.apply({ type: "EnumeratorClosed" });
        return;
      }
      const failure = enumeratorFailed(this.#source.name, "being closed", error);
      this.#state.apply({ type: "EnumeratorClosed", error: toErrorInfo(failure) });
    });
  }

  #ensureStarted(): void {
    if (!this.isStarted) {
      throw illegalState(`The coordinator of source ${this.#source.name} has not started yet.`);
    }
  }

  /** Runs what came from outside; without an enumerator, or when closed, there is nothing to do. */
  #inLoop(
    what: string | (() => string),
    action: (enumerator: SplitEnumerator<SplitT, EnumChkT>) => void,
  ): void {
    this.#ensureStarted();
    const enumerator = this.#enumerator;
    if (enumerator === undefined || this.isClosed) return;
    this.#guard(what, () => action(enumerator));
  }

  /** Runs the action; false when it threw and so failed the job. */
  #guard(what: string | (() => string), action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.fail(typeof what === "string" ? what : what(), error);
      return false;
    }
  }
}
