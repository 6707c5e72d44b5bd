import { describe, expect, it } from "vitest";
import {
  SourceCoordinatorActor,
  type SourceCoordinatorActorEvent,
} from "../../src/coordinator/index.js";
import type { ErrorInfo } from "../../src/errors/index.js";
import {
  type Actor,
  type ActorEvent,
  ActorSystem,
  ManualScheduler,
  SerializingTransport,
  VirtualClock,
} from "../../src/mailbox/index.js";
import { MetricRegistry } from "../../src/metrics/index.js";
import { TestingSource } from "../conformance/fixtures/coordinator-testing-enumerator.js";
import {
  event,
  request,
  sent,
  splits,
  startedCoordinator,
  throwing,
  VariedSource,
} from "./testing-coordinator.js";

const trigger = (checkpointId: number, fields: object = {}): ActorEvent =>
  event("TriggerCheckpoint", { checkpointId, stop: false, drain: false, ...fields });

describe("SourceCoordinatorActor's checkpoint", () => {
  it("is acknowledged with the state, then the barrier goes to every ready attempt", async () => {
    const c = await startedCoordinator();
    c.source.enumerator?.addNewSplits(splits(0, 1));
    await c.post(trigger(5, { stop: true, drain: true }));
    expect(c.toCheckpointCoordinator).toMatchObject([
      { type: "CoordinatorAcknowledged", checkpointId: 5, pipeline: "flights" },
    ]);
    expect(c.toCheckpointCoordinator[0]).toHaveProperty("state", expect.any(Uint8Array));
    expect(c.sent).toHaveLength(3);
    expect(c.sent[1]).toEqual({
      subtask: 1,
      event: { type: "TriggerCheckpoint", checkpointId: 5, stop: true, drain: true },
    });
  });

  it("draws its line between the splits before the snapshot and those after", async () => {
    const c = await startedCoordinator({ parallelism: 1 });
    c.source.enumerator?.addNewSplits(splits(0, 1));
    await c.register(0, 0, []);
    const { system, scheduler } = c.world;
    const ask = event("OperatorEvent", {
      subtask: 0,
      attempt: 0,
      event: { type: "RequestSplit", hostName: "h" },
    });
    system.post("subtask", c.self, ask);
    await scheduler.settle();
    system.post("checkpoints", c.self, trigger(1));
    system.post("subtask", c.self, ask);
    await scheduler.settle();
    expect(sent(c)).toEqual(["0: AddSplit 0", "0: TriggerCheckpoint 1", "0: AddSplit 1"]);
    const { tracker } = c.coordinator;
    expect([...(tracker.assignmentsByCheckpointId.get(1)?.get(0)?.keys() ?? [])]).toEqual(["0"]);
    expect([...(tracker.uncheckpointedAssignments.get(0)?.keys() ?? [])]).toEqual(["1"]);
  });

  it("goes to no attempt that has failed, and to every one that runs concurrently", async () => {
    const c = await startedCoordinator({ concurrent: true });
    await c.ready(1, 4);
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    await c.post(trigger(1));
    expect(sent(c)).toEqual([
      "1: TriggerCheckpoint 1",
      "1: TriggerCheckpoint 1",
      "2: TriggerCheckpoint 1",
    ]);
  });

  it("is declined, and no barrier sent, when the enumerator cannot be snapshotted", async () => {
    const source = new VariedSource(() => ({ snapshotState: throwing("half done") }));
    const c = await startedCoordinator({ source });
    await c.post(trigger(5));
    expect(c.toCheckpointCoordinator).toMatchObject([
      {
        type: "CoordinatorDeclined",
        checkpointId: 5,
        pipeline: "flights",
        error: {
          code: "ENUMERATOR_FAILED",
          message: expect.stringMatching(/source flights failed while taking checkpoint 5/),
          cause: { message: "half done" },
        },
      },
    ]);
    expect(sent(c)).toEqual([]);
    expect(c.jobFailed).toBeUndefined();
  });

  it("is declined, naming the source, when the state cannot be serialized", async () => {
    const source = new TestingSource("flights");
    Object.assign(source, {
      enumeratorCheckpointSerializer: { version: 1, serialize: throwing("BigInt") },
    });
    const c = await startedCoordinator({ source });
    await c.post(trigger(5));
    expect(c.toCheckpointCoordinator).toMatchObject([
      { error: { code: "SERIALIZER_FAILED", message: expect.stringMatching(/source flights/) } },
    ]);
    expect(sent(c)).toEqual([]);
  });

  it("is declined before the start, after a failure and while closing", async () => {
    const source = new VariedSource(() => ({
      handleSplitRequest: throwing("broken"),
      close: () => new Promise<void>(() => {}) as never,
    }));
    const c = await startedCoordinator({ source });
    await request(c, 0);
    await c.post(trigger(1));
    await c.post(event("CloseCoordinator"));
    await c.post(trigger(2));
    expect(c.toCheckpointCoordinator.map((e) => e.type)).toEqual([
      "CoordinatorDeclined",
      "CoordinatorDeclined",
    ]);
    expect(sent(c)).toEqual([]);
  });
});

