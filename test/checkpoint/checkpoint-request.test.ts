import { describe, expect, it } from "vitest";
import type { CheckpointFailuresExceeded, CheckpointStored } from "../../src/checkpoint/index.js";
import { CheckpointJob, types } from "./checkpoint-job.js";
import { diskFull } from "./gated-storage.js";

const ABORTED = { code: "CHECKPOINT_ABORTED", retry: "backoff" };

function exceeded(job: CheckpointJob): CheckpointFailuresExceeded[] {
  return job.reports<CheckpointFailuresExceeded>("CheckpointFailuresExceeded");
}

describe("a request", () => {
  it("for a savepoint stores at its target, is answered, and commits nothing outside", async () => {
    const job = await CheckpointJob.running();
    job.request({ kind: "SAVEPOINT", target: "/save" });
    await job.settle();
    expect(job.answers()).toMatchObject([
      { type: "RequestFinished", checkpoint: { location: "memory:/save/savepoint-job-1" } },
    ]);
    expect(await job.storage.list()).toEqual([]);
    for (const name of ["a/0", "b/0"])
      expect(types(job.subtask(name))).toEqual(["TriggerCheckpoint"]);
  });

  it("to stop carries its wishes with the barrier, completes, and ends checkpoints", async () => {
    const job = await CheckpointJob.running({ interval: 1000 });
    job.held.add("subtask a/0");
    job.request({ kind: "SAVEPOINT", target: "/save", stop: true, drain: true });
    job.request();
    await job.settle();
    expect(job.subtask("b/0").events).toMatchObject([
      { type: "TriggerCheckpoint", checkpointId: 1, stop: true, drain: true },
    ]);
    await job.release();
    expect(types(job.subtask("b/0"))).toEqual(["TriggerCheckpoint", "CheckpointCompleted"]);
    expect(job.reports("CheckpointStored")).toMatchObject([{ stop: true }]);
    expect(job.answers()).toMatchObject([
      { type: "RequestFinished", requestId: "request-1" },
      { type: "RequestFailed", requestId: "request-2" },
    ]);
    await job.advance(5000);
    expect(job.triggered()).toEqual([1]);
    job.post({ type: "Resume" });
    await job.advance(0);
    expect(job.storedIds()).toEqual([1, 2]);
  });

  it("waits for the pending checkpoint; savepoints go first, plain checkpoints share one", async () => {
    const job = await CheckpointJob.running();
    job.held.add("subtask a/0");
    job.request();
    await job.settle();
    job.request();
    job.request({ kind: "SAVEPOINT", target: "/one" });
    job.request();
    job.request({ kind: "SAVEPOINT", target: "/two" });
    await job.settle();
    expect(job.triggered()).toEqual([1]);
    await job.release();
    const stored = job.reports<CheckpointStored>("CheckpointStored");
    expect(stored.map(({ checkpoint, requestIds }) => [checkpoint.kind, requestIds])).toEqual([
      ["CHECKPOINT", ["request-1"]],
      ["SAVEPOINT", ["request-3"]],
      ["SAVEPOINT", ["request-5"]],
      ["CHECKPOINT", ["request-2", "request-4"]],
    ]);
    expect(job.answers()).toHaveLength(5);
  });

  it("is refused when there are too many, when the job does not run, or without a target", async () => {
    const job = await CheckpointJob.running();
    job.held.add("subtask a/0");
    for (let i = 0; i < 1002; i++) job.request();
    await job.settle();
    expect(job.answers()).toMatchObject([
      { type: "RequestFailed", requestId: "request-1002", error: { code: "LIMIT_EXCEEDED" } },
    ]);
    job.request({ kind: "SAVEPOINT" });
    await job.settle();
    expect(job.answers()[1]).toMatchObject({ error: { code: "ILLEGAL_ARGUMENT" } });
    job.post({ type: "Suspend" });
    await job.settle();
    expect(job.answers()).toHaveLength(1003);
    expect(job.answers().at(-1)).toMatchObject({ error: ABORTED });
  });

  it("for a savepoint that cannot be stored does not count; a subtask that declines it does", async () => {
    const job = await CheckpointJob.running();
    job.storage.failure = diskFull();
    job.request({ kind: "SAVEPOINT", target: "/full" });
    await job.settle();
    job.declining.add("coordinator a");
    job.request({ kind: "SAVEPOINT", target: "/save" });
    await job.settle();
    expect(job.answers()).toMatchObject([{ type: "RequestFailed" }, { type: "RequestFailed" }]);
    expect(exceeded(job)).toEqual([]);
    job.declining.clear();
    job.declining.add("subtask a/0");
    job.request({ kind: "SAVEPOINT", target: "/save" });
    await job.settle();
    expect(exceeded(job)).toHaveLength(1);
  });

  it("to stop that a subtask declines fails the job, however many failures may be", async () => {
    const job = await CheckpointJob.running({ tolerableFailures: 100 });
    job.declining.add("subtask a/0");
    job.request({ kind: "SAVEPOINT", target: "/save", stop: true });
    await job.settle();
    expect(exceeded(job)).toHaveLength(1);
  });
});
