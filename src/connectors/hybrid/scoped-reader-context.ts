import type { UnreadableInput } from "../../api/bad-record.js";
import type { MetricGroup } from "../../api/metrics.js";
import type { SourceEvent } from "../../api/source-event.js";
import type { PollBudget, ReaderActors, SourceReaderContext } from "../../api/source-reader.js";
import type { ActorEvent } from "../../mailbox/envelope.js";
import type { InspectionObserver } from "../../mailbox/machine-host.js";
import type { ProcessingTimeService } from "../../mailbox/ports.js";
import type { WrappedSourceEvent } from "./hybrid-event.js";
import { hybridSplitId } from "./hybrid-split.js";

/**
 * What the reader of one source may use of its operator, as long as it is its turn.
 *
 * Owns: whether the reader is being closed, or is closed. Called by: that reader, in the operator's
 * loop. Invariants: its actors have names of their own; while it is being closed it still hears
 * them, and what it asks of the operator is dropped; once it is closed it hears nothing.
 */
export class ScopedReaderContext implements SourceReaderContext {
  readonly indexOfSubtask: number;
  readonly currentParallelism: number;
  readonly localHostName: string;
  readonly metricGroup: MetricGroup;
  readonly processingTime: ProcessingTimeService;
  readonly actors: ReaderActors;
  readonly pollBudget: PollBudget;
  readonly lastEmittedTimestamp: SourceReaderContext["lastEmittedTimestamp"];
  readonly inspect: InspectionObserver | undefined;
  readonly allowUnalignedSourceSplits: boolean;
  readonly #context: SourceReaderContext;
  readonly #sourceIndex: number;
  #state: "OPEN" | "CLOSING" | "CLOSED" = "OPEN";

  constructor(context: SourceReaderContext, sourceIndex: number) {
    this.#context = context;
    this.#sourceIndex = sourceIndex;
    this.indexOfSubtask = context.indexOfSubtask;
    this.currentParallelism = context.currentParallelism;
    this.localHostName = context.localHostName;
    this.metricGroup = context.metricGroup.group(`source-${sourceIndex}`);
    this.processingTime = context.processingTime;
    this.pollBudget = context.pollBudget;
    this.lastEmittedTimestamp = context.lastEmittedTimestamp;
    this.inspect = context.inspect;
    this.allowUnalignedSourceSplits = context.allowUnalignedSourceSplits;
    const { actors } = context;
    this.actors = {
      self: actors.self,
      spawn: (name, create) => actors.spawn(`source-${sourceIndex}-${name}`, create),
      post: (to, event) => actors.post(to, event),
      onEvent: (listener: (event: ActorEvent) => void) =>
        actors.onEvent((event) => {
          if (this.#state !== "CLOSED") listener(event);
        }),
    };
  }

  sendSplitRequest(): void {
    if (this.#state === "OPEN") this.#context.sendSplitRequest();
  }

  sendSourceEventToCoordinator(event: SourceEvent): void {
    if (this.#state !== "OPEN") return;
    const wrapped: WrappedSourceEvent = {
      type: "WrappedSourceEvent",
      sourceIndex: this.#sourceIndex,
      event,
    };
    this.#context.sendSourceEventToCoordinator(wrapped);
  }

  reportBadRecord(input: UnreadableInput): void {
    if (this.#state !== "OPEN") return;
    const splitId = hybridSplitId(this.#sourceIndex, input.splitId);
    this.#context.reportBadRecord({ ...input, splitId });
  }

  runInOperatorLoop(action: () => void): void {
    this.#context.runInOperatorLoop(() => {
      if (this.#state === "OPEN") action();
    });
  }

  /** The reader is being closed. */
  beginClose(): void {
    this.#state = "CLOSING";
  }

  /** The reader is closed. */
  close(): void {
    this.#state = "CLOSED";
    this.metricGroup.close();
  }
}
