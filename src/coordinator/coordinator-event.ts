import type {
  AttemptFailed,
  AttemptReady,
  CheckpointAborted,
  CheckpointCompleted,
  OperatorEventMessage,
  SubtaskReset,
  TriggerCheckpoint,
} from "../api/job-event.js";
import type { Watermark } from "../api/watermark.js";
import type { ErrorInfo } from "../errors/index.js";

/** Creates or restores the enumerator and starts it; the first event a coordinator takes. */
export interface StartCoordinator {
  readonly type: "StartCoordinator";
}

/** Closes the enumerator; answered with `CoordinatorClosed`. */
export interface CloseCoordinator {
  readonly type: "CloseCoordinator";
  /**
   * True when the source ends for good: it no longer holds back its alignment group. Otherwise its
   * last watermark stays in the group until the restarted source reports again.
   */
  readonly leaveAlignmentGroup?: boolean;
}

/** To the job: nothing of the coordinator runs any more. */
export interface CoordinatorClosed {
  readonly type: "CoordinatorClosed";
  readonly pipeline: string;
  /** What closing the enumerator failed with, if it did. */
  readonly error?: ErrorInfo;
}

/** A coordinator wants to hear the group's minimum; a restarted one takes its own old place. */
export interface JoinAlignmentGroup {
  readonly type: "JoinAlignmentGroup";
  readonly pipeline: string;
}

/** A source of the group has another minimum than before. */
export interface GroupWatermark {
  readonly type: "GroupWatermark";
  readonly pipeline: string;
  readonly watermark: Watermark;
}

/** A source has ended for good: it holds nobody back any more. */
export interface LeaveAlignmentGroup {
  readonly type: "LeaveAlignmentGroup";
  readonly pipeline: string;
}

/** To every source of a group, when it joins and whenever the minimum changes. */
export interface AlignmentGroupMinimum {
  readonly type: "AlignmentGroupMinimum";
  readonly minimum: Watermark;
  /** How many sources have reported; 0: the minimum says nothing yet. */
  readonly sources: number;
}

/** What coordinators post to their alignment group. */
export type AlignmentGroupEvent = JoinAlignmentGroup | GroupWatermark | LeaveAlignmentGroup;

/** What a coordinator posts to itself. */
export type CoordinatorSelfEvent =
  | { readonly type: "AnnounceCombinedWatermark" }
  | { readonly type: "RunInCoordinatorLoop"; readonly action: number };

/** Everything that a source coordinator takes. */
export type SourceCoordinatorActorEvent =
  | StartCoordinator
  | CloseCoordinator
  | OperatorEventMessage
  | AttemptReady
  | AttemptFailed
  | SubtaskReset
  | TriggerCheckpoint
  | CheckpointCompleted
  | CheckpointAborted
  | AlignmentGroupMinimum
  | CoordinatorSelfEvent;
