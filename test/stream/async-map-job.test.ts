import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  numberSequenceSource,
  type Sink,
} from "../../src/index.js";
import type { Pipeline } from "../../src/runtime/pipeline.js";
import {
  type AsyncMapOptions,
  type AsyncMode,
  asyncMap,
  type ChunkOperator,
  fixedDelayRetry,
  isStateful,
} from "../../src/stream/index.js";
import { CountingResult, countingJob, countsOf } from "../support/counting-job.js";
import { Faults, faultySource } from "../support/faulty-source.js";
import { Gate } from "../support/gate.js";
import { JobHarness } from "../support/job-harness.js";
import { describeError } from "./async-map-lab.js";

type Numbers = AsyncMapOptions<number, number>;

/** The options of a job with operators in front of its own. */
function behind(...operators: readonly ChunkOperator<number, number>[]) {
  return {
    change: (pipelines: readonly Pipeline[]): readonly Pipeline[] =>
      pipelines.map((pipeline) => ({
        ...pipeline,
        operators: [...(operators as unknown as Pipeline["operators"]), ...pipeline.operators],
      })),
  };
}

function collecting(written: number[], write?: () => Promise<void>): Sink<number> {
  return {
    name: "collecting",
    createWriter: () => ({
      async write(records) {
        await write?.();
        written.push(...records);
      },
    }),
  };
}

function lookupJob(count: number, sink: Sink<number>, options: Partial<Numbers>): JobDefinition {
  const lookup = asyncMap<number, number>({
    name: "lookup",
    mode: "ordered",
    fn: async (n) => n,
    ...options,
  });
  return defineJob("lookups", (env) => {
    env
      .fromSource(numberSequenceSource({ from: 1, to: count }))
      .pipe(lookup)
      .sinkTo(sink);
  });
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe("asyncMap in a job", () => {
  it("is known as stateful, by its name", () => {
    const operator: unknown = asyncMap({ name: "x", mode: "ordered", fn: async (n) => n });
    expect(isStateful(operator) && operator.operatorName).toBe("x");
  });

  it("passes all records through several of them in their order", async () => {
    const written: number[] = [];
    const second = asyncMap<number, number>({
      name: "second",
      mode: "ordered",
      fn: async (n) => n,
    });
    const job = lookupJob(5000, collecting(written), { capacity: 7 });
    await JobHarness.run(job, behind(second));
    expect(written).toEqual(upTo(5000));
  });

  it("stops the source while it is full, and checkpoints pass although nothing is answered", async () => {
    const gate = new Gate();
    let started = 0;
    const written: number[] = [];
    const job = lookupJob(100_000, collecting(written), {
      capacity: 10,
      async fn(n) {
        started++;
        await gate.pass();
        return n;
      },
    });
    const harness = await JobHarness.start(job, { tick: 0.01 });
    await harness.advance(1000);
    const subtask = () => harness.handle.status().pipelines[0]?.subtasks[0]?.status;
    expect(started).toBe(10);
    expect(subtask()).toMatchObject({ backPressured: true });
    // The chunks of all credits: one has begun, and none gives its credit back.
    expect(subtask()?.records).toBeLessThanOrEqual(8 * 1024);
    await harness.result(harness.handle.checkpoint());
    await harness.result(harness.handle.checkpoint());
    expect([started, written.length]).toEqual([10, 0]);
    gate.open();
    await harness.finish();
    expect(written).toEqual(upTo(100_000));
  });

  it("does not outrun a slow sink, though results have no credit of their own", async () => {
    const gate = new Gate();
    let started = 0;
    const written: number[] = [];
    const job = lookupJob(
      100_000,
      collecting(written, () => gate.pass()),
      {
        capacity: 100,
        async fn(n) {
          started++;
          return n;
        },
      },
    );
    const harness = await JobHarness.start(job, { tick: 0.01 });
    await harness.advance(1000);
    expect(started).toBeLessThanOrEqual(9 * 1024);
    gate.open();
    await harness.finish();
    expect(written).toEqual(upTo(100_000));
  });

  it("names the operator, the subtask and what failed", async () => {
    const job = lookupJob(10, collecting([]), {
      async fn() {
        throw new Error("no route");
      },
      retry: {
        strategy: fixedDelayRetry({ attempts: 1, delay: "1s" }),
        onError() {
          throw new Error("bad handler");
        },
      },
    });
    const error = await (await JobHarness.start(job)).failure();
    expect(error.code).toBe("OPERATOR_FAILED");
    expect(describeError(error)).toMatch(
      /operator lookup failed in subtask 0 of pipeline .*retry\.onError threw < bad handler/s,
    );
  });

  it("fails at a timeout, and restarts from its checkpoint with what was in flight", async () => {
    const written: number[] = [];
    let hangs = true;
    const job = lookupJob(20, collecting(written), {
      mode: "unordered",
      timeout: "5s",
      fn: (n) => (n === 3 && hangs ? new Promise(() => {}) : Promise.resolve(n)),
    });
    const harness = await JobHarness.start(job, {
      tick: 0.01,
      checkpoint: { interval: 1000 },
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 10 }),
    });
    await harness.advance(4000);
    expect(written.length).toBe(19);
    hangs = false;
    await harness.finish();
    expect(new Set(written)).toEqual(new Set(upTo(20)));
    expect(written.filter((n) => n === 3)).toEqual([3]);
  });

  it("aborts every call and leaves nothing behind when the job is cancelled", async () => {
    const signals: AbortSignal[] = [];
    const job = lookupJob(50, collecting([]), {
      timeout: "1h",
      fn: (_n, { signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      },
    });
    const harness = await JobHarness.start(job);
    await harness.advance(100);
    expect(signals.map(({ aborted }) => aborted)).toEqual(signals.map(() => false));
    harness.handle.cancel();
    await harness.end();
    expect(signals.length).toBe(50);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });

  it.each([false, true])(
    "stops and goes on without loss or repetition, drain: %s",
    async (drain) => {
      // Its state is large enough to be encoded in slices.
      const storage = new MemoryCheckpointStorage({}, { defer: (callback) => callback() });
      const written: number[] = [];
      const gates: (() => void)[] = [];
      // More than the credits let in: a job whose source has ended cannot be stopped.
      const job = lookupJob(20_000, collecting(written), {
        capacity: 500,
        fn: (n) => new Promise((resolve) => void gates.push(() => resolve(n))),
      });
      const answerWhile = async (harness: JobHarness, isGoingOn: () => boolean): Promise<void> => {
        while (isGoingOn()) {
          for (const answer of gates.splice(0, 400)) answer();
          await harness.advance(10);
        }
      };
      const first = await JobHarness.start(job, { checkpoint: { storage } });
      await answerWhile(first, () => written.length < 1000);
      const stopping = first.handle.stop({ drain });
      await answerWhile(first, () => !first.hasEnded);
      const { location } = await stopping;
      await first.finish();
      expect(written.length).toBeLessThan(20_000);
      const before = written.length;
      gates.length = 0;

      const second = await JobHarness.start(job, {
        checkpoint: { storage },
        fromSavepoint: location,
      });
      await answerWhile(second, () => !second.hasEnded);
      await second.finish();
      expect(before).toBeGreaterThanOrEqual(1000);
      expect(written).toEqual(upTo(20_000));
    },
  );
});

