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

/** A storage that writes when it is told to. */
class HeldStorage extends MemoryCheckpointStorage {
  isHeld = true;
  readonly #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  release(): void {
    this.isHeld = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  override async store(...args: Parameters<MemoryCheckpointStorage["store"]>) {
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return super.store(...args);
  }
}

function start(faults: Faults, storage: MemoryCheckpointStorage, options: RunOptions = {}) {
  const sink = collectSink<number>();
  const job = defineJob("paused", (env) => {
    env.fromSource(faultySource({ faults, splits: 2, perSplit: 200 })).sinkTo(sink);
  });
  const harness = JobHarness.start(job, {
    parallelism: 2,
    ...options,
    checkpoint: { interval: "1h", storage, pauseUntilFirstCheckpoint: true },
  });
  return { sink, harness };
}

describe("a job that pauses until its first checkpoint", () => {
  it("takes that at once, and reads nothing before it is durable", async () => {
    const storage = new HeldStorage();
    const { sink, harness: starting } = start(new Faults(), storage);
    const harness = await starting;
    await harness.until(() => storage.waiting === 1);
    await harness.step(200);
    expect(harness.now).toBeLessThan(1000);
    expect(sink.records).toEqual([]);
    storage.release();
    const { status } = await harness.finish();
    expect(status.completedCheckpoints).toBe(1);
    expect([...sink.records].sort((a, b) => a - b)).toEqual(ALL);
  });

  it("does so again after a failure, for the subtasks that start anew", async () => {
    const storage = new HeldStorage();
    storage.isHeld = false;
    const faults = new Faults().at("SourceReader.pollNext", 1, 3);
    const { sink, harness: starting } = start(faults, storage, {
      restartStrategy: fixedDelayRestart({ attempts: 3, delay: 5 }),
    });
    const harness = await starting;
    await harness.until(() => faults.hits.length === 1);
    storage.isHeld = true;
    await harness.until(() => storage.waiting === 1);
    const before = sink.records.length;
    await harness.step(100);
    expect(harness.handle.status().state).toBe("RUNNING");
    expect(sink.records.length - before).toBeLessThan(400);
    storage.release();
    const { status } = await harness.finish();
    expect(status).toMatchObject({ restarts: 1, completedCheckpoints: 2 });
    expect([...new Set(sink.records)].sort((a, b) => a - b)).toEqual(ALL);
  });

  it("reads on after a first checkpoint that failed, when the next completes", async () => {
    const storage = new MemoryCheckpointStorage();
    let failures = 1;
    const store = storage.store.bind(storage);
    storage.store = async (data) => {
      if (failures-- > 0) throw new Error("no space left");
      return store(data);
    };
    const sink = collectSink<number>();
    const job = defineJob("paused", (env) => {
      env.fromSource(faultySource({ faults: new Faults(), splits: 2, perSplit: 200 })).sinkTo(sink);
    });
    const harness = await JobHarness.start(job, {
      checkpoint: { interval: 50, storage, tolerableFailures: 1, pauseUntilFirstCheckpoint: true },
    });
    await harness.until(() => sink.records.length > 0);
    expect(failures).toBe(-1);
    await harness.finish();
    expect([...sink.records].sort((a, b) => a - b)).toEqual(ALL);
  });

  it("can be stopped with a savepoint meanwhile", async () => {
    const storage = new HeldStorage();
    const { sink, harness: starting } = start(new Faults(), storage);
    const harness = await starting;
    await harness.until(() => storage.waiting === 1);
    const stopping = harness.handle.stop({ target: "here" });
    storage.release();
    const { location } = await harness.result(stopping);
    await harness.finish();
    const resumed = await JobHarness.start(
      defineJob("paused", (env) => {
        env
          .fromSource(faultySource({ faults: new Faults(), splits: 2, perSplit: 200 }))
          .sinkTo(sink);
      }),
      { checkpoint: { storage }, fromSavepoint: location },
    );
    await resumed.finish();
    expect([...sink.records].sort((a, b) => a - b)).toEqual(ALL);
  });

  it("needs periodic checkpoints", async () => {
    const job = defineJob("paused", (env) => {
      env
        .fromSource(faultySource({ faults: new Faults(), splits: 1, perSplit: 1 }))
        .sinkTo(collectSink());
    });
    await expect(job.run({ checkpoint: { pauseUntilFirstCheckpoint: true } })).rejects.toThrow(
      "run.checkpoint.pauseUntilFirstCheckpoint needs run.checkpoint.interval",
    );
  });
});
