import type { SourceSplit } from "../api/source-split.js";
import type { SplitsAssignment } from "../api/split-enumerator.js";

/** Subtask → split id → split, in the order of assignment. */
type Assignments<SplitT> = Map<number, Map<string, SplitT>>;

/**
 * Owns: which splits were assigned since which checkpoint. Called by: the coordinator's loop.
 * Invariants: an assignment is either not in a checkpoint yet or in exactly one; a split of a
 * subtask is recorded once, however often it was assigned.
 *
 * When a subtask goes back to a checkpoint, what it was assigned afterwards is lost on its side:
 * from here it goes back to the enumerator (Flink `SplitAssignmentTracker`).
 */
export class SplitAssignmentTracker<SplitT extends SourceSplit> {
  #uncheckpointed: Assignments<SplitT> = new Map();
  readonly #byCheckpoint = new Map<number, Assignments<SplitT>>();

  recordSplitAssignment(assignment: SplitsAssignment<SplitT>): void {
    for (const [subtask, splits] of assignment) {
      let recorded = this.#uncheckpointed.get(subtask);
      if (recorded === undefined) {
        recorded = new Map();
        this.#uncheckpointed.set(subtask, recorded);
      }
      for (const split of splits) {
        if (!recorded.has(split.splitId)) recorded.set(split.splitId, split);
      }
    }
  }

  /** What was assigned so far belongs to this checkpoint. */
  onCheckpoint(checkpointId: number): void {
    // Checkpoints that never complete would otherwise each leave an empty entry behind.
    if (this.#uncheckpointed.size === 0) this.#byCheckpoint.delete(checkpointId);
    else this.#byCheckpoint.set(checkpointId, this.#uncheckpointed);
    this.#uncheckpointed = new Map();
  }

  /**
   * No subtask goes back further than this checkpoint: what it and earlier ones cover is forgotten.
   */
  onCheckpointComplete(checkpointId: number): void {
    for (const id of this.#byCheckpoint.keys()) {
      if (id <= checkpointId) this.#byCheckpoint.delete(id);
    }
  }

  /** What the subtask was assigned after the checkpoint it goes back to, oldest first. */
  getAndRemoveUncheckpointedAssignment(subtask: number, restoredCheckpointId: number): SplitT[] {
    const splits: SplitT[] = [];
    const later = [...this.#byCheckpoint.keys()].filter((id) => id > restoredCheckpointId);
    for (const id of later.sort((a, b) => a - b)) {
      take(this.#byCheckpoint.get(id) as Assignments<SplitT>, subtask, splits);
    }
    take(this.#uncheckpointed, subtask, splits);
    return splits;
  }

  /** Subtask → splits that are in no checkpoint yet; read only. */
  get uncheckpointedAssignments(): ReadonlyMap<number, ReadonlyMap<string, SplitT>> {
    return this.#uncheckpointed;
  }

  /** Checkpoint → subtask → splits; read only. */
  get assignmentsByCheckpointId(): ReadonlyMap<
    number,
    ReadonlyMap<number, ReadonlyMap<string, SplitT>>
  > {
    return this.#byCheckpoint;
  }

  /** Takes over the assignments of a batch snapshot. */
  restoreState(assignment: SplitsAssignment<SplitT>): void {
    this.#uncheckpointed = new Map();
    this.recordSplitAssignment(assignment);
  }
}

function take<SplitT>(assignments: Assignments<SplitT>, subtask: number, into: SplitT[]): void {
  const splits = assignments.get(subtask);
  if (splits === undefined) return;
  assignments.delete(subtask);
  for (const split of splits.values()) into.push(split);
}
