import { describe, expect, it } from "vitest";
import {
  asyncMap,
  boundedOutOfOrderness,
  type CheckpointStorage,
  collectSink,
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  map,
  numberSequenceSource,
  process,
  type Sink,
  watermarkGenerator,
} from "../../src/index.js";
import { CountingResult, countingJob, countsOf } from "../support/counting-job.js";
import { Faults } from "../support/faulty-source.js";
import { Gate } from "../support/gate.js";
import { JobHarness } from "../support/job-harness.js";

const LAST = 40_000;
const NUMBERS = Array.from({ length: LAST + 1 }, (_, i) => i);
const source = (splits = 4) => numberSequenceSource({ from: 0, to: LAST, splits });

/** Holds a storage's answers back until it is released. */
function held(): CheckpointStorage & { release(): void } {
  const storage = new MemoryCheckpointStorage();
  const gate = new Gate();
  const storeSavepoint = storage.storeSavepoint.bind(storage);
  storage.storeSavepoint = async (data, target) => {
    await gate.pass();
    return storeSavepoint(data, target);
  };
  return Object.assign(storage, { release: () => gate.open() });
}

let fired = collectSink<string>();

/** Counts what it is given, and says how many watermarks it got and which came last. */
function watching(watermarks: number[]): JobDefinition {
  return defineJob("watching", (env) => {
    env
      .fromSource(
        source(),
        boundedOutOfOrderness<number>(0).withTimestampAssigner((n) => n),
      )
      .pipe(
        process<number, string>({
          name: "windows",
          create: () => ({
            processRecord() {},
            processWatermark(watermark, out) {
              watermarks.push(watermark);
              if (watermark === Number.POSITIVE_INFINITY) out.collect("fired");
            },
          }),
        }),
      )
      .sinkTo(fired);
  });
}

