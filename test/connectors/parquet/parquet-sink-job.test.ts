import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { describe, expect, it } from "vitest";
import { parquetSink } from "../../../src/connectors/parquet/index.js";
import { defineJob, fixedDelayRestart, map } from "../../../src/index.js";
import { faultySink, SINK_PLACES } from "../../files/sink/faulty-sink.js";
import { openFilesBelow } from "../../files/sink/open-files.js";
import { namesIn, sinkFolder } from "../../files/sink/sink-folder.js";
import { Faults, faultySource } from "../../support/faulty-source.js";
import { JobHarness } from "../../support/job-harness.js";

interface Row {
  readonly n: number;
  readonly pad: string;
}

const rowOf = (n: number): Row => ({ n, pad: "x".repeat(n % 50) });

/** Virtual milliseconds to one real one: timeouts must not pass while a disk is slow. */
const HASTE = 10;

const plan = fc.record({
  delivery: fc.constantFrom("at-least-once" as const, "exactly-once" as const),
  splits: fc.integer({ min: 1, max: 4 }),
  perSplit: fc.integer({ min: 1, max: 200 }),
  parallelism: fc.integer({ min: 1, max: 3 }),
  interval: fc.integer({ min: 10, max: 80 }),
  rowGroupSize: fc.integer({ min: 5, max: 100 }),
  maxPartBytes: fc.option(fc.integer({ min: 300, max: 3000 }), { nil: undefined }),
  failures: fc.uniqueArray(
    fc.record({
      place: fc.constantFrom(...SINK_PLACES, "SourceReader.pollNext"),
      after: fc.integer({ min: 0, max: 15 }),
    }),
    { maxLength: 4, selector: ({ place }) => place },
  ),
});

/** The rows of all finished files, which are whole. */
async function finishedRows(path: string): Promise<readonly number[]> {
  const names = namesIn(path).filter((name) => !name.startsWith("."));
  const files = names.map(async (name) => {
    const { buffer } = Uint8Array.from(readFileSync(join(path, name)));
    return (await parquetReadObjects({ file: buffer })) as unknown as Row[];
  });
  const rows = (await Promise.all(files)).flat();
  for (const row of rows) expect(row).toEqual(rowOf(row.n));
  return rows.map(({ n }) => n).sort((a, b) => a - b);
}

describe("a job that writes Parquet files", () => {
  it("loses nothing whatever fails, and exactly-once repeats nothing", {
    timeout: 120_000,
  }, async () => {
    let failed = 0;
    const property = fc.asyncProperty(plan, async (given) => {
      const { splits, perSplit, failures, parallelism, interval, delivery } = given;
      const { rowGroupSize, maxPartBytes } = given;
      const path = sinkFolder();
      const faults = new Faults();
      const isExact = delivery === "exactly-once";
      for (const { place, after } of failures) faults.at(place, 1, after);
      const sink = parquetSink<Row>({
        path,
        delivery,
        sync: false,
        rowGroupSize,
        columns: { n: "int32", pad: "string" },
        ...(maxPartBytes !== undefined && { maxPartBytes }),
      });
      const job = defineJob("numbers-to-parquet", (env) => {
        env
          .fromSource(faultySource({ faults, splits, perSplit, fetchSize: 5 }))
          .pipe(map(rowOf))
          .sinkTo(isExact ? faultySink(sink, faults) : sink);
      });
      const harness = await JobHarness.start(job, {
        parallelism,
        checkpoint: { interval },
        restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 5 }),
      });
      const [start, realStart] = [harness.now, performance.now()];
      let seen: readonly number[] = [];
      for (let turn = 0; !harness.hasEnded; turn++) {
        await harness.step(1);
        const elapsed = (performance.now() - realStart) * HASTE;
        if (harness.now - start < elapsed) harness.advanceOneTimer();
        await new Promise(setImmediate);
        if (turn % 100 !== 0) continue;
        const now = await finishedRows(path);
        const there = new Set(now);
        if (isExact) expect(there.size).toBe(now.length);
        expect(seen.every((n) => there.has(n))).toBe(true);
        seen = now;
      }
      await harness.finish();
      const rows = await finishedRows(path);
      const all = Array.from({ length: splits * perSplit }, (_, n) => n);
      expect(isExact ? rows : [...new Set(rows)]).toEqual(all);
      expect(namesIn(path).filter((name) => name.startsWith("."))).toEqual([]);
      expect(openFilesBelow(path)).toEqual([]);
      failed += faults.hits.length;
    });
    await fc.assert(property, { numRuns: 15 });
    expect(failed).toBeGreaterThan(0);
  });
});
