import { describe, expect, it } from "vitest";
import type { CheckpointStored } from "../../src/checkpoint/index.js";
import { CheckpointJob, stateOf, types } from "./checkpoint-job.js";
import { bytes } from "./sample-checkpoint.js";

const ABORTED = { code: "CHECKPOINT_ABORTED", retry: "backoff" };

describe("a checkpoint", () => {
  it("holds the state of every source coordinator and every subtask, at one id", async () => {
    const job = await CheckpointJob.running({ interval: 1000 });
    await job.advance(1000);
    expect(job.storage.stored).toEqual([
      {
        formatVersion: 2,
        jobName: "job",
        checkpointId: 1,
        kind: "CHECKPOINT",
        triggeredAt: 1_001_000,
        pipelines: {
          a: {
            sourceName: "source of a",
            parallelism: 2,
            coordinator: bytes(1),
            subtasks: [stateOf(0, 1), stateOf(1, 1)],
          },
          b: {
            sourceName: "source of b",
            parallelism: 1,
            coordinator: bytes(1),
            subtasks: [stateOf(2, 1)],
          },
        },
      },
    ]);
  });

  it("is announced only when it is durable", async () => {
    const job = await CheckpointJob.running();
    job.storage.isHeld = true;
    job.request();
    await job.settle();
    expect(job.storage.waiting).toBe(1);
    expect(types(job.subtask("a/0"))).toEqual(["TriggerCheckpoint"]);
    expect(types(job.jobMaster)).toEqual([]);
    expect(job.answers()).toEqual([]);
    job.storage.release();
    await job.settle();
    const told = ["TriggerCheckpoint", "CheckpointCompleted"];
    for (const name of ["a/0", "a/1", "b/0"]) expect(types(job.subtask(name))).toEqual(told);
    for (const pipeline of ["a", "b"]) expect(types(job.coordinator(pipeline))).toEqual(told);
    const [stored] = job.reports<CheckpointStored>("CheckpointStored");
    expect(stored).toMatchObject({ requestIds: ["request-1"], stop: false });
    expect(stored?.checkpoint.location).toBe("memory:job/chk-1");
    expect(job.answers()).toMatchObject([
      { type: "RequestFinished", requestId: "request-1", checkpoint: { checkpointId: 1 } },
    ]);
    expect(job.clock.pendingTimers).toBe(0);
  });

  it("takes acknowledgements of subtasks while another pipeline's coordinator is to come", async () => {
    const job = await CheckpointJob.running();
    job.held.add("coordinator b").add("subtask a/1");
    job.request();
    await job.settle();
    await job.release("subtask a/1");
    expect(job.storedIds()).toEqual([]);
    await job.release("coordinator b");
    expect(job.storedIds()).toEqual([1]);
  });

  it.each(["coordinator a", "coordinator b", "subtask a/0", "subtask a/1", "subtask b/0"])(
    "waits for %s",
    async (missing) => {
      const job = await CheckpointJob.running();
      job.held.add(missing);
      job.request();
      await job.settle();
      expect(job.storage.stored).toEqual([]);
      await job.release(missing);
      expect(job.storedIds()).toEqual([1]);
    },
  );

  it("is not triggered before all subtasks run", async () => {
    const job = new CheckpointJob({ interval: 100 });
    job.start("a", 0);
    job.start("a", 1);
    await job.advance(1000);
    expect(job.triggered()).toEqual([]);
    job.start("b", 0);
    await job.settle();
    await job.advance(100);
    expect(job.storedIds()).toEqual([1]);
  });

  it("counts from the id that it is given", async () => {
    const job = await CheckpointJob.running({ firstCheckpointId: 42 });
    job.request();
    await job.settle();
    job.request();
    await job.settle();
    expect(job.storedIds()).toEqual([42, 43]);
  });
});

describe("a subtask that has finished", () => {
  it("acknowledges the pending checkpoint by its final state, and every later one", async () => {
    const job = await CheckpointJob.running();
    job.held.add("subtask a/0");
    job.request();
    await job.settle();
    job.finish("a/0");
    await job.settle();
    job.request();
    await job.settle();
    const states = job.storage.stored.map((data) => data.pipelines.a?.subtasks);
    expect(states).toEqual([
      [stateOf(0, 0, true), stateOf(1, 1)],
      [stateOf(0, 0, true), stateOf(1, 2)],
    ]);
  });

  it("keeps what it acknowledged at the barrier as its part of that checkpoint", async () => {
    const job = await CheckpointJob.running();
    job.held.add("subtask b/0");
    job.request();
    await job.settle();
    job.finish("a/0");
    await job.release();
    expect(job.storage.stored[0]?.pipelines.a?.subtasks[0]).toEqual(stateOf(0, 1));
  });

  it("does not stop checkpoints when all others have finished too", async () => {
    const job = await CheckpointJob.running();
    for (const name of ["a/0", "a/1", "b/0"]) job.finish(name);
    job.request();
    await job.settle();
    expect(job.storedIds()).toEqual([1]);
  });

  it("may be restored as finished without running", async () => {
    const job = new CheckpointJob({}, { a: 1 });
    const at = { pipeline: "a", subtask: 0, attempt: 0 };
    job.post({ type: "SubtaskFinished", ...at, state: stateOf(0, 0, true) });
    job.request();
    await job.settle();
    expect(job.storage.stored[0]?.pipelines.a?.subtasks).toEqual([stateOf(0, 0, true)]);
  });

  it("has to run again after a failover", async () => {
    const job = await CheckpointJob.running();
    job.finish("b/0");
    job.replaceCoordinator("b");
    job.request();
    await job.settle();
    expect(job.answers()).toMatchObject([{ type: "RequestFailed" }]);
    job.start("b", 0);
    job.request();
    await job.settle();
    expect(job.storage.stored[0]?.pipelines.b?.subtasks).toEqual([stateOf(3, 1)]);
  });

  it("counts as running when it is heard of before its new source coordinator", async () => {
    const job = await CheckpointJob.running();
    job.replaceCoordinator("b", () => job.start("b", 0));
    job.request();
    await job.settle();
    expect(job.storage.stored[0]?.pipelines.b?.subtasks).toEqual([stateOf(3, 1)]);
  });
});

