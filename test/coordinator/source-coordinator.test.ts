import { describe, expect, it } from "vitest";
import { writeEnumeratorCheckpoint } from "../../src/coordinator/coordinator-serde.js";
import { coordinatorSplitSetSerializer } from "../conformance/fixtures/coordinator-split.js";
import type { CoordinatorUnderTest } from "../conformance/fixtures/coordinator-under-test.js";
import {
  assigned,
  event,
  newCoordinator,
  request,
  rootFailure,
  sent,
  splits,
  startedCoordinator,
  throwing,
  unassigned,
  uncheckpointed,
  VariedSource,
} from "./testing-coordinator.js";

/** Splits 0 to 5, of which reader 0 has been given the first two. */
async function withTwoAssigned(): Promise<CoordinatorUnderTest> {
  const c = await startedCoordinator();
  c.source.enumerator?.addNewSplits(splits(0, 1, 2, 3, 4, 5));
  await c.register(0, 0, []);
  await c.run(() => c.source.enumerator?.assignOneSplit(0));
  await c.run(() => c.source.enumerator?.assignOneSplit(0));
  return c;
}

async function checkpoint(c: CoordinatorUnderTest, id: number): Promise<Uint8Array> {
  let state: Uint8Array = new Uint8Array();
  await c.run(() => {
    state = c.coordinator.checkpointCoordinator(id);
  });
  return state;
}

describe("SourceCoordinator's life", () => {
  it("takes nothing before it is started [SC-01]", async () => {
    const c = newCoordinator();
    const early: ((coordinator: typeof c.coordinator) => void)[] = [
      (coordinator) => coordinator.notifyCheckpointComplete(1),
      (coordinator) => coordinator.notifyCheckpointAborted(1),
      (coordinator) => coordinator.executionAttemptFailed(0, 0),
      (coordinator) => coordinator.executionAttemptReady(0, 0, "a"),
      (coordinator) => coordinator.subtaskReset(0, 1),
      (coordinator) =>
        coordinator.handleEventFromOperator(0, 0, { type: "RequestSplit", hostName: "a" }),
    ];
    for (const call of early) {
      await expect(c.run(() => call(c.coordinator))).rejects.toThrow(/has not started yet/);
    }
    await expect(checkpoint(c, 1)).rejects.toThrow(/has not started yet/);
  });

  it("can be reset only before it is started [SC-02]", async () => {
    const c = await startedCoordinator();
    await expect(c.run(() => c.coordinator.resetToCheckpoint(0, undefined))).rejects.toThrow(
      "The coordinator can only be reset if it was not yet started",
    );
  });

  it("creates and starts the enumerator [SC-03]", async () => {
    const c = newCoordinator();
    expect(c.source.enumerator).toBeUndefined();
    await c.post(event("StartCoordinator"));
    expect(c.source.enumerator?.isStarted).toBe(true);
  });

  it("closes the enumerator and itself [SC-04]", async () => {
    const c = await startedCoordinator();
    await c.post(event("CloseCoordinator"));
    expect(c.source.enumerator?.isClosed).toBe(true);
    expect(c.coordinator.isClosed).toBe(true);
    expect(c.toJob).toEqual([{ type: "CoordinatorClosed", pipeline: "flights" }]);
    expect(c.world.system.addresses).not.toContain(c.self);
  });

  it("closes without having been started [SC-05]", async () => {
    const c = newCoordinator();
    await c.post(event("CloseCoordinator"));
    expect(c.source.enumerator).toBeUndefined();
    expect(c.toJob).toEqual([{ type: "CoordinatorClosed", pipeline: "flights" }]);
  });

  it("does not wait for a call that never comes back, and closes the enumerator [SC-14]", async () => {
    let aborted = false;
    const c = await startedCoordinator();
    await c.run(() =>
      c.source.enumerator?.context.callAsync(
        (signal) =>
          new Promise(() => {
            signal.addEventListener("abort", () => {
              aborted = true;
            });
          }),
        () => {},
      ),
    );
    await c.post(event("CloseCoordinator"));
    expect(aborted).toBe(true);
    expect(c.source.enumerator?.isClosed).toBe(true);
    expect(c.toJob).toEqual([{ type: "CoordinatorClosed", pipeline: "flights" }]);
  });

  it("gives up an enumerator that never ends its closing, and says so [SC-14]", async () => {
    const source = new VariedSource(() => ({ close: () => new Promise<void>(() => {}) as never }));
    const c = await startedCoordinator({ source });
    await c.post(event("CloseCoordinator"));
    expect(c.toJob).toEqual([]);
    c.world.clock.advance(30_000);
    await c.world.scheduler.settle();
    expect(c.toJob).toMatchObject([
      { type: "CoordinatorClosed", error: { code: "ENUMERATOR_FAILED" } },
    ]);
  });

  it("is closed also when closing the enumerator fails", async () => {
    const failing = [throwing("stuck"), () => Promise.reject(new Error("stuck"))];
    for (const close of failing) {
      const c = await startedCoordinator({
        source: new VariedSource(() => ({ close: close as never })),
      });
      await c.post(event("CloseCoordinator"));
      expect(c.toJob).toMatchObject([
        { type: "CoordinatorClosed", error: { cause: { message: "stuck" } } },
      ]);
      expect(c.jobFailed).toBeUndefined();
    }
  });

  it("takes events from others at its own address as soon as it runs [SC-17]", async () => {
    const c = newCoordinator();
    const data = event("OperatorEvent", {
      subtask: 0,
      attempt: 0,
      event: { type: "SourceEventWrapper", event: { type: "DynamicFilter", keep: [1] } },
    });
    c.world.system.post("other-coordinator", c.self, event("StartCoordinator"));
    c.world.system.post("other-coordinator", c.self, data);
    await c.world.scheduler.settle();
    expect(c.source.enumerator?.handledSourceEvents).toEqual([
      { type: "DynamicFilter", keep: [1] },
    ]);
  });
});

