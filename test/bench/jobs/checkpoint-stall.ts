import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { defineJob, map, monotonousTimestamps, type Sink } from "../../../src/index.js";
import type { Measurement } from "../benchmark.js";
import { manySplitsSource } from "./many-splits-source.js";

const CHECKPOINTS = 20;

/**
 * Checkpoints on demand, into a directory, while a job reads flat out: how long each takes, and the
 * longest time that no chunk reached the sink meanwhile.
 */
export async function checkpointStall(splits: number): Promise<Measurement> {
  const directory = mkdtempSync(join(tmpdir(), "headwater-bench-"));
  const gaps = new GapSink();
  const job = defineJob("bench", (env) => {
    env
      .fromSource(manySplitsSource(1e12, splits), monotonousTimestamps())
      .pipe(map((x: number) => x + 1))
      .sinkTo(gaps);
  });
  const handle = await job.run({ checkpoint: { directory } });
  const started = performance.now();
  const durations: number[] = [];
  const stalls: number[] = [];
  const idle: number[] = [];
  try {
    while (handle.status().state !== "RUNNING") await pause(10);
    for (let i = 0; i < CHECKPOINTS; i++) {
      gaps.longest = 0;
      await pause(100);
      idle.push(gaps.longest);
      gaps.longest = 0;
      const before = performance.now();
      await handle.checkpoint();
      durations.push(performance.now() - before);
      stalls.push(gaps.longest);
    }
  } finally {
    await handle.cancel();
    rmSync(directory, { recursive: true });
  }
  const ms = performance.now() - started;
  return {
    ms,
    values: {
      checkpointMs: median(durations),
      stoppedMs: median(stalls),
      stoppedWithoutMs: median(idle),
      worstStoppedMs: Math.max(...stalls),
    },
  };
}

/** Sees the longest time between two chunks. */
class GapSink implements Sink<unknown> {
  readonly name = "gaps";
  longest = 0;
  #last = performance.now();

  createWriter() {
    return {
      write: () => {
        const now = performance.now();
        this.longest = Math.max(this.longest, now - this.#last);
        this.#last = now;
      },
    };
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
