import { describe, expect, it } from "vitest";
import {
  collectSink,
  defineJob,
  type JobDefinition,
  MemoryCheckpointStorage,
  numberSequenceSource,
} from "../../src/index.js";
import { keyedProcess } from "../../src/state/index.js";
import { JobHarness } from "../support/job-harness.js";

/** More than one slice, and less than a checkpoint is encoded in at once. */
const KEYS = 1300;
const NUMBERS = 200_000;

function job(out: number[]): JobDefinition {
  const sink = collectSink<number>();
  return defineJob("large", (env) => {
    env
      .fromSource(numberSequenceSource({ from: 0, to: NUMBERS - 1, splits: 2 }))
      .pipe(
        keyedProcess<number, number, string, { numbers: number }>({
          name: "sums",
          keyOf: (n) => `key ${n % KEYS}`,
          state: () => ({ numbers: 0 }),
          merge: (a, b) => ({ numbers: a.numbers + b.numbers }),
          onRecord(_n, ctx) {
            if (!ctx.hasState) ctx.timers.registerEventTimeTimer(Number.POSITIVE_INFINITY);
            ctx.state.numbers++;
          },
          onTimer: (_time, ctx) => ctx.collect(ctx.state.numbers),
        }),
      )
      .sinkTo({
        ...sink,
        createWriter: () => ({ write: (records) => void out.push(...(records as number[])) }),
      });
  });
}

describe("state of thousands of keys", () => {
  it("becomes bytes while the job reads on, and is what it was at the barrier", async () => {
    const storage = new MemoryCheckpointStorage();
    const out: number[] = [];
    const first = await JobHarness.start(job(out), { checkpoint: { storage }, parallelism: 1 });
    await first.step(40);
    expect(first.hasEnded).toBe(false);
    const { location } = await first.result(first.handle.savepoint("large"));
    expect(first.hasEnded).toBe(false);
    await first.finish();
    expect(out.reduce((a, b) => a + b, 0)).toBe(NUMBERS);

    out.length = 0;
    await JobHarness.run(job(out), {
      checkpoint: { storage },
      fromSavepoint: location,
      parallelism: 3,
    });
    expect(out.reduce((a, b) => a + b, 0)).toBe(NUMBERS);
  });
});
