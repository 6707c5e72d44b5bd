import { describe, expect, it } from "vitest";
import type {
  CheckpointFailuresExceeded,
  CheckpointsSuspended,
} from "../../src/checkpoint/index.js";
import { CheckpointJob, stateOf, types } from "./checkpoint-job.js";
import { diskFull } from "./gated-storage.js";

const ABORTED = { code: "CHECKPOINT_ABORTED", retry: "backoff" };

function exceeded(job: CheckpointJob): CheckpointFailuresExceeded[] {
  return job.reports<CheckpointFailuresExceeded>("CheckpointFailuresExceeded");
}

describe("a checkpoint that fails", () => {
  it.each([
    ["subtask a/1", "subtask 1 of pipeline a declined it", "flush failed"],
    [
      "coordinator b",
      "the source coordinator of pipeline b could not snapshot",
      "enumerator broke",
    ],
  ])(
    "because %s declines is aborted everywhere and the next may succeed",
    async (who, why, cause) => {
      const job = await CheckpointJob.running({ tolerableFailures: 1 });
      job.declining.add(who);
      job.request();
      await job.settle();
      expect(job.answers()).toMatchObject([
        {
          type: "RequestFailed",
          requestId: "request-1",
          error: { ...ABORTED, message: expect.stringContaining(why), cause: { message: cause } },
        },
      ]);
      expect(types(job.coordinator("a"))).toEqual(["TriggerCheckpoint", "CheckpointAborted"]);
      expect(types(job.subtask("b/0"))).toContain("CheckpointAborted");
      job.declining.clear();
      job.request();
      await job.settle();
      expect(job.storedIds()).toEqual([2]);
      expect(exceeded(job)).toEqual([]);
    },
  );

  it("fails the job when more in a row do than may", async () => {
    const job = await CheckpointJob.running({ interval: 1000, tolerableFailures: 2 });
    job.declining.add("subtask a/0");
    await job.advance(2000);
    job.declining.clear();
    await job.advance(1000);
    job.declining.add("subtask a/0");
    await job.advance(2000);
    expect(exceeded(job)).toEqual([]);
    await job.advance(1000);
    expect(exceeded(job)).toMatchObject([
      {
        error: {
          code: "CHECKPOINT_FAILURES_EXCEEDED",
          message: "3 checkpoints in a row have failed, 2 may",
          cause: { code: "CHECKPOINT_ABORTED", cause: { message: "flush failed" } },
        },
      },
    ]);
    await job.advance(2000);
    expect(exceeded(job)).toHaveLength(1);
  });

  it("times out, and what comes late is ignored", async () => {
    const job = await CheckpointJob.running({ timeout: 5000, tolerableFailures: 1 });
    job.held.add("subtask a/0");
    job.request();
    await job.advance(5000);
    expect(job.answers()).toMatchObject([
      { error: { ...ABORTED, message: expect.stringContaining("longer than the timeout") } },
    ]);
    job.held.add("subtask b/0");
    job.request();
    await job.settle();
    await job.release("subtask a/0");
    expect(job.storedIds()).toEqual([]);
    await job.release("subtask b/0");
    expect(job.storage.stored.map((data) => data.pipelines.a?.subtasks[0])).toEqual([
      stateOf(0, 2),
    ]);
  });

  it("because the storage fails is told with the reason", async () => {
    const job = await CheckpointJob.running();
    job.storage.failure = diskFull();
    job.request();
    await job.settle();
    expect(job.answers()).toMatchObject([
      { error: { ...ABORTED, cause: { code: "CHECKPOINT_STORAGE_FAILED", message: "disk full" } } },
    ]);
    expect(types(job.subtask("a/0"))).toEqual(["TriggerCheckpoint", "CheckpointAborted"]);
    expect(exceeded(job)).toHaveLength(1);
  });

  it("because the storage is slow is never called complete, and is deleted when it arrives", async () => {
    const job = await CheckpointJob.running({ timeout: 5000, tolerableFailures: 5 });
    job.storage.isHeld = true;
    job.request();
    await job.advance(5000);
    job.storage.isHeld = false;
    job.storage.release();
    await job.settle();
    expect(job.storage.discarded).toEqual(["memory:job/chk-1"]);
    expect(job.reports("CheckpointStored")).toEqual([]);
    job.request();
    await job.settle();
    expect((await job.storage.list()).map((checkpoint) => checkpoint.checkpointId)).toEqual([2]);
  });

  it("of a savepoint that is durable too late deletes it: a resumed job must not find it", async () => {
    const job = await CheckpointJob.running({ timeout: 5000, tolerableFailures: 5 });
    job.storage.isHeld = true;
    job.request({ kind: "SAVEPOINT", target: "kept" });
    await job.advance(5000);
    job.storage.isHeld = false;
    job.storage.release();
    await job.settle();
    expect(job.storage.discarded).toEqual(["memory:kept/savepoint-job-1"]);
    expect(await job.storage.restoreCandidates()).toEqual([]);
  });

  it("because the storage hangs does not pile up writes", async () => {
    const job = await CheckpointJob.running({ timeout: 1000, tolerableFailures: 99 });
    job.storage.isHeld = true;
    for (let i = 0; i < 6; i++) {
      job.request();
      await job.advance(1000);
    }
    expect(job.storage.waiting).toBe(3);
    expect(job.answers().at(-1)).toMatchObject({
      error: { cause: { message: expect.stringContaining("has not answered 3 earlier writes") } },
    });
    job.storage.isHeld = false;
    job.storage.release();
    await job.settle();
    job.request();
    await job.settle();
    expect(job.answers().at(-1)).toMatchObject({ type: "RequestFinished" });
  });
});

