import { describe, expect, it } from "vitest";
import {
  defineJob,
  explain,
  type JobDefinition,
  MemoryCheckpointStorage,
  monotonousTimestamps,
  type Sink,
} from "../../src/index.js";
import { manySplitsSource } from "../bench/jobs/many-splits-source.js";
import { JobHarness } from "../support/job-harness.js";

const SPLITS = 2_000;
const RECORDS = 200_000;

type ManySplits = ReturnType<typeof manySplitsSource>;

/** How often each number has come; each split counts from 0. */
function counting(source: ManySplits, counts: number[]): JobDefinition {
  const sink: Sink<number> = {
    name: "counts",
    createWriter: () => ({
      write: (records) => {
        for (const record of records) counts[record] = (counts[record] ?? 0) + 1;
      },
    }),
  };
  return defineJob("many", (env) => {
    env.fromSource(source, monotonousTimestamps<number>()).sinkTo(sink);
  });
}

const storage = () =>
  new MemoryCheckpointStorage({}, { defer: (callback) => queueMicrotask(callback) });

describe("a job with two thousand splits", () => {
  it("goes on from a savepoint with exactly the rest of each split", async () => {
    const source = manySplitsSource(RECORDS, SPLITS);
    const counts: number[] = [];
    const kept = storage();
    const first = await JobHarness.start(counting(source, counts), {
      checkpoint: { storage: kept },
    });
    await first.until(() => counts.length > 0);
    const { location } = await first.result(first.handle.stop({ target: "mine" }));
    await first.finish();
    const [subtask] = (await kept.load(location)).pipelines["source-0"]?.subtasks ?? [];
    expect(subtask?.splits.splits.length).toBeGreaterThan(SPLITS / 2);
    expect(counts).not.toEqual(Array.from({ length: RECORDS / SPLITS }, () => SPLITS));
    await JobHarness.run(counting(source, counts), {
      checkpoint: { storage: kept },
      fromSavepoint: location,
    });
    expect(counts).toEqual(Array.from({ length: RECORDS / SPLITS }, () => SPLITS));
  });

  it("goes on without a checkpoint whose last splits cannot be serialized", async () => {
    const source = manySplitsSource(RECORDS, SPLITS);
    let broken = false;
    const { splitSerializer } = source;
    const fragile: ManySplits = {
      ...source,
      splitSerializer: {
        ...splitSerializer,
        serialize: (split) => {
          if (broken && split.splitId === `split-${SPLITS - 1}`) throw new Error("no bytes");
          return splitSerializer.serialize(split);
        },
      },
    };
    const counts: number[] = [];
    const harness = await JobHarness.start(counting(fragile, counts), {
      checkpoint: { storage: storage(), tolerableFailures: 1 },
    });
    await harness.until(() => counts.length > 0);
    broken = true;
    const refused: unknown = await harness
      .result(harness.handle.checkpoint())
      .catch((error: unknown) => error);
    expect(explain(refused)).toContain("split-1999 could not be serialized: no bytes");
    broken = false;
    await harness.result(harness.handle.checkpoint());
    await harness.finish();
    expect(counts).toEqual(Array.from({ length: RECORDS / SPLITS }, () => SPLITS));
  });
});