const fromAttempt = (attempt: number, operatorEvent: object): ActorEvent =>
  event("OperatorEvent", { subtask: 0, attempt, event: operatorEvent });
const ready = (attempt: number): ActorEvent =>
  event("AttemptReady", { subtask: 0, attempt, address: `subtask/0/${attempt}` });
const registration = (attempt: number): ActorEvent =>
  fromAttempt(attempt, {
    type: "ReaderRegistration",
    subtaskId: 0,
    location: "host",
    splits: { version: 1, splits: [] },
  });
const mine = (attempt: number): ActorEvent =>
  fromAttempt(attempt, { type: "SourceEventWrapper", event: { type: "Mine" } });
const request0 = fromAttempt(0, { type: "RequestSplit", hostName: "host" });

describe("SourceCoordinatorActor", () => {
  function spawn(source = new TestingSource("flights"), attempts?: readonly number[]) {
    const scheduler = new ManualScheduler();
    const toJob: (ActorEvent & { error?: ErrorInfo })[] = [];
    const received: string[] = [];
    const system = new ActorSystem({
      scheduler,
      clock: new VirtualClock(),
      transport: new SerializingTransport(),
      journal: {
        record: (envelope) => {
          if (envelope.to === "job") toJob.push(envelope.event);
          else received.push(envelope.event.type);
        },
      },
    });
    const create = (epoch = 0): void => {
      system.spawn(
        "coordinator",
        (context) =>
          new SourceCoordinatorActor(context, {
            pipeline: "p",
            source,
            parallelism: 2,
            jobMaster: "job",
            checkpointCoordinator: "checkpoints",
            metricGroup: new MetricRegistry().root(),
            attempts,
          }) as Actor<SourceCoordinatorActorEvent> as Actor,
        epoch,
      );
    };
    create();
    const post = async (e: ActorEvent, epoch = 0): Promise<void> => {
      system.post("driver", "coordinator", e, epoch);
      await scheduler.settle();
    };
    return { system, scheduler, toJob, received, post, create, source };
  }

  it("lets what overtakes its start wait for it, in order", async () => {
    const { post, source, toJob } = spawn(new TestingSource("flights"), [0, 0]);
    for (const early of [ready(0), registration(0), mine(0)]) await post(early);
    await post(event("TriggerCheckpoint", { checkpointId: 7, stop: false, drain: false }));
    expect(source.enumerator).toBeUndefined();
    expect(toJob).toEqual([]);
    await post(event("StartCoordinator"));
    expect([...(source.enumerator?.context.registeredReaders().keys() ?? [])]).toEqual([0]);
    expect(source.enumerator?.handledSourceEvents).toHaveLength(1);
    expect(toJob).toEqual([]);
  });

  it("fails the job when more comes before its start than can wait", async () => {
    const { post, toJob } = spawn(new TestingSource("flights"), [0, 0]);
    await post(ready(0));
    for (let i = 0; i < 10_000; i++) await post(mine(0));
    expect(toJob).toMatchObject([
      { type: "CoordinatorFailed", pipeline: "p", error: { cause: { code: "LIMIT_EXCEEDED" } } },
    ]);
  });

  it("lets what a new attempt sends wait for the news that it has taken the old one's place", async () => {
    const { post, source, toJob } = spawn(new TestingSource("flights"), [0, 0]);
    await post(event("StartCoordinator"));
    for (const e of [ready(0), registration(0)]) await post(e);
    await post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    for (const early of [ready(1), registration(1), mine(1)]) await post(early);
    expect([...(source.enumerator?.context.registeredReaders().keys() ?? [])]).toEqual([]);
    await post(event("SubtaskReset", { subtask: 0, checkpointId: -1, attempt: 1 }));
    expect([...(source.enumerator?.context.registeredReaders().keys() ?? [])]).toEqual([0]);
    expect(source.enumerator?.handledSourceEvents).toHaveLength(1);
    expect(toJob).toEqual([]);
  });

  it("takes no checkpoint before every attempt that takes part can be reached", async () => {
    const { post, received } = spawn(new TestingSource("flights"), [0, 0]);
    const trigger = (checkpointId: number, attempts: number[]): ActorEvent =>
      event("TriggerCheckpoint", { checkpointId, stop: false, drain: false, attempts });
    const acknowledged = () => received.filter((type) => type === "CoordinatorAcknowledged").length;
    await post(event("StartCoordinator"));
    await post(trigger(1, [0, -1]));
    expect(acknowledged()).toBe(0);
    await post(event("CheckpointAborted", { checkpointId: 1 }));
    await post(ready(0));
    expect(acknowledged()).toBe(0);
    await post(trigger(2, [0, -1]));
    expect(acknowledged()).toBe(1);
    // An attempt that has ended is waited for no longer: the checkpoint will be aborted.
    await post(trigger(3, [0, 0]));
    await post(event("AttemptFailed", { subtask: 1, attempt: 0 }));
    expect(acknowledged()).toBe(2);
  });

  it("drops what waits for its start when it is closed instead", async () => {
    const { post, source, toJob } = spawn(new TestingSource("flights"), [0, 0]);
    for (const early of [ready(0), registration(0)]) await post(early);
    await post(event("CloseCoordinator"));
    for (const late of [ready(0), registration(0), mine(0)]) await post(late);
    expect(source.enumerator).toBeUndefined();
    expect(toJob).toMatchObject([{ type: "CoordinatorClosed", pipeline: "p" }]);
  });

  it("turns an event that it does not know into a failure of the job", async () => {
    const { post, toJob } = spawn();
    await post(event("StartCoordinator"));
    await post(event("Nonsense"));
    await post(event("StartCoordinator"));
    expect(toJob).toMatchObject([
      {
        type: "CoordinatorFailed",
        error: { cause: { message: expect.stringMatching(/Nonsense/) } },
      },
    ]);
  });

  it("hears of its subtasks' attempts, and hands on what they send", async () => {
    const { post, source, toJob } = spawn();
    await post(event("StartCoordinator"));
    await post(ready(0));
    await post(registration(0));
    await post(mine(0));
    expect([...(source.enumerator?.context.registeredReaders().keys() ?? [])]).toEqual([0]);
    expect(source.enumerator?.handledSourceEvents).toHaveLength(1);
    expect(toJob).toEqual([]);
  });

  it("lets in nothing of an attempt that has ended, however late it comes", async () => {
    const { post, source, toJob } = spawn();
    await post(event("StartCoordinator"));
    source.enumerator?.addNewSplits(splits(0));
    await post(ready(0));
    await post(registration(0));
    await post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    for (const late of [ready(0), registration(0), request0, mine(0)]) await post(late);
    await post(event("SubtaskReset", { subtask: 0, checkpointId: 1 }));
    for (const late of [ready(0), registration(0), request0, mine(0)]) await post(late);
    expect(source.enumerator?.context.registeredReaders().size).toBe(0);
    expect(source.enumerator?.unassignedSplits).toHaveLength(1);
    expect(source.enumerator?.handledSourceEvents).toEqual([]);
    await post(ready(1));
    await post(registration(1));
    await post(mine(1));
    expect([...(source.enumerator?.context.registeredReaders().keys() ?? [])]).toEqual([0]);
    expect(source.enumerator?.handledSourceEvents).toHaveLength(1);
    expect(toJob).toEqual([]);
  });

  it("lets the other attempts of a subtask go on when one has ended", async () => {
    const { post, source } = spawn();
    await post(event("StartCoordinator"));
    await post(ready(0));
    await post(ready(2));
    await post(event("AttemptFailed", { subtask: 0, attempt: 2 }));
    await post(mine(2));
    await post(mine(0));
    await post(mine(1));
    expect(source.enumerator?.handledSourceEvents).toHaveLength(2);
  });

  it("gets no result of a call that its predecessor at the same address has made", async () => {
    const { post, create, toJob, received, source, scheduler, system } = spawn();
    await post(event("StartCoordinator"));
    let settle: (value: number) => void = () => {};
    const handled: unknown[] = [];
    source.enumerator?.context.callAsync(
      () =>
        new Promise<number>((resolve) => {
          settle = resolve;
        }),
      (result) => handled.push(result),
    );
    await scheduler.settle();
    await post(event("CloseCoordinator"));
    expect(system.addresses).toEqual([]);
    create();
    await post(event("StartCoordinator"));
    received.length = 0;
    settle(7);
    await scheduler.settle();
    expect(received).toEqual([]);
    expect(handled).toEqual([]);
    expect(toJob.map((e) => e.type)).toEqual(["CoordinatorClosed"]);
  });

  it("stays quiet about what comes while it closes", async () => {
    const closing = new Promise<void>(() => {});
    const { post, toJob, source } = spawn(
      new VariedSource(() => ({ close: () => closing as never })),
    );
    await post(event("StartCoordinator"));
    await post(event("CloseCoordinator"));
    for (const late of [
      event("AttemptFailed", { subtask: 0, attempt: 0 }),
      event("CheckpointCompleted", { checkpointId: 1 }),
      event("CloseCoordinator"),
      event("OperatorEvent", { subtask: 0, attempt: 0, event: { type: "RequestSplit" } }),
      event("AnnounceCombinedWatermark"),
    ]) {
      await post(late);
    }
    expect(toJob).toEqual([]);
    expect(source.enumerator?.successfulCheckpoints).toEqual([]);
  });
});
