import { performance } from "node:perf_hooks";
import {
  defineJob,
  discardSink,
  type JobHandle,
  map,
  type RunOptions,
  type Sink,
  type Source,
  type SourceSplit,
  type WatermarkStrategy,
} from "../../../src/index.js";
import type { Measurement } from "../benchmark.js";

/** The work that every row shares: one operator, watermarks on, a checkpoint every second. */
export async function timedJob<T, SplitT extends SourceSplit, E>(
  source: Source<T, SplitT, E>,
  strategy: WatermarkStrategy<T>,
  project: (record: T) => unknown,
  options: {
    readonly run?: RunOptions;
    readonly sink?: Sink<unknown>;
    /** Its time counts. */
    readonly started?: (handle: JobHandle) => Promise<void>;
  } = {},
): Promise<Measurement> {
  const job = defineJob("bench", (env) => {
    env
      .fromSource(source, strategy)
      .pipe(map(project))
      .sinkTo(options.sink ?? discardSink());
  });
  const started = performance.now();
  const handle = await job.run({ checkpoint: { interval: "1s" }, ...options.run });
  await options.started?.(handle);
  const result = await handle.done;
  const ms = performance.now() - started;
  const records = result.status.pipelines
    .flatMap((pipeline) => pipeline.subtasks)
    .reduce((sum, subtask) => sum + (subtask.status?.records ?? 0), 0);
  return { ms, records, values: { checkpoints: result.status.completedCheckpoints } };
}
