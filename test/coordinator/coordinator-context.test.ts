import { describe, expect, it } from "vitest";
import { TestingSource } from "../conformance/fixtures/coordinator-testing-enumerator.js";
import {
  event,
  request,
  rootFailure,
  sent,
  splits,
  startedCoordinator,
  throwing,
  uncheckpointed,
} from "./testing-coordinator.js";

describe("SourceCoordinatorContext's readers", () => {
  it("are registered with what they report, which a successor replaces [CC-01]", async () => {
    const c = await startedCoordinator();
    const { context } = c.coordinator;
    for (const subtask of [0, 1, 2]) await c.register(subtask, 0, splits(subtask));
    expect([...context.registeredReaders()]).toEqual(
      [0, 1, 2].map((subtaskId) => [
        subtaskId,
        {
          subtaskId,
          location: `host-${subtaskId}`,
          reportedSplitsOnRegistration: splits(subtaskId),
        },
      ]),
    );
    expect([...(c.source.enumerator?.registeredReaders ?? [])]).toEqual([0, 1, 2]);
    await c.post(event("AttemptFailed", { subtask: 1, attempt: 0 }));
    await c.post(event("SubtaskReset", { subtask: 1, checkpointId: 1 }));
    await c.ready(1, 1);
    await c.register(1, 1, splits(7));
    expect(context.registeredReaders().get(1)?.reportedSplitsOnRegistration).toEqual(splits(7));
    expect([...(context.registeredReadersOfAttempts().get(1)?.keys() ?? [])]).toEqual([1]);
  });

  it("are unregistered when their attempt fails [CC-02]", async () => {
    const c = await startedCoordinator();
    for (const subtask of [0, 1, 2]) await c.register(subtask, 0, []);
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    expect([...c.coordinator.context.registeredReaders().keys()]).toEqual([1, 2]);
  });

  it("may fail before they have registered [CC-03]", async () => {
    const c = await startedCoordinator();
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 5 }));
    expect(c.jobFailed).toBeUndefined();
    expect(c.coordinator.context.registeredReaders().size).toBe(0);
  });

  it("cannot register twice, and the second try does not change what the first reported", async () => {
    const c = await startedCoordinator();
    await c.register(0, 0, splits(1));
    await c.register(0, 0, splits(2));
    expect(rootFailure(c)).toMatch(/subtask 0 \(#0\) is registered already/);
    const { context } = c.coordinator;
    expect(context.registeredReaders().get(0)?.reportedSplitsOnRegistration).toEqual(splits(1));
  });
});

describe("what a reader has reported", () => {
  it.each(["AttemptFailed", "SubtaskReset"])("is forgotten with %s", async (type) => {
    const c = await startedCoordinator();
    await c.register(0, 0, splits(1));
    await c.post(event(type, { subtask: 0, attempt: 0, checkpointId: 0 }));
    await c.register(0, 0, []);
    const reader = c.coordinator.context.registeredReaders().get(0);
    expect(reader?.reportedSplitsOnRegistration).toEqual([]);
  });
});

describe("SourceCoordinatorContext.assignSplits", () => {
  it("records and sends, in the loop and from outside [CC-04]", async () => {
    for (const inLoop of [true, false]) {
      const c = await startedCoordinator();
      await c.register(0, 0, []);
      await c.register(1, 0, []);
      const assignment = new Map([
        [0, splits(0)],
        [1, splits(1, 2)],
      ]);
      const assign = (): void => c.coordinator.context.assignSplits(assignment);
      if (inLoop) await c.run(assign);
      else assign();
      await c.world.scheduler.settle();
      expect(uncheckpointed(c)).toEqual({ 0: "0", 1: "1,2" });
      expect(sent(c)).toEqual(["0: AddSplit 0", "1: AddSplit 1,2"]);
    }
  });

  it("does nothing at all when one of the readers is not registered [CC-05]", async () => {
    const c = await startedCoordinator();
    await c.register(0, 0, []);
    const assignment = new Map([
      [0, splits(0)],
      [1, splits(1, 2)],
    ]);
    await expect(c.run(() => c.coordinator.context.assignSplits(assignment))).rejects.toThrow(
      "Cannot assign splits [1, 2] to subtask 1 because the subtask is not registered.",
    );
    expect(uncheckpointed(c)).toEqual({});
    expect(sent(c)).toEqual([]);
  });

  it("names the split that cannot be serialized", async () => {
    const source = new TestingSource("flights");
    Object.assign(source, {
      splitSerializer: { ...source.splitSerializer, serialize: throwing("circular structure") },
    });
    const c = await startedCoordinator({ source });
    source.enumerator?.addNewSplits(splits(17));
    await c.register(0, 0, []);
    await request(c, 0);
    expect(c.jobFailed).toMatchObject({
      code: "SERIALIZER_FAILED",
      message: "split 17 of source flights could not be serialized",
      cause: { message: "circular structure" },
    });
  });

  it("sends nothing for an empty list", async () => {
    const c = await startedCoordinator();
    await c.register(0, 0, []);
    await c.run(() => c.coordinator.context.assignSplits(new Map([[0, []]])));
    expect(sent(c)).toEqual([]);
  });

  it("is refused after the coordinator was closed", async () => {
    const c = await startedCoordinator();
    await c.register(0, 0, []);
    await c.post(event("CloseCoordinator"));
    const { context } = c.coordinator;
    expect(() => context.assignSplit(splits(0)[0] as never, 0)).toThrow(/is closed/);
    expect(() => context.signalNoMoreSplits(0)).toThrow(/is closed/);
    expect(() => context.sendEventToSourceReader(0, { type: "E" })).toThrow(/is closed/);
    expect(sent(c)).toEqual([]);
  });
});