describe("SourceCoordinator's events", () => {
  it("hands a reader's own event to the enumerator [SC-06]", async () => {
    const c = await startedCoordinator();
    await c.fromOperator(0, 0, event("SourceEventWrapper", { event: { type: "Mine", n: 1 } }));
    expect(c.source.enumerator?.handledSourceEvents).toEqual([{ type: "Mine", n: 1 }]);
  });

  it("ignores a reader's event when the enumerator has no use for it", async () => {
    const source = new VariedSource(() => ({ handleSourceEvent: undefined as never }));
    const c = await startedCoordinator({ source });
    await c.fromOperator(0, 0, event("SourceEventWrapper", { event: { type: "Mine" } }));
    expect(c.jobFailed).toBeUndefined();
  });

  it("answers requests in order, again after the reader went back [SC-16]", async () => {
    const c = await startedCoordinator();
    c.source.enumerator?.addNewSplits(splits(0, 1));
    await c.register(0, 0, []);
    await request(c, 0);
    await request(c, 0);
    await checkpoint(c, 100);
    await request(c, 0);
    await request(c, 0);
    expect(sent(c)).toEqual(["0: AddSplit 0", "0: AddSplit 1", "0: NoMoreSplits"]);
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    await c.post(event("SubtaskReset", { subtask: 0, checkpointId: 99 }));
    expect(unassigned(c)).toEqual(["0", "1"]);
    await c.ready(0, 1);
    await c.register(0, 1, []);
    for (let i = 0; i < 3; i++) await request(c, 0, 1);
    expect(sent(c)).toEqual(["0: AddSplit 0", "0: AddSplit 1", "0: NoMoreSplits"]);
  });

  it("fails the job when a reader registers as another subtask", async () => {
    const c = await startedCoordinator();
    await c.fromOperator(
      1,
      0,
      event("ReaderRegistration", {
        subtaskId: 0,
        location: "l",
        splits: { version: 1, splits: [] },
      }),
    );
    expect(rootFailure(c)).toMatch(/subtask 0 registers as subtask 1/);
  });
});