describe("stopping with a savepoint", () => {
  it("without drain emits no maximum watermark and fires nothing", async () => {
    fired = collectSink();
    const watermarks: number[] = [];
    const harness = await JobHarness.start(watching(watermarks), { parallelism: 2 });
    await harness.step(20);

    const savepoint = await harness.result(harness.handle.stop());
    const result = await harness.finish();

    expect(result).toMatchObject({ state: "FINISHED", savepoint });
    expect(savepoint).toMatchObject({ kind: "SAVEPOINT", checkpointId: 1 });
    expect(watermarks).not.toContain(Number.POSITIVE_INFINITY);
    expect(fired.records).toEqual([]);
  });

  it("with drain emits it once in each subtask, and event-time results come out", async () => {
    fired = collectSink();
    const watermarks: number[] = [];
    const harness = await JobHarness.start(watching(watermarks), { parallelism: 2 });
    await harness.step(20);

    await harness.result(harness.handle.stop({ drain: true }));
    const { status } = await harness.finish();

    expect(watermarks.filter((watermark) => watermark === Number.POSITIVE_INFINITY)).toHaveLength(
      2,
    );
    expect(fired.records).toEqual(["fired", "fired"]);
    const subtasks = status.pipelines[0]?.subtasks.map((subtask) => subtask.status);
    expect(subtasks?.map((subtask) => subtask?.watermark)).toEqual([Infinity, Infinity]);
  });

  it("lets nothing out behind its barrier, whatever timers fire meanwhile", async () => {
    const storage = held();
    const written: string[] = [];
    const sink: Sink<number> = {
      name: "journal",
      createWriter: () => ({
        write: (records) => void written.push(`records to ${records.at(-1)}`),
        writeWatermark: (watermark) => void written.push(`watermark ${watermark}`),
        flush: (endOfInput) => void written.push(endOfInput ? "end" : "barrier"),
      }),
    };
    const job = defineJob("quiet", (env) => {
      env
        .fromSource(
          source(),
          boundedOutOfOrderness<number>(0).withTimestampAssigner((n) => n),
        )
        .sinkTo(sink);
    });
    const harness = await JobHarness.start(job, {
      checkpoint: { storage },
      autoWatermarkInterval: 50,
    });
    await harness.step(30);
    const stopping = harness.handle.stop();
    await harness.advance(1000);
    storage.release();
    await harness.result(stopping);
    await harness.finish();

    expect(written.slice(written.indexOf("barrier"))).toEqual(["barrier", "end"]);
  });

  it("works while the sink holds the job back", async () => {
    const gate = new Gate();
    const written: number[] = [];
    const sink: Sink<number> = {
      name: "slow",
      createWriter: () => ({
        async write(records) {
          await gate.pass();
          written.push(...records);
        },
      }),
    };
    const job = defineJob("slow", (env) => {
      env.fromSource(source()).sinkTo(sink);
    });
    const storage = new MemoryCheckpointStorage();
    const harness = await JobHarness.start(job, { checkpoint: { storage } });
    await harness.advance(500);
    expect(harness.handle.status().pipelines[0]?.subtasks[0]?.status?.backPressured).toBe(true);

    const stopping = harness.handle.stop();
    await harness.advance(500);
    gate.open();
    const savepoint = await harness.result(stopping);
    const before = written.length;
    await harness.finish();
    expect(written).toHaveLength(before);
    expect(before).toBeLessThan(LAST);

    await JobHarness.run(job, { checkpoint: { storage }, fromSavepoint: savepoint.location });
    expect(written.sort((a, b) => a - b)).toEqual(NUMBERS);
  });

  it("that cannot be stored lets the job go on", async () => {
    const storage = new MemoryCheckpointStorage();
    storage.storeSavepoint = async () => {
      throw new Error("no space");
    };
    const sink = collectSink<number>();
    const job = defineJob("going-on", (env) => {
      env.fromSource(source()).sinkTo(sink);
    });
    const harness = await JobHarness.start(job, { checkpoint: { storage }, parallelism: 2 });
    await harness.step(20);

    await expect(harness.result(harness.handle.stop())).rejects.toMatchObject({
      code: "CHECKPOINT_ABORTED",
    });
    const { status, savepoint } = await harness.finish();

    expect(savepoint).toBeUndefined();
    expect(status.restarts).toBe(0);
    expect([...sink.records].sort((a, b) => a - b)).toEqual(NUMBERS);
  });

  it("that cannot be stored restarts the job when what it held back makes an operator fail", async () => {
    const storage = new MemoryCheckpointStorage();
    storage.storeSavepoint = async () => {
      throw new Error("no space");
    };
    const faults = new Faults();
    const gate = new Gate();
    const sink = collectSink<number>();
    const job = defineJob("held-back", (env) => {
      env
        .fromSource(source())
        .pipe(asyncMap({ name: "lookup", mode: "ordered", fn: (n) => gate.pass().then(() => n) }))
        .pipe(
          map((n) => {
            faults.check("map");
            return n;
          }),
        )
        .sinkTo(sink);
    });
    const harness = await JobHarness.start(job, {
      checkpoint: { storage },
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    await harness.step(20);
    faults.at("map");

    const stopping = harness.handle.stop();
    stopping.catch(() => {});
    await harness.step(2);
    gate.open();
    await expect(harness.result(stopping)).rejects.toMatchObject({ code: "CHECKPOINT_ABORTED" });
    const { status } = await harness.finish();

    expect(status).toMatchObject({ state: "FINISHED", restarts: 1 });
    expect(faults.hits).toEqual(["map"]);
    expect(new Set(sink.records).size).toBe(NUMBERS.length);
  });

  it("with drain that cannot be stored takes the job back to its last checkpoint", async () => {
    const storage = new MemoryCheckpointStorage();
    storage.storeSavepoint = async () => {
      throw new Error("no space");
    };
    const result = new CountingResult();
    const harness = await JobHarness.start(countingJob([source()], result, new Faults()), {
      checkpoint: { storage },
      parallelism: 2,
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    await harness.step(20);
    await harness.result(harness.handle.checkpoint());
    await harness.step(5);

    await expect(harness.result(harness.handle.stop({ drain: true }))).rejects.toMatchObject({
      code: "CHECKPOINT_ABORTED",
    });
    const { status, savepoint } = await harness.finish();

    expect(savepoint).toBeUndefined();
    expect(status.restarts).toBe(1);
    expect(status.lastError?.message).toContain("after the subtask had drained");
    expect(result.counts()).toEqual(countsOf(NUMBERS));
  });

  it("goes back with the whole job when one subtask fails while it is written", async () => {
    const storage = held();
    const faults = new Faults();
    const seen = new Set<number>();
    const strategy = watermarkGenerator<number>(() => ({
      onEvent() {},
      onPeriodicEmit: () => faults.check("timer"),
    }));
    const job = defineJob("half", (env) => {
      env.fromSource(source(), strategy).sinkTo({
        name: "seen",
        createWriter: () => ({
          write: (records) => {
            for (const record of records) seen.add(record);
          },
        }),
      });
    });
    const harness = await JobHarness.start(job, {
      checkpoint: { storage },
      parallelism: 2,
      autoWatermarkInterval: 50,
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    await harness.step(30);
    const stopping = harness.handle.stop();
    await harness.advance(200);
    faults.at("timer");
    await harness.advance(200);
    expect(harness.handle.status().state).toBe("RESTARTING");
    storage.release();
    await harness.result(stopping);
    const { savepoint, status } = await harness.finish();

    // The other one has stopped at the savepoint: alone the failed one would read half of the source.
    expect(savepoint).toBeUndefined();
    expect(status.pipelines[0]?.subtasks.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(seen.size).toBe(NUMBERS.length);
  });

  it("goes back with the whole job when one subtask fails behind it", async () => {
    const faults = new Faults();
    const result = new CountingResult();
    const job = defineJob("counting", (env) => {
      env.fromSource(source(), undefined, { id: "counted-0" }).sinkTo({
        name: "closing-badly",
        createWriter: ({ indexOfSubtask }) => ({
          write: (records) => {
            for (const record of records) result.seen.add(record);
          },
          close: () => {
            if (indexOfSubtask === 1) faults.check("close");
          },
        }),
      });
    });
    const harness = await JobHarness.start(job, {
      parallelism: 2,
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    await harness.step(20);
    faults.at("close");

    await harness.result(harness.handle.stop());
    const { status, savepoint } = await harness.finish();

    // The user has the savepoint, but the job could not be stopped with it: it ran to its end.
    expect(savepoint).toBeUndefined();
    expect(status.restarts).toBe(1);
    expect(status.pipelines[0]?.subtasks.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(result.seen.size).toBe(NUMBERS.length);
  });
});
