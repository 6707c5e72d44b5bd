import type { Watermark } from "../api/watermark.js";
import type { ErrorInfo } from "../errors/index.js";
import type { ActorEvent, Address, Clock } from "../mailbox/index.js";

/**
 * What a source coordinator needs of whoever runs its loop (Flink `OperatorCoordinator.Context`).
 */
export interface CoordinatorHost {
  readonly clock: Clock;
  post(to: Address, event: ActorEvent): void;
  /**
   * Runs the action later in the coordinator's loop, in the order of the calls; callable anywhere.
   */
  runInLoop(action: () => void): void;
  /** The coordinator cannot go on; called once at most. */
  failJob(error: ErrorInfo): void;
  backlogChanged(isProcessingBacklog: boolean): void;
  /** The minimum over the source's own subtasks has changed. */
  combinedWatermarkChanged(watermark: Watermark): void;
  /** The enumerator is closed; with an error when closing it failed. */
  closed(error: ErrorInfo | undefined): void;
}
