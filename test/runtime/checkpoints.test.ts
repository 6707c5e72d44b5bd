import { describe, expect, it } from "vitest";
import {
  collectSink,
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  numberSequenceSource,
  process,
  type Sink,
} from "../../src/index.js";
import { CountingResult, countingJob, countsOf } from "../support/counting-job.js";
import { Faults } from "../support/faulty-source.js";
import { Gate } from "../support/gate.js";
import { JobHarness } from "../support/job-harness.js";

const LAST = 40_000;
const NUMBERS = Array.from({ length: LAST + 1 }, (_, i) => i);
const source = () => numberSequenceSource({ from: 0, to: LAST, splits: 4 });

function counting(result: CountingResult): JobDefinition {
  return countingJob([source()], result, new Faults());
}

describe("a checkpoint", () => {
  it("is taken on demand while the job runs", async () => {
    const storage = new MemoryCheckpointStorage();
    const harness = await JobHarness.start(counting(new CountingResult()), {
      checkpoint: { storage },
      parallelism: 2,
    });
    await harness.step(20);
    const [first, second] = await harness.result(
      Promise.all([harness.handle.checkpoint(), harness.handle.savepoint("mine")]),
    );

    expect(first).toMatchObject({ checkpointId: 1, kind: "CHECKPOINT" });
    expect(second).toMatchObject({ checkpointId: 2, kind: "SAVEPOINT" });
    expect(second.location).toContain("mine");
    expect((await storage.load(first.location)).pipelines["counted-0"]?.parallelism).toBe(2);
    expect((await harness.finish()).status.completedCheckpoints).toBe(2);
  });

  it.each([1, 2, 3, 4])(
    "taken at parallelism 2 restores the uninterrupted result at parallelism %i",
    async (parallelism) => {
      const storage = new MemoryCheckpointStorage();
      const result = new CountingResult();
      const harness = await JobHarness.start(counting(result), {
        checkpoint: { storage },
        parallelism: 2,
      });
      await harness.step(25);
      const { location } = await harness.result(harness.handle.checkpoint());
      await harness.step(10);
      await harness.result(harness.handle.cancel());
      await harness.finish();

      result.forget();
      const resumed = await JobHarness.start(counting(result), {
        checkpoint: { storage },
        parallelism,
        resume: true,
      });
      const { status } = await resumed.finish();

      expect(status.restoredFrom).toBe(location);
      expect(result.counts()).toEqual(countsOf(NUMBERS));
    },
  );

  it("holds the state of subtasks that have finished before it, also after a restart", async () => {
    const gate = new Gate();
    const storage = new MemoryCheckpointStorage();
    const faults = new Faults();
    const job = defineJob("finished-early", (env) => {
      for (const [id, to] of [
        ["short", 10],
        ["long", 10 * LAST],
      ] as const) {
        env
          .fromSource(numberSequenceSource({ from: 0, to }), undefined, { id })
          .pipe(
            process<number, string>({
              name: "sum",
              create: ({ restoredStates }) => {
                let sum = (restoredStates as number[]).reduce((all, one) => all + one, 0);
                return {
                  processRecord(n, _timestamp, out) {
                    if (id === "long") faults.check("long");
                    sum += n;
                    if (n % 100 === 99) out.collect("more");
                  },
                  processWatermark(_watermark, out) {
                    out.collect(`${id} ${sum}`);
                  },
                  snapshotState: () => sum,
                };
              },
            }),
          )
          .sinkTo({
            name: "held",
            createWriter: () => ({
              write: async (records) => {
                results.push(...records.filter((record) => record !== "more"));
                if (id === "long") await gate.pass();
              },
            }),
          });
      }
    });
    const results: string[] = [];
    const harness = await JobHarness.start(job, {
      checkpoint: { storage },
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    const states = () =>
      harness.handle.status().pipelines.map(({ subtasks }) => subtasks[0]?.status?.state);
    await harness.until(() => `${states()}` === "CLOSED,RUNNING");
    expect(results).toEqual(["short 55"]);

    const checkpointing = harness.handle.checkpoint();
    await harness.advance(10);
    gate.open();
    const { location } = await harness.result(checkpointing);
    const { pipelines } = await storage.load(location);
    expect(pipelines.short?.subtasks[0]).toMatchObject({ finished: true });
    expect(pipelines.long?.subtasks[0]).toMatchObject({ finished: false });

    faults.at("long");
    expect((await harness.finish()).status.restarts).toBe(1);
    const longSum = (10 * LAST * (10 * LAST + 1)) / 2;
    expect(results.at(-1)).toBe(`long ${longSum}`);

    results.length = 0;
    await JobHarness.run(job, { checkpoint: { storage }, fromSavepoint: location });
    expect([...results].sort()).toEqual([`long ${longSum}`, "short 55"]);
  });

  it("is aborted and counted when a flush takes longer than the timeout", async () => {
    let flushes = 0;
    const sink: Sink<number> = {
      name: "hanging",
      createWriter: () => ({
        write() {},
        flush: (endOfInput) =>
          !endOfInput && ++flushes === 1 ? new Promise<void>(() => {}) : undefined,
      }),
    };
    const job = defineJob("hanging", (env) => {
      env.fromSource(source()).sinkTo(sink);
    });
    const harness = await JobHarness.start(job, {
      checkpoint: { timeout: "5s", tolerableFailures: 0 },
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    await harness.step(20);

    await expect(harness.result(harness.handle.checkpoint())).rejects.toThrow(
      "it took longer than the timeout",
    );
    const { status, metrics } = await harness.finish();

    expect(metrics["checkpoint.numberOfFailedCheckpoints"]).toBe(1);
    expect(status).toMatchObject({
      restarts: 1,
      lastError: { code: "CHECKPOINT_FAILURES_EXCEEDED" },
    });
  });

  it("is declined, and the job goes on, when an operator's state cannot be taken", async () => {
    let broken = true;
    const sink = collectSink<number>();
    const job = defineJob("declining", (env) => {
      env
        .fromSource(source())
        .pipe(
          process<number, number>({
            name: "sometimes",
            create: () => ({
              processRecord: (record, _timestamp, out) => out.collect(record),
              snapshotState: () => {
                if (broken) throw new Error("not now");
                return null;
              },
            }),
          }),
        )
        .sinkTo(sink);
    });
    const harness = await JobHarness.start(job, { checkpoint: { tolerableFailures: 1 } });
    await harness.step(20);
    await expect(harness.result(harness.handle.checkpoint())).rejects.toMatchObject({
      code: "CHECKPOINT_ABORTED",
    });
    broken = false;
    await harness.result(harness.handle.checkpoint());
    const { status } = await harness.finish();

    expect(status.completedCheckpoints).toBe(1);
    expect(status.restarts).toBe(0);
    expect([...sink.records].sort((a, b) => a - b)).toEqual(NUMBERS);
  });

  it("may fail as often in a row as is tolerable", async () => {
    const storage = new MemoryCheckpointStorage();
    const store = storage.store.bind(storage);
    let failures = 2;
    storage.store = async (data) => {
      if (failures-- > 0) throw new Error("no space");
      return store(data);
    };
    const harness = await JobHarness.start(counting(new CountingResult()), {
      checkpoint: { storage, tolerableFailures: 2 },
    });
    await harness.step(20);
    for (let i = 0; i < 2; i++) {
      await expect(harness.result(harness.handle.checkpoint())).rejects.toThrow(
        "it could not be stored",
      );
    }
    await harness.result(harness.handle.checkpoint());
    expect((await harness.finish()).status).toMatchObject({ restarts: 0, completedCheckpoints: 1 });
  });

  it("that cannot be stored while the job ends does not fail it", async () => {
    const gate = new Gate();
    const storage = new MemoryCheckpointStorage();
    storage.store = async () => {
      await gate.pass();
      throw new Error("no space");
    };
    const ending = new Gate();
    const job = defineJob("ending", (env) => {
      env
        .fromSource({
          ...source(),
          createEnumerator: (context) => {
            const enumerator = source().createEnumerator(context);
            enumerator.close = () => ending.pass();
            return enumerator;
          },
        })
        .sinkTo(collectSink());
    });
    const harness = await JobHarness.start(job, { checkpoint: { storage } });
    await harness.step(20);
    const checkpointing = harness.handle.checkpoint().catch((error: unknown) => error);
    await harness.until(() => harness.handle.status().state === "FINISHING");
    gate.open();
    await harness.advance(100);
    ending.open();

    expect((await harness.finish()).state).toBe("FINISHED");
    expect(await checkpointing).toMatchObject({
      code: "CHECKPOINT_ABORTED",
      message: "checkpoint 1 was aborted: it could not be stored",
    });
  });

  it("is taken again and again at its interval", async () => {
    const sink: Sink<number> = { name: "slow", createWriter: () => ({ write: () => wait() }) };
    const waiting: (() => void)[] = [];
    const wait = (): Promise<void> =>
      new Promise((resolve) => {
        waiting.push(resolve);
      });
    const job = defineJob("periodic", (env) => {
      env.fromSource(source()).sinkTo(sink);
    });
    const harness = await JobHarness.start(job, { checkpoint: { interval: "1s" }, tick: 0.01 });
    const seen: number[] = [];
    for (let i = 0; i < 30; i++) {
      await harness.advance(250);
      for (const resolve of waiting.splice(0)) resolve();
      await harness.settle();
      seen.push(harness.handle.status().completedCheckpoints);
    }
    await harness.result(harness.handle.cancel());
    await harness.finish();

    expect(seen.at(-1)).toBeGreaterThanOrEqual(2);
    expect(new Set(seen).size).toBe((seen.at(-1) as number) + 1);
  });
});
