import { describe, expect, it } from "vitest";
import {
  collectSink,
  defineJob,
  fixedDelayRestart,
  MemoryCheckpointStorage,
  type RunOptions,
} from "../../src/index.js";
import { Faults, faultySource } from "../support/faulty-source.js";
import { JobHarness } from "../support/job-harness.js";

const ALL = Array.from({ length: 400 }, (_, i) => i);
const sorted = (all: Iterable<number>): number[] => [...all].sort((a, b) => a - b);

/** A job of two subtasks, and a look at what happens to it, in order. */
function paused(faults = new Faults()) {
  const log: string[] = [];
  const storage = new MemoryCheckpointStorage();
  const sink = collectSink<number>();
  const job = defineJob("paused", (env) => {
    const source = faultySource({ faults, splits: 2, perSplit: 200, fetchSize: 5 });
    const createReader = source.createReader.bind(source);
    source.createReader = (context) => {
      const reader = createReader(context);
      const { pollNext, snapshotState } = reader;
      const subtask = context.indexOfSubtask;
      reader.pollNext = (output) => {
        log.push(`poll ${subtask}`);
        return pollNext.call(reader, output);
      };
      reader.snapshotState = (checkpointId) => {
        log.push(`barrier ${subtask}`);
        return snapshotState.call(reader, checkpointId);
      };
      return reader;
    };
    env.fromSource(source).sinkTo(sink);
  });
  const start = (options: RunOptions = {}) =>
    JobHarness.start(job, {
      parallelism: 2,
      ...options,
      checkpoint: { interval: "1h", storage, pauseUntilFirstCheckpoint: true },
    });
  return { log, sink, start };
}

/** The first thing that each subtask does. */
function firstOf(log: readonly string[], subtask: number): string | undefined {
  return log.find((line) => line.endsWith(` ${subtask}`));
}

describe("a job that pauses until its first checkpoint", () => {
  it("reads at once when there is nothing to restore", async () => {
    const { log, sink, start } = paused();
    await (await start()).finish();
    expect([firstOf(log, 0), firstOf(log, 1)]).toEqual(["poll 0", "poll 1"]);
    expect(sorted(sink.records)).toEqual(ALL);
  });

  it("reads nothing after a restore before the barrier of a checkpoint, which comes at once", async () => {
    const { log, sink, start } = paused();
    const first = await start();
    await first.until(() => sink.records.length > 20);
    const { location } = await first.result(first.handle.stop({ target: "here" }));
    await first.finish();
    log.length = 0;
    const resumed = await start({ fromSavepoint: location });
    await resumed.until(() => log.length > 0);
    expect(resumed.now).toBeLessThan(1000);
    const { status } = await resumed.finish();
    expect([firstOf(log, 0), firstOf(log, 1)]).toEqual(["barrier 0", "barrier 1"]);
    expect(status.completedCheckpoints).toBe(1);
    expect(sorted(sink.records)).toEqual(ALL);
  });

  it("does so after a failure, for the subtask that starts anew", async () => {
    const faults = new Faults();
    const { log, sink, start } = paused(faults);
    const harness = await start({ restartStrategy: fixedDelayRestart({ attempts: 3, delay: 5 }) });
    await harness.until(() => sink.records.length > 20);
    await harness.result(harness.handle.checkpoint());
    faults.at("SourceReader.pollNext");
    await harness.until(() => faults.hits.length === 1);
    const before = log.length;
    const failed = log.at(-1)?.at(-1) ?? "";
    const { status } = await harness.finish();
    expect(status.restarts).toBe(1);
    expect(firstOf(log.slice(before), Number(failed))).toBe(`barrier ${failed}`);
    expect(sorted(new Set(sink.records))).toEqual(ALL);
  });

  it("can be stopped with a savepoint meanwhile", async () => {
    const { log, sink, start } = paused();
    let harness = await start();
    await harness.until(() => sink.records.length > 20);
    for (let times = 0; times < 3; times++) {
      const { location } = await harness.result(harness.handle.stop({ target: "here" }));
      await harness.finish();
      log.length = 0;
      harness = await start({ fromSavepoint: location });
      await harness.until(() => log.length > 0);
    }
    await harness.finish();
    expect(sorted(sink.records)).toEqual(ALL);
  });

  it.each([
    [{}, "needs run.checkpoint.interval"],
    [{ interval: 5, intervalDuringBacklog: 0 }, "intervalDuringBacklog 0, not both"],
  ])("is refused with %j, since nothing would end the pause", async (checkpoint, message) => {
    const job = defineJob("paused", (env) => {
      const source = faultySource({ faults: new Faults(), splits: 1, perSplit: 1 });
      env.fromSource(source).sinkTo(collectSink());
    });
    await expect(
      job.run({ checkpoint: { ...checkpoint, pauseUntilFirstCheckpoint: true } }),
    ).rejects.toThrow(message);
  });
});