describe("SourceCoordinatorContext's signals", () => {
  it("end a reader's splits for good, or for a phase only [CC-08]", async () => {
    const c = await startedCoordinator();
    const { context } = c.coordinator;
    const hasNoMore = (): boolean[] => [0, 1, 2].map((i) => context.hasNoMoreSplits(i));
    await c.register(0, 0, []);
    await c.register(1, 0, []);
    await c.run(() => context.signalIntermediateNoMoreSplits(0));
    await c.run(() => context.signalIntermediateNoMoreSplits(1));
    expect(hasNoMore()).toEqual([false, false, false]);
    expect(sent(c)).toEqual(["0: NoMoreSplits", "1: NoMoreSplits"]);
    await c.run(() => context.signalNoMoreSplits(0));
    await c.run(() => context.signalNoMoreSplits(1));
    expect(hasNoMore()).toEqual([true, true, false]);
    expect(sent(c)).toEqual(["0: NoMoreSplits", "1: NoMoreSplits"]);
  });

  it("tell of the backlog: all that are ready, and later ones on their registration [CC-09]", async () => {
    const c = await startedCoordinator({ parallelism: 4 });
    const { context } = c.coordinator;
    await c.register(0, 0, []);
    await c.run(() => context.setIsProcessingBacklog(true));
    expect(sent(c)).toEqual([0, 1, 2, 3].map((i) => `${i}: IsProcessingBacklog true`));
    await c.register(1, 0, []);
    expect(sent(c)).toEqual(["1: IsProcessingBacklog true"]);
    await c.run(() => context.setIsProcessingBacklog(false));
    expect(sent(c)).toEqual([0, 1, 2, 3].map((i) => `${i}: IsProcessingBacklog false`));
    await c.register(2, 0, []);
    expect(sent(c)).toEqual(["2: IsProcessingBacklog false"]);
    expect(c.toCheckpointCoordinator).toEqual(
      [true, false].map((isProcessingBacklog) => ({
        type: "BacklogChanged",
        pipeline: "flights",
        isProcessingBacklog,
      })),
    );
  });

  it("carry the enumerator's own events to a reader that is ready", async () => {
    const c = await startedCoordinator();
    await c.run(() => c.coordinator.context.sendEventToSourceReader(1, { type: "Mine" }));
    expect(c.sent.splice(0)).toEqual([
      { subtask: 1, event: { type: "SourceEventWrapper", event: { type: "Mine" } } },
    ]);
    await c.post(event("AttemptFailed", { subtask: 1, attempt: 0 }));
    await expect(
      c.run(() => c.coordinator.context.sendEventToSourceReader(1, { type: "Mine" })),
    ).rejects.toThrow("Subtask 1 is not ready yet to receive events.");
  });

  it.each([-1, 3, 0.5])("are refused for subtask %d, which does not exist", async (subtask) => {
    const c = await startedCoordinator();
    const { context } = c.coordinator;
    const calls = [
      () => context.signalNoMoreSplits(subtask),
      () => context.signalIntermediateNoMoreSplits(subtask),
      () => context.sendEventToSourceReader(subtask, { type: "Mine" }),
    ];
    for (const call of calls) await expect(c.run(call)).rejects.toThrow(/out of bounds/);
  });
});

describe("SourceCoordinatorContext.runInCoordinatorLoop", () => {
  it("runs the actions later, in order", async () => {
    const c = await startedCoordinator();
    const log: string[] = [];
    await c.run(() => {
      const { context } = c.coordinator;
      context.runInCoordinatorLoop(() => {
        log.push("first");
        context.runInCoordinatorLoop(() => log.push("third"));
      });
      context.runInCoordinatorLoop(() => log.push("second"));
      log.push("now");
    });
    expect(log).toEqual(["now", "first", "second", "third"]);
  });

  it("fails the job with what an action throws [CC-06]", async () => {
    const c = await startedCoordinator();
    await c.run(() => c.coordinator.context.runInCoordinatorLoop(throwing("oops")));
    expect(c.jobFailed).toMatchObject({ code: "ENUMERATOR_FAILED", cause: { message: "oops" } });
  });

  it("drops what is left when the coordinator closes", async () => {
    const c = await startedCoordinator();
    const log: string[] = [];
    await c.run(() => {
      c.coordinator.close();
      c.coordinator.context.runInCoordinatorLoop(() => log.push("too late"));
    });
    expect(log).toEqual([]);
    expect(c.toJob.map((e) => e.type)).toEqual(["CoordinatorClosed"]);
  });
});
