import type { Watermark } from "../api/watermark.js";
import { checkState, illegalState } from "../errors/index.js";
import type { Actor, ActorContext, Address, Envelope } from "../mailbox/index.js";
import type { AlignmentGroupEvent, AlignmentGroupMinimum } from "./coordinator-event.js";
import { WatermarkAggregator } from "./watermark-aggregator.js";

/** More sources in a group than this mean that pipelines are not told apart by their ids. */
const MAX_MEMBERS = 10_000;

/** What an alignment group is made from. */
export interface AlignmentGroupOptions {
  /** What went wrong in the group, such as an event it does not know: a bug, so the job fails. */
  readonly onError: (error: unknown) => void;
  /**
   * By pipeline: whoever spawns a group anew for the job's next life hands this on, so that the
   * group goes on with what its sources said last.
   */
  readonly watermarks?: WatermarkAggregator<string>;
}

/**
 * Owns: the last watermark of each source of a group. Called by: the source coordinators.
 * Sends: `AlignmentGroupMinimum` to all members.
 * Invariants: a source counts from its first watermark until it leaves, also while it is restarted.
 *
 * Sources with the same group name are held together (FLIP-182, Flink `CoordinatorStore`).
 */
export class AlignmentGroup implements Actor<AlignmentGroupEvent> {
  readonly #context: ActorContext;
  readonly #watermarks: WatermarkAggregator<string>;
  readonly #onError: (error: unknown) => void;
  readonly #members = new Map<string, Address>();

  constructor(context: ActorContext, options: AlignmentGroupOptions) {
    this.#context = context;
    this.#onError = options.onError;
    this.#watermarks = options.watermarks ?? new WatermarkAggregator();
  }

  receive(event: AlignmentGroupEvent, envelope: Envelope<AlignmentGroupEvent>): void {
    switch (event.type) {
      case "JoinAlignmentGroup":
        checkState(
          this.#members.size < MAX_MEMBERS || this.#members.has(event.pipeline),
          `alignment group ${this.#context.self} has ${MAX_MEMBERS} members`,
        );
        this.#members.set(event.pipeline, envelope.from);
        this.#context.post(envelope.from, this.#minimum());
        return;
      case "GroupWatermark":
        this.#tellAll(this.#watermarks.aggregate(event.pipeline, event.watermark));
        return;
      case "LeaveAlignmentGroup":
        this.#members.delete(event.pipeline);
        this.#tellAll(this.#watermarks.remove(event.pipeline));
        return;
      default:
        throw illegalState(`an alignment group takes no ${(event as { type: string }).type}`);
    }
  }

  onError(error: unknown): void {
    this.#onError(error);
  }

  #tellAll(changed: Watermark | undefined): void {
    if (changed === undefined) return;
    const minimum = this.#minimum();
    for (const member of this.#members.values()) this.#context.post(member, minimum);
  }

  #minimum(): AlignmentGroupMinimum {
    const { combined, size } = this.#watermarks;
    return { type: "AlignmentGroupMinimum", minimum: combined, sources: size };
  }
}