describe("the checkpoint coordinator", () => {
  it("says to each source coordinator which attempts take part", async () => {
    const job = await CheckpointJob.running();
    job.finish("a/0");
    job.request();
    await job.settle();
    const attempts = (pipeline: string) =>
      job
        .coordinator(pipeline)
        .events.flatMap((event) => ("attempts" in event ? [event.attempts] : []));
    expect(attempts("a")).toEqual([[-1, 1]]);
    expect(attempts("b")).toEqual([[2]]);
  });

  it("counts and measures under Flink's names", async () => {
    const job = await CheckpointJob.running({ tolerableFailures: 9 });
    expect(job.metrics()).toEqual({
      numberOfCompletedCheckpoints: 0,
      numberOfFailedCheckpoints: 0,
      numberOfInProgressCheckpoints: 0,
      lastCheckpointDuration: -1,
      lastCheckpointSize: -1,
      lastCompletedCheckpointId: -1,
    });
    job.held.add("subtask a/0");
    job.request();
    await job.advance(250);
    expect(job.metrics().numberOfInProgressCheckpoints).toBe(1);
    await job.release();
    job.declining.add("subtask a/0");
    job.request();
    await job.settle();
    expect(job.metrics()).toMatchObject({
      numberOfCompletedCheckpoints: 1,
      numberOfFailedCheckpoints: 1,
      numberOfInProgressCheckpoints: 0,
      lastCheckpointDuration: 250,
      lastCheckpointSize: (await job.storage.list())[0]?.bytes,
      lastCompletedCheckpointId: 1,
    });
  });

  it("fails open requests and stops when it is closed, leaving no timer", async () => {
    const job = await CheckpointJob.running({ interval: 1000 });
    job.held.add("subtask a/0");
    job.request();
    job.request();
    await job.settle();
    job.close();
    await job.settle();
    expect(job.answers()).toMatchObject([
      { requestId: "request-1", error: { ...ABORTED, message: expect.stringContaining("ended") } },
      { requestId: "request-2", error: ABORTED },
    ]);
    expect(job.system.addresses).not.toContain("job/checkpoint-coordinator");
    expect(job.clock.pendingTimers).toBe(0);
    expect(job.isClosed).toBe(true);
  });

  it("ends only when the checkpoint that is being stored is written, and answers for it", async () => {
    const job = await CheckpointJob.running();
    job.storage.isHeld = true;
    const requestId = job.request();
    await job.settle();
    expect(job.storage.waiting).toBe(1);
    job.close();
    await job.settle();
    expect(job.isClosed).toBe(false);
    job.storage.release();
    await job.settle();
    expect(job.answers()).toMatchObject([
      { type: "RequestFinished", requestId, checkpoint: { checkpointId: 1 } },
    ]);
    expect(job.isClosed).toBe(true);
    expect(job.clock.pendingTimers).toBe(0);
  });

  it("waits ten seconds at its end for a storage that does not answer, and no longer", async () => {
    const job = await CheckpointJob.running();
    job.storage.isHeld = true;
    job.request();
    await job.settle();
    job.close();
    await job.advance(9_999);
    expect(job.isClosed).toBe(false);
    await job.advance(1);
    expect(job.isClosed).toBe(true);
    expect(job.answers()).toMatchObject([{ error: ABORTED }]);
    expect(job.clock.pendingTimers).toBe(0);
  });

  it("reports what breaks it to the job master, answers open requests and stops", async () => {
    const job = await CheckpointJob.running();
    job.held.add("subtask a/0");
    job.request();
    job.post({ type: "Nonsense" } as never);
    await job.settle();
    expect(job.jobMaster.events).toMatchObject([
      {
        type: "CheckpointCoordinatorFailed",
        error: { code: "ILLEGAL_STATE", message: expect.stringContaining("Nonsense") },
      },
    ]);
    expect(job.answers()).toMatchObject([{ type: "RequestFailed", error: ABORTED }]);
    expect(job.system.addresses).not.toContain("job/checkpoint-coordinator");
  });
});