describe("a subtask that is gone", () => {
  it("aborts the pending checkpoint without counting it, and its next attempt takes part", async () => {
    const job = await CheckpointJob.running();
    job.held.add("subtask a/0");
    job.request();
    await job.settle();
    job.fail("a/1");
    await job.settle();
    expect(job.answers()).toMatchObject([
      {
        error: { ...ABORTED, message: expect.stringContaining("subtask 1 of pipeline a is gone") },
      },
    ]);
    expect(exceeded(job)).toEqual([]);
    job.request();
    await job.settle();
    expect(job.answers()).toHaveLength(2);
    expect(job.answers()[1]).toMatchObject({ type: "RequestFailed", error: ABORTED });
    job.start("a", 1);
    await job.release();
    job.request();
    await job.settle();
    expect(job.storage.stored[0]?.pipelines.a?.subtasks).toEqual([stateOf(0, 2), stateOf(3, 2)]);
  });

  it("changes nothing when everything has been acknowledged, and hears nothing in its next life", async () => {
    const job = await CheckpointJob.running();
    job.storage.isHeld = true;
    job.request();
    await job.settle();
    job.fail("a/1");
    const next = job.start("a", 1);
    await job.settle();
    job.storage.release();
    await job.settle();
    expect(job.answers()).toMatchObject([{ type: "RequestFinished" }]);
    expect(types(next)).toEqual([]);
    expect(types(job.subtask("a/0"))).toContain("CheckpointCompleted");
  });

  it("is known by its attempt: older attempts' news is ignored", async () => {
    const job = await CheckpointJob.running();
    const old = job.subtask("a/0").id;
    job.fail("a/0");
    job.start("a", 0);
    job.post({ type: "SubtaskGone", ...old });
    job.post({ type: "SubtaskRunning", ...old, address: "job/nobody" });
    job.post({ type: "SubtaskFinished", ...old, state: stateOf(99, 0, true) });
    job.held.add("subtask a/0");
    job.request();
    await job.settle();
    job.post({ type: "CheckpointAcknowledged", ...old, checkpointId: 1, state: stateOf(99, 1) });
    job.post({
      type: "CheckpointDeclined",
      ...old,
      checkpointId: 1,
      error: { name: "E", message: "" },
    });
    await job.settle();
    expect(job.answers()).toEqual([]);
    await job.release();
    expect(job.storage.stored[0]?.pipelines.a?.subtasks[0]).toEqual(stateOf(3, 1));
  });

  it("may be reported as gone before it was reported as running", async () => {
    const job = new CheckpointJob({}, { a: 1 });
    const at = { pipeline: "a", subtask: 0, attempt: 4 };
    job.post({ type: "SubtaskGone", ...at });
    job.post({ type: "SubtaskRunning", ...at, address: "job/nobody" });
    job.request();
    await job.settle();
    expect(job.answers()).toMatchObject([{ type: "RequestFailed" }]);
  });
});

