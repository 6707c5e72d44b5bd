import { defineJob, discardSink, map, monotonousTimestamps } from "../../../src/index.js";
import type { JobHandle } from "../../../src/runtime/index.js";
import { runDefinition } from "../../../src/runtime/index.js";
import { pacedAt } from "../../../src/runtime/pace.js";
import { manySplitsSource } from "../../bench/jobs/many-splits-source.js";
import type { Cleanup } from "../../control/control-harness.js";

const ENDLESS = 1e12;
/** Event time between the two groups. */
const APART = 2000;

export interface AlignedJobOptions {
  readonly name?: string;
  readonly id?: string;
  readonly splits?: number;
  readonly parallelism?: number;
  readonly pace?: number;
  readonly idOf?: (split: number) => string;
  /** Records that are fetched at a time. */
  readonly batch?: number;
}

/**
 * A job that goes on until it is cancelled: every other split begins later in event time than the rest
 * may be ahead, and a split is read in long runs, so alignment pauses and resumes all of them for ever.
 */
export async function alignedJob(
  cleanup: Cleanup,
  {
    name = "aligned",
    id = "numbers",
    splits = 8,
    parallelism = 2,
    pace = 20_000,
    idOf,
    batch,
  }: AlignedJobOptions = {},
): Promise<JobHandle> {
  const strategy = monotonousTimestamps<number>()
    .withTimestampAssigner((record) => record)
    .withWatermarkAlignment({ group: "test", maxDrift: 500, updateInterval: "20ms" });
  const firstOf = (split: number) => (split % 2) * APART;
  const job = defineJob(name, (env) => {
    env
      .fromSource(manySplitsSource(ENDLESS, splits, firstOf, idOf, batch), strategy, { id })
      .pipe(map((record: number) => record + 1))
      .sinkTo(discardSink());
  });
  const options = { parallelism, autoWatermarkInterval: "20ms" as const };
  const handle = await runDefinition(job, options, pacedAt(pace));
  cleanup.add(() => handle.cancel());
  return handle;
}
