import { describe, expect, it } from "vitest";
import { CheckpointJob, stateOf } from "./checkpoint-job.js";

const HOUR = 3_600_000;

/** The subtask waits for a checkpoint that holds its final state. */
function wait(job: CheckpointJob, name: string): void {
  const subtask = job.subtask(name);
  const [awaits] = job.subtaskAddresses("a");
  subtask.post({
    type: "SubtaskFinished",
    ...subtask.id,
    state: stateOf(subtask.id.attempt, 0, true),
    ...(awaits !== undefined && { awaits }),
  });
}

describe("a checkpoint that a finished subtask waits for", () => {
  it("is tried again when it was aborted, later each time, and long before the next is due", async () => {
    const job = await CheckpointJob.running({ interval: HOUR, tolerableFailures: 9 });
    job.declining.add("coordinator b");
    wait(job, "a/0");
    await job.advance(0);
    expect(job.triggered()).toEqual([1]);
    await job.advance(99);
    expect(job.triggered()).toEqual([1]);
    await job.advance(1);
    expect(job.triggered()).toEqual([1, 2]);
    await job.advance(199);
    expect(job.triggered()).toEqual([1, 2]);
    await job.advance(1);
    expect(job.triggered()).toEqual([1, 2, 3]);
    job.declining.clear();
    await job.advance(400);
    expect(job.storedIds()).toEqual([4]);
    await job.advance(60_000);
    expect(job.triggered()).toEqual([1, 2, 3, 4]);
  });

  it("is tried again without an interval too, and not before the least pause is over", async () => {
    const job = await CheckpointJob.running({ minPause: 5000, tolerableFailures: 9 });
    job.declining.add("coordinator b");
    wait(job, "a/0");
    await job.advance(4999);
    expect(job.triggered()).toEqual([1]);
    job.declining.clear();
    await job.advance(1);
    expect(job.storedIds()).toEqual([2]);
  });

  it("counts as a failure each time", async () => {
    const job = await CheckpointJob.running({ interval: HOUR, tolerableFailures: 1 });
    job.declining.add("coordinator b");
    wait(job, "a/0");
    await job.advance(50);
    expect(job.reports("CheckpointFailuresExceeded")).toHaveLength(0);
    await job.advance(50);
    expect(job.reports("CheckpointFailuresExceeded")).toHaveLength(1);
  });

  it("follows a savepoint at once, since that commits nothing", async () => {
    const job = await CheckpointJob.running({ interval: HOUR });
    job.held.add("subtask b/0");
    job.request({ kind: "SAVEPOINT", target: "/savepoints" });
    await job.settle();
    wait(job, "a/0");
    job.request({ kind: "SAVEPOINT", target: "/others" });
    await job.release();
    await job.advance(0);
    expect(job.storage.stored.map(({ kind }) => kind)).toEqual([
      "SAVEPOINT",
      "SAVEPOINT",
      "CHECKPOINT",
    ]);
  });
});
