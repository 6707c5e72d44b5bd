import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { slidingWindow, tumblingWindow, type WindowResult } from "../../../src/state/index.js";
import { type ChunkOperator, process } from "../../../src/stream/index.js";
import { placeOf, timestampOf } from "../log.js";
import { logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import type { World } from "../world.js";
import { type MarkedRecord, mark } from "./marked-record.js";
import type { SimulatedJob } from "./simulated-job.js";
import { WindowModel, type WindowShape } from "./window-model.js";

type Result = WindowResult<string, number[]>;

/** Windows of other shapes in each seed: tumbling or sliding, moved, with lateness. */
function shapeOf({ plan: { seed } }: World): WindowShape {
  return {
    size: 30,
    slide: seed % 2 === 0 ? 30 : 10,
    offset: seed % 3 === 0 ? 7 : 0,
    allowedLateness: seed % 5 === 0 ? 20 : 0,
  };
}

const keyOf = ({ record }: MarkedRecord): string => `key ${placeOf(record) % 3}`;

function windows(world: World, model: WindowModel): ChunkOperator<MarkedRecord, Result | number> {
  const { slide, ...shape } = shapeOf(world);
  const options = {
    ...shape,
    name: "windows",
    keyOf,
    aggregate: {
      create: (): number[] => [],
      add(seen: number[], { record, isOnTime }: MarkedRecord): number[] {
        seen.push(model.itemOf(record, isOnTime));
        return seen;
      },
      merge: (a: number[], b: number[]): number[] => [...a, ...b],
    },
    late: ({ record, isOnTime }: MarkedRecord) => model.lateResult(model.itemOf(record, isOnTime)),
  };
  return slide === shape.size ? tumblingWindow(options) : slidingWindow({ ...options, slide });
}

/** Takes windows apart, so that each of their records can be counted; looks at their time. */
function takeApart(world: World, model: WindowModel): ChunkOperator<Result | number, number> {
  return process<Result | number, number>({
    name: "take apart",
    create() {
      let watermark = Number.NEGATIVE_INFINITY;
      return {
        processRecord(result, timestamp, out) {
          if (typeof result === "number") {
            out.collect(result);
            return;
          }
          const { key, start, end, value } = result;
          const { allowedLateness } = model.shape;
          if (timestamp !== end - 1 || timestamp + allowedLateness <= watermark) {
            world.violation(`watermark ${watermark} has overtaken window ${start} to ${end}`);
          }
          for (const item of value) {
            const record = model.recordOf(item);
            if (keyOf({ record, isOnTime: true, attempt: 0 }) !== key) {
              world.violation(`record ${record} is in a window of ${key}`);
            }
            out.collect(model.result(start, item));
          }
        },
        processWatermark(next) {
          watermark = next;
        },
      };
    },
  });
}

/** Windows a key, of records of which some come too late; in transactions. */
export const windowsJob: SimulatedJob = {
  define: (world) => {
    const model = new WindowModel(shapeOf(world));
    return defineJob("simulated", (env) => {
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .pipe(mark(world))
        .pipe(windows(world, model))
        .pipe(takeApart(world, model))
        .sinkTo(transactionalSink(world, { keepsOrder: false, keepsTime: false }));
    });
  },
  check: (world) => {
    const { log, sink } = world;
    const mistakes = new WindowModel(shapeOf(world)).mistakes(
      log.records,
      timestampOf,
      sink.committed,
    );
    for (const mistake of mistakes) world.violation(mistake);
  },
};