describe("SourceCoordinator's state", () => {
  it("comes back with the unassigned splits and without readers [SC-07]", async () => {
    const old = await withTwoAssigned();
    const state = await checkpoint(old, 100);
    const c = newCoordinator({ restore: { checkpointId: 100, state } });
    await c.post(event("StartCoordinator"));
    expect(unassigned(c)).toEqual(["2", "3", "4", "5"]);
    expect(c.coordinator.context.registeredReaders().size).toBe(0);
    expect(uncheckpointed(c)).toEqual({});
    expect(c.source.enumerator?.isStarted).toBe(true);
  });

  it("comes back with the assignments from a batch snapshot [SC-08]", async () => {
    const old = await withTwoAssigned();
    const state = await checkpoint(old, -1);
    expect(uncheckpointed(old)).toEqual({ 0: "0,1" });
    const c = newCoordinator({ restore: { checkpointId: -1, state } });
    await c.post(event("StartCoordinator"));
    expect(unassigned(c)).toEqual(["2", "3", "4", "5"]);
    expect(uncheckpointed(c)).toEqual({ 0: "0,1" });
  });

  it("takes no batch snapshot of an enumerator that does not support one", async () => {
    const source = new VariedSource(() => ({ supportsBatchSnapshot: false as never }));
    const c = await startedCoordinator({ source });
    await expect(checkpoint(c, -1)).rejects.toThrow(/does not support batch snapshots/);
    expect(c.jobFailed).toBeUndefined();
  });

  it("gives back what a reader loses by going back before all checkpoints [SC-09]", async () => {
    const c = await withTwoAssigned();
    await checkpoint(c, 100);
    c.source.enumerator?.addNewSplits(splits(6));
    await c.run(() => c.source.enumerator?.assignOneSplit(0));
    await checkpoint(c, 101);
    const { tracker } = c.coordinator;
    expect(uncheckpointed(c)).toEqual({});
    expect(assigned(tracker.assignmentsByCheckpointId.get(100))).toEqual({ 0: "0,1" });
    expect(assigned(tracker.assignmentsByCheckpointId.get(101))).toEqual({ 0: "2" });
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    await c.post(event("SubtaskReset", { subtask: 0, checkpointId: 99 }));
    expect(c.coordinator.context.registeredReaders().has(0)).toBe(false);
    expect(unassigned(c)).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
    for (const assignments of tracker.assignmentsByCheckpointId.values()) {
      expect(assigned(assignments)).toEqual({});
    }
  });

  it("gives back nothing that a complete checkpoint covers [SC-10]", async () => {
    const c = await withTwoAssigned();
    await checkpoint(c, 100);
    await c.post(event("CheckpointCompleted", { checkpointId: 100 }));
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    expect(c.source.enumerator?.successfulCheckpoints).toEqual([100]);
    expect(c.coordinator.context.registeredReaders().size).toBe(0);
    expect(unassigned(c)).toEqual(["2", "3", "4", "5"]);
    expect(c.coordinator.tracker.assignmentsByCheckpointId.size).toBe(0);
  });

  it("is read from bytes of version 0 [SC-15]", async () => {
    const version = coordinatorSplitSetSerializer.version;
    const bytes = coordinatorSplitSetSerializer.serialize(splits(2, 4));
    const frame = writeEnumeratorCheckpoint({ version, bytes });
    const old = new Uint8Array(frame.length + 4);
    old.set(frame);
    old[3] = 0;
    const c = newCoordinator({ restore: { checkpointId: 1, state: old } });
    await c.post(event("StartCoordinator"));
    expect(unassigned(c)).toEqual(["2", "4"]);
    expect(c.coordinator.context.registeredReaders().size).toBe(0);
  });

  it("fails the job, and starts nothing, when its bytes are damaged", async () => {
    const state = await checkpoint(await withTwoAssigned(), 7);
    const c = newCoordinator({ restore: { checkpointId: 7, state: state.subarray(0, 20) } });
    await c.post(event("StartCoordinator"));
    expect(c.jobFailed?.code).toBe("CHECKPOINT_CORRUPT");
    expect(c.source.enumerator).toBeUndefined();
    await c.ready(0, 0);
    await c.post(event("CloseCoordinator"));
    expect(c.toJob.map((e) => e.type)).toEqual(["CoordinatorFailed", "CoordinatorClosed"]);
  });

  it("names the source when its enumerator's checkpoint cannot be read", async () => {
    const state = writeEnumeratorCheckpoint({ version: 1, bytes: Uint8Array.of(1, 2) });
    const c = newCoordinator({ restore: { checkpointId: 7, state } });
    await c.post(event("StartCoordinator"));
    expect(c.jobFailed).toMatchObject({
      code: "SERIALIZER_FAILED",
      message: expect.stringMatching(/of source flights could not read a state of version 1/),
    });
  });
});

