import { describe, expect, it } from "vitest";
import { CheckpointJob } from "./checkpoint-job.js";

describe("periodic checkpoints", () => {
  it("come at a fixed rate", async () => {
    const job = await CheckpointJob.running({ interval: 1000 });
    await job.advance(3500);
    expect(job.storage.stored.map((data) => data.triggeredAt - 1_000_000)).toEqual([
      1000, 2000, 3000,
    ]);
  });

  it("are skipped while one is pending", async () => {
    const job = await CheckpointJob.running({ interval: 1000 });
    job.held.add("subtask b/0");
    await job.advance(3500);
    expect(job.triggered()).toEqual([1]);
    await job.release();
    expect(job.storedIds()).toEqual([1]);
    await job.advance(500);
    expect(job.storedIds()).toEqual([1, 2]);
  });

  it("leave the least pause after the end of the last", async () => {
    const job = await CheckpointJob.running({ interval: 1000, minPause: 700 });
    job.held.add("subtask b/0");
    await job.advance(1800);
    await job.release();
    await job.advance(699);
    expect(job.storedIds()).toEqual([1]);
    await job.advance(1);
    expect(job.storage.stored.map((data) => data.triggeredAt - 1_000_000)).toEqual([1000, 2500]);
  });

  it("never come closer than the least pause, but requests need not wait", async () => {
    const job = await CheckpointJob.running({ interval: 100, minPause: 1000 });
    await job.advance(1000);
    job.request();
    job.request();
    await job.settle();
    expect(job.storedIds()).toEqual([1, 2, 3]);
    await job.advance(999);
    expect(job.storedIds()).toEqual([1, 2, 3]);
    await job.advance(1);
    expect(job.storedIds()).toEqual([1, 2, 3, 4]);
  });

  it("stop while a source is in backlog and its interval is 0, and go on after", async () => {
    const job = await CheckpointJob.running({ interval: 1000, intervalDuringBacklog: 0 });
    job.post({ type: "BacklogChanged", pipeline: "a", isProcessingBacklog: true });
    job.post({ type: "BacklogChanged", pipeline: "b", isProcessingBacklog: true });
    await job.advance(5000);
    job.post({ type: "BacklogChanged", pipeline: "a", isProcessingBacklog: false });
    await job.advance(5000);
    expect(job.storedIds()).toEqual([]);
    job.post({ type: "BacklogChanged", pipeline: "b", isProcessingBacklog: false });
    await job.settle();
    await job.advance(1000);
    expect(job.storedIds()).toEqual([1]);
  });

  it("take the longer interval of a backlog and come soon when it is over", async () => {
    const job = await CheckpointJob.running({ interval: 1000, intervalDuringBacklog: 10_000 });
    job.post({ type: "BacklogChanged", pipeline: "a", isProcessingBacklog: true });
    await job.settle();
    await job.advance(12_000);
    job.post({ type: "BacklogChanged", pipeline: "a", isProcessingBacklog: false });
    await job.settle();
    await job.advance(1000);
    expect(job.storage.stored.map((data) => data.triggeredAt - 1_000_000)).toEqual([
      1000, 11_000, 13_000,
    ]);
  });

  it("end the backlog of a pipeline that starts again", async () => {
    const job = await CheckpointJob.running({ interval: 1000, intervalDuringBacklog: 0 });
    job.post({ type: "BacklogChanged", pipeline: "b", isProcessingBacklog: true });
    await job.settle();
    job.replaceCoordinator("b");
    job.start("b", 0);
    await job.advance(1000);
    expect(job.storedIds()).toEqual([1]);
  });

  it("come although a subtask restarts more often than the interval", async () => {
    const job = await CheckpointJob.running({ interval: 1000 });
    for (let i = 0; i < 4; i++) {
      job.fail("a/0");
      await job.advance(300);
      job.start("a", 0);
      await job.advance(0);
    }
    expect(job.storedIds()).toEqual([1]);
  });
});