interface Plan {
  readonly mode: AsyncMode;
  readonly capacity: number;
  readonly parallelism: readonly [number, number];
  readonly interval: number;
  readonly turns: readonly number[];
  readonly failures: readonly number[];
  readonly stopAfter: number;
  readonly drain: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  mode: fc.constantFrom<AsyncMode>("ordered", "unordered"),
  capacity: fc.integer({ min: 1, max: 40 }),
  parallelism: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  interval: fc.integer({ min: 1, max: 60 }),
  turns: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 9 }),
  failures: fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 3 }),
  stopAfter: fc.integer({ min: 0, max: 300 }),
  drain: fc.boolean(),
});

describe("the state behind an asyncMap", () => {
  it("is exactly-once, whatever fails whenever and wherever the job is stopped", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const faults = new Faults();
        const result = new CountingResult();
        const [good, ...more] = given.failures;
        if (good !== undefined) faults.at("fn", 1, good);
        if (more[0] !== undefined) faults.at("operator", 1, more[0]);
        if (more[1] !== undefined) faults.at("SourceReader.pollNext", 1, more[1] % 40);
        let calls = 0;
        const lookup = asyncMap<number, number>({
          name: "lookup",
          mode: given.mode,
          capacity: given.capacity,
          async fn(n) {
            const turns = given.turns[calls++ % given.turns.length] as number;
            for (let i = 0; i < turns; i++) await Promise.resolve();
            faults.check("fn");
            return n;
          },
        });
        const source = faultySource({ faults, splits: 4, perSplit: 60 });
        const storage = new MemoryCheckpointStorage();
        const start = (parallelism: number, fromSavepoint?: string): Promise<JobHarness> => {
          result.forget();
          return JobHarness.start(countingJob([source], result, faults), {
            ...behind(lookup),
            parallelism,
            autoWatermarkInterval: 10,
            restartStrategy: fixedDelayRestart({ attempts: 100, delay: 5 }),
            checkpoint: { storage, interval: given.interval, tolerableFailures: 100 },
            ...(fromSavepoint !== undefined && { fromSavepoint }),
          });
        };
        let harness = await start(given.parallelism[0]);
        await harness.step(given.stopAfter);
        if (!harness.hasEnded) {
          const stopping = harness.handle.stop({ drain: given.drain }).catch(() => undefined);
          const savepoint = await harness.result(stopping);
          if (savepoint !== undefined && (await harness.finish()).savepoint !== undefined) {
            harness = await start(given.parallelism[1], savepoint.location);
          }
        }
        await harness.finish();
        expect(result.counts()).toEqual(countsOf(upTo(240).map((n) => n - 1)));
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
