import { describe, expect, it } from "vitest";
import {
  BATCH_CHECKPOINT_ID,
  CoordinatorCheckpoints,
} from "../../src/coordinator/coordinator-checkpoints.js";
import { SplitAssignmentTracker } from "../../src/coordinator/index.js";
import { CoordinatorSplit } from "../conformance/fixtures/coordinator-split.js";
import {
  TestingSource,
  TestingSplitEnumerator,
} from "../conformance/fixtures/coordinator-testing-enumerator.js";

type Tracker = SplitAssignmentTracker<CoordinatorSplit>;

/** Records an assignment, given as split ids by subtask. */
function assign(tracker: Tracker, assignment: Readonly<Record<number, readonly number[]>>): void {
  tracker.recordSplitAssignment(
    new Map(
      Object.entries(assignment).map(([subtask, ids]) => [
        Number(subtask),
        ids.map((id) => CoordinatorSplit.of(id)),
      ]),
    ),
  );
}

function shown(
  assignments: ReadonlyMap<number, ReadonlyMap<string, unknown>> | undefined,
): Record<number, number[]> {
  return Object.fromEntries(
    [...(assignments ?? [])].map(([subtask, splits]) => [subtask, [...splits.keys()].map(Number)]),
  );
}

function filled(): Tracker {
  const tracker: Tracker = new SplitAssignmentTracker();
  assign(tracker, { 0: [0], 1: [1, 2], 2: [3, 4, 5] });
  return tracker;
}

describe("SplitAssignmentTracker", () => {
  it("keeps the splits of a subtask in the order of their assignment [ST-01]", () => {
    const tracker = filled();
    assign(tracker, { 0: [6], 1: [7, 8] });
    expect(shown(tracker.uncheckpointedAssignments)).toEqual({
      0: [0, 6],
      1: [1, 2, 7, 8],
      2: [3, 4, 5],
    });
  });

  it("records a split once, however often it is assigned [ST-01]", () => {
    const tracker = filled();
    assign(tracker, { 1: [2, 1, 9] });
    expect(shown(tracker.uncheckpointedAssignments)[1]).toEqual([1, 2, 9]);
  });

  it("keeps a split as it was assigned first, which is where its reader goes back to", () => {
    const tracker = filled();
    const later = CoordinatorSplit.of({ id: 1, start: 50 });
    tracker.recordSplitAssignment(new Map([[1, [later]]]));
    const splits = tracker.getAndRemoveUncheckpointedAssignment(1, 0);
    expect(splits.map((split) => split.fields.index)).toEqual([0, 0]);
  });

  it("has its assignments again after a batch snapshot [ST-02]", () => {
    const source = new TestingSource();
    const tracker = filled();
    const state = new CoordinatorCheckpoints(source, tracker).write(
      BATCH_CHECKPOINT_ID,
      new TestingSplitEnumerator({} as never),
    );
    const restored: Tracker = new SplitAssignmentTracker();
    const { assignments } = new CoordinatorCheckpoints(source, restored).read(
      BATCH_CHECKPOINT_ID,
      state,
    );
    restored.restoreState(assignments ?? new Map());
    expect(shown(restored.uncheckpointedAssignments)).toEqual({ 0: [0], 1: [1, 2], 2: [3, 4, 5] });
  });

  it("moves what was assigned to the checkpoint that is taken [ST-03]", () => {
    const tracker = filled();
    tracker.onCheckpoint(123);
    expect(shown(tracker.uncheckpointedAssignments)).toEqual({});
    expect(shown(tracker.assignmentsByCheckpointId.get(123))).toEqual({
      0: [0],
      1: [1, 2],
      2: [3, 4, 5],
    });
  });

  it("forgets all checkpoints up to the one that is complete [ST-04]", () => {
    const tracker = filled();
    tracker.onCheckpoint(99);
    assign(tracker, { 1: [6] });
    tracker.onCheckpoint(100);
    assign(tracker, { 0: [7], 1: [8, 9] });
    tracker.onCheckpoint(101);
    tracker.onCheckpointComplete(100);
    expect([...tracker.assignmentsByCheckpointId.keys()]).toEqual([101]);
    expect(shown(tracker.assignmentsByCheckpointId.get(101))).toEqual({ 0: [7], 1: [8, 9] });
  });

  it("gives back all splits of a subtask that goes back before every checkpoint [ST-05]", () => {
    const tracker = filled();
    tracker.onCheckpoint(100);
    assign(tracker, { 0: [10], 1: [11] });
    const splits = tracker.getAndRemoveUncheckpointedAssignment(0, 99);
    expect(splits.map((split) => split.splitId)).toEqual(["0", "10"]);
    expect(shown(tracker.assignmentsByCheckpointId.get(100))).toEqual({
      1: [1, 2],
      2: [3, 4, 5],
    });
    expect(shown(tracker.uncheckpointedAssignments)).toEqual({ 1: [11] });
  });

  it("gives back only what a subtask got after the checkpoint it goes back to [ST-06]", () => {
    const tracker = filled();
    tracker.onCheckpoint(100);
    assign(tracker, { 0: [10] });
    tracker.onCheckpoint(102);
    assign(tracker, { 0: [12] });
    const splits = tracker.getAndRemoveUncheckpointedAssignment(0, 100);
    expect(splits.map((split) => split.splitId)).toEqual(["10", "12"]);
    expect(shown(tracker.assignmentsByCheckpointId.get(100))[0]).toEqual([0]);
  });

  it("keeps nothing of checkpoints without an assignment", () => {
    const tracker: Tracker = new SplitAssignmentTracker();
    for (let id = 1; id <= 1000; id++) tracker.onCheckpoint(id);
    expect(tracker.assignmentsByCheckpointId.size).toBe(0);
  });
});
