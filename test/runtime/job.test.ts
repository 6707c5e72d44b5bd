import { describe, expect, it } from "vitest";
import {
  boundedOutOfOrderness,
  collectSink,
  defineJob,
  elements,
  filter,
  map,
  numberSequenceSource,
  process,
  type Sink,
} from "../../src/index.js";
import { JobHarness } from "../support/job-harness.js";

const sequence = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const ascending = (a: number, b: number): number => a - b;

describe("a job", () => {
  it("of a few lines runs and finishes", async () => {
    const sink = collectSink<string>();
    const job = defineJob("few-lines", (env) => {
      env
        .fromSource(elements(1, 2, 3, 4))
        .pipe(
          filter((n) => n % 2 === 0),
          map((n) => `even ${n}`),
        )
        .sinkTo(sink);
    });

    const result = await JobHarness.run(job);

    expect(sink.records).toEqual(["even 2", "even 4"]);
    expect(result.state).toBe("FINISHED");
    expect(result.savepoint).toBeUndefined();
    expect(result.status.lastError).toBeUndefined();
  });

  it.each([1, 2, 3, 4])(
    "reads every record once, each split in order, at parallelism %i",
    async (parallelism) => {
      const sink = collectSink<number>();
      const job = defineJob("in-order", (env) => {
        env.fromSource(numberSequenceSource({ from: 0, to: 4999, splits: 5 })).sinkTo(sink);
      });

      await JobHarness.run(job, { parallelism });

      expect([...sink.records].sort(ascending)).toEqual(sequence(0, 4999));
      for (let split = 0; split < 5; split++) {
        const ofSplit = sink.records.filter((n) => Math.floor(n / 1000) === split);
        expect(ofSplit).toEqual(sequence(split * 1000, split * 1000 + 999));
      }
    },
  );

  it("runs several pipelines, each with its own parallelism", async () => {
    const numbers = collectSink<number>();
    const words = collectSink<string>();
    const job = defineJob("several", (env) => {
      env
        .fromSource(numberSequenceSource({ from: 1, to: 100 }), undefined, { parallelism: 3 })
        .sinkTo(numbers);
      env.fromSource(elements("a", "b"), undefined, { id: "words" }).sinkTo(words);
    });

    const { status } = await JobHarness.run(job, { parallelism: 2 });

    expect([...numbers.records].sort(ascending)).toEqual(sequence(1, 100));
    expect(words.records).toEqual(["a", "b"]);
    expect(status.pipelines.map(({ id, parallelism }) => [id, parallelism])).toEqual([
      ["source-0", 3],
      ["words", 2],
    ]);
  });

  it("gives each subtask its own operator state and index", async () => {
    const sink = collectSink<[number, number, number]>();
    const job = defineJob("indexes", (env) => {
      env
        .fromSource(numberSequenceSource({ from: 1, to: 300, splits: 6 }))
        .pipe(
          process<number, [number, number, number]>({
            name: "count",
            create: ({ indexOfSubtask, currentParallelism }) => {
              let count = 0;
              return {
                processRecord() {
                  count++;
                },
                processWatermark(watermark, out) {
                  if (watermark === Number.POSITIVE_INFINITY)
                    out.collect([indexOfSubtask, currentParallelism, count]);
                },
              };
            },
          }),
        )
        .sinkTo(sink);
    });

    await JobHarness.run(job, { parallelism: 3 });

    expect(sink.records.map(([index]) => index).sort()).toEqual([0, 1, 2]);
    expect(sink.records.every(([, parallelism]) => parallelism === 3)).toBe(true);
    expect(sink.records.reduce((sum, [, , count]) => sum + count, 0)).toBe(300);
  });

  it("never lets a watermark overtake a record at the sink", async () => {
    const violations: string[] = [];
    let watermarks = 0;
    let records = 0;
    const sink: Sink<number> = {
      name: "checking",
      createWriter: () => {
        let now = Number.NEGATIVE_INFINITY;
        return {
          async write(values, timestamps) {
            await Promise.resolve();
            for (const [i, value] of values.entries()) {
              records++;
              if ((timestamps[i] as number) <= now) violations.push(`${value} after ${now}`);
            }
          },
          writeWatermark(watermark) {
            if (watermark < now) violations.push(`watermark ${watermark} after ${now}`);
            now = watermark;
            watermarks++;
          },
        };
      },
    };
    const strategy = boundedOutOfOrderness<number>("10ms").withTimestampAssigner((n) => n);
    const job = defineJob("watermarks", (env) => {
      env
        .fromSource(numberSequenceSource({ from: 0, to: 20_000 }), strategy)
        .pipe(filter((n) => n % 3 !== 0))
        .sinkTo(sink);
    });

    const harness = await JobHarness.start(job, { parallelism: 2, autoWatermarkInterval: 1 });
    while (!harness.hasEnded) {
      await harness.step(3);
      harness.advanceOneTimer();
    }
    await harness.end();

    expect(violations).toEqual([]);
    expect(records).toBe(13_334);
    expect(watermarks).toBeGreaterThan(4);
  });

  it("holds two sources of one alignment group together", async () => {
    const drifts: number[] = [];
    const seen = new Map<string, number>();
    const strategy = boundedOutOfOrderness<number>(0)
      .withTimestampAssigner((n) => n)
      .withWatermarkAlignment({ group: "both", maxDrift: 500, updateInterval: 1 });
    const observer = (id: string): Sink<number> => ({
      name: id,
      createWriter: () => ({
        write(values) {
          for (const value of values) seen.set(id, value);
          if (seen.size === 2) {
            drifts.push(Math.abs((seen.get("fast") as number) - (seen.get("slow") as number)));
          }
          // The slow one takes its time, so that only alignment can hold the fast one back.
          return id === "slow" ? slowly() : undefined;
        },
      }),
    });
    const waiting: (() => void)[] = [];
    const slowly = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
    const job = defineJob("aligned", (env) => {
      for (const id of ["fast", "slow"]) {
        env
          .fromSource(numberSequenceSource({ from: 0, to: 9999 }), strategy, { id })
          .sinkTo(observer(id));
      }
    });

    const harness = await JobHarness.start(job, { autoWatermarkInterval: 1 });
    while (!harness.hasEnded) {
      await harness.step(2);
      harness.advanceOneTimer();
      waiting.shift()?.();
    }
    await harness.end();

    expect(seen).toEqual(
      new Map([
        ["fast", 9999],
        ["slow", 9999],
      ]),
    );
    // Without alignment the fast source is at its end before the slow one's second chunk. In flight
    // to the slow sink are eight chunks, which alignment does not see.
    expect(Math.max(...drifts)).toBeLessThan(9000);
  });
});

describe("a job that is refused before anything runs", () => {
  const sink = collectSink<number>();
  it("has nothing to do", async () => {
    await expect(JobHarness.start(defineJob("empty", () => {}))).rejects.toMatchObject({
      code: "JOB_INVALID",
      message: "job empty: has no source that ends in a sink",
    });
  });

  it("has a stream without a sink", async () => {
    const job = defineJob("open", (env) => {
      env.fromSource(elements(1));
    });
    await expect(JobHarness.start(job)).rejects.toThrow("source-0 has no sink");
  });

  it("has two pipelines with one id", async () => {
    const job = defineJob("twice", (env) => {
      env.fromSource(elements(1), undefined, { id: "x" }).sinkTo(sink);
      env.fromSource(elements(1), undefined, { id: "x" }).sinkTo(sink);
    });
    await expect(JobHarness.start(job)).rejects.toThrow("two pipelines have the id x");
  });
});