describe("an enumerator that fails", () => {
  it("in start fails the job, with the cause kept [SC-11]", async () => {
    const source = new VariedSource(() => ({ start: throwing("no such bucket") }));
    const c = await startedCoordinator({ source });
    expect(c.jobFailed).toMatchObject({
      code: "ENUMERATOR_FAILED",
      scope: "job",
      retry: "backoff",
      message:
        "the enumerator of source flights failed while starting the enumerator: no such bucket",
      cause: { message: "no such bucket" },
    });
  });

  it("in its creation fails the job at once, and later events do no harm [SC-12]", async () => {
    const source = new VariedSource(throwing("no credentials"));
    const c = await startedCoordinator({ source });
    expect(rootFailure(c)).toBe("no credentials");
    expect(c.jobFailed?.message).toMatch(/while creating the enumerator/);
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    await c.post(event("SubtaskReset", { subtask: 0, checkpointId: 1 }));
    expect(c.toJob).toHaveLength(1);
  });

  it("in handling a reader's event fails the job, naming the reader [SC-13]", async () => {
    const source = new VariedSource(() => ({ handleSourceEvent: throwing("what is this") }));
    const c = await startedCoordinator({ source });
    await c.fromOperator(2, 0, event("SourceEventWrapper", { event: { type: "Mine" } }));
    expect(rootFailure(c)).toBe("what is this");
    expect(c.jobFailed?.message).toMatch(/handling SourceEventWrapper from subtask 2 \(#0\)/);
  });

  it.each([
    ["handleSplitRequest", (c: CoordinatorUnderTest) => request(c, 0)],
    ["addReader", (c: CoordinatorUnderTest) => c.register(0, 0, [])],
    [
      "addSplitsBack",
      (c: CoordinatorUnderTest) => c.post(event("SubtaskReset", { subtask: 0, checkpointId: 1 })),
    ],
    [
      "notifyCheckpointComplete",
      (c: CoordinatorUnderTest) => c.post(event("CheckpointCompleted", { checkpointId: 1 })),
    ],
    [
      "notifyCheckpointAborted",
      (c: CoordinatorUnderTest) => c.post(event("CheckpointAborted", { checkpointId: 1 })),
    ],
  ])("in %s fails the job", async (method, cause) => {
    const source = new VariedSource(() => ({ [method]: throwing(`broken ${method}`) }));
    const c = await startedCoordinator({ source });
    await cause(c);
    expect(c.jobFailed?.code).toBe("ENUMERATOR_FAILED");
    expect(rootFailure(c)).toBe(`broken ${method}`);
  });

  it("fails the job once, however often it fails", async () => {
    const source = new VariedSource(() => ({ handleSplitRequest: throwing("broken") }));
    const c = await startedCoordinator({ source });
    for (let i = 0; i < 5; i++) await request(c, 0);
    expect(c.toJob).toHaveLength(1);
  });

  it("keeps who has to act when it says so, and may be restarted when it was refused", async () => {
    const source = new VariedSource((enumerator) => ({
      handleSplitRequest: (subtask: number) =>
        enumerator.context.assignSplit(splits(0)[0] as never, subtask),
    }));
    const c = await startedCoordinator({ source });
    await request(c, 0);
    expect(c.jobFailed).toMatchObject({
      code: "ENUMERATOR_FAILED",
      retry: "backoff",
      cause: { code: "ILLEGAL_ARGUMENT" },
    });
  });
});