describe("a job that restarts", () => {
  it("aborts what collects acknowledgements, without counting it, and takes checkpoints after", async () => {
    const job = await CheckpointJob.running({ interval: 1000 });
    job.held.add("subtask a/0");
    await job.advance(1000);
    job.post({ type: "Suspend", replyTo: "job/master" });
    await job.advance(5000);
    expect(job.reports("CheckpointsSuspended")).toEqual([
      { type: "CheckpointsSuspended", lastCheckpoint: undefined },
    ]);
    expect(job.triggered()).toEqual([1]);
    expect(exceeded(job)).toEqual([]);
    job.held.clear();
    for (const pipeline of ["a", "b"]) job.replaceCoordinator(pipeline);
    job.startAll();
    job.post({ type: "Resume" });
    await job.settle();
    await job.advance(1000);
    expect(job.storedIds()[0]).toBe(2);
  });

  it("hears that checkpoints are suspended only when the storage has answered", async () => {
    const job = await CheckpointJob.running();
    job.storage.isHeld = true;
    job.request();
    await job.settle();
    job.post({ type: "Suspend", replyTo: "job/master" });
    await job.settle();
    expect(types(job.jobMaster)).toEqual([]);
    job.storage.release();
    await job.settle();
    expect(types(job.jobMaster)).toEqual(["CheckpointStored", "CheckpointsSuspended"]);
    const [suspended] = job.reports<CheckpointsSuspended>("CheckpointsSuspended");
    expect(suspended?.lastCheckpoint?.checkpointId).toBe(1);
  });

  it("hears it only when an aborted checkpoint that is still written has been deleted", async () => {
    const job = await CheckpointJob.running({ timeout: 1000 });
    job.storage.isHeld = true;
    job.storage.areDiscardsHeld = true;
    job.request();
    await job.advance(1000);
    expect(job.answers()).toMatchObject([{ type: "RequestFailed" }]);
    job.post({ type: "Suspend", replyTo: "job/master" });
    await job.settle();
    expect(job.reports("CheckpointsSuspended")).toEqual([]);
    job.storage.release();
    await job.settle();
    expect(job.storage.discarded).toHaveLength(1);
    expect(job.reports("CheckpointsSuspended")).toEqual([]);
    job.storage.release();
    await job.settle();
    expect(job.reports("CheckpointsSuspended")).toHaveLength(1);
    expect(await job.storage.list()).toEqual([]);
    await job.advance(20_000);
    expect(job.reports("CheckpointsSuspended")).toHaveLength(1);
  });

  it("waits 10 s for a storage that does not answer, and each time anew", async () => {
    const job = await CheckpointJob.running({ timeout: 1000 });
    job.storage.isHeld = true;
    job.request();
    await job.advance(1000);
    job.post({ type: "Suspend", replyTo: "job/master" });
    await job.advance(9_000);
    job.post({ type: "Resume" });
    job.post({ type: "Suspend", replyTo: "job/master" });
    await job.advance(9_999);
    expect(job.reports("CheckpointsSuspended")).toEqual([]);
    await job.advance(1);
    expect(job.reports("CheckpointsSuspended")).toHaveLength(1);
  });

  it("goes on storing when it resumes before the storage has answered", async () => {
    const job = await CheckpointJob.running();
    job.storage.isHeld = true;
    job.request();
    await job.settle();
    job.post({ type: "Suspend" });
    job.post({ type: "Resume" });
    await job.settle();
    job.storage.isHeld = false;
    job.storage.release();
    job.request();
    await job.settle();
    expect(job.storedIds()).toEqual([1, 2]);
  });

  it("is not waited for when it only replaced a coordinator: its subtasks are", async () => {
    const job = await CheckpointJob.running();
    job.held.add("subtask a/0");
    job.request();
    await job.settle();
    job.replaceCoordinator("b");
    await job.settle();
    expect(job.answers()).toMatchObject([
      { error: { ...ABORTED, message: expect.stringContaining("pipeline b starts again") } },
    ]);
    expect(types(job.coordinator("b"))).toEqual([]);
    job.start("b", 0);
    await job.release();
    job.request();
    await job.settle();
    expect(job.storedIds()).toEqual([2]);
  });
});
