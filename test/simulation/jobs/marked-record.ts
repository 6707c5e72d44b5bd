import { type ChunkOperator, process } from "../../../src/stream/index.js";
import type { World } from "../world.js";

/** A record and what was known when it came. */
export interface MarkedRecord {
  readonly record: number;
  /** No watermark that its subtask has gone on from, or has had since, is past it. */
  readonly isOnTime: boolean;
  /** Which attempt of a subtask it came to. */
  readonly attempt: number;
}

interface Attempts {
  next: number;
  /** The attempt of each subtask that marks now. */
  readonly current: Map<number, number>;
  /** The highest watermark of all but those at the end of the input. */
  highest: number;
}

const noAttempts = (): Attempts => ({
  next: 0,
  current: new Map(),
  highest: Number.NEGATIVE_INFINITY,
});
const attemptsOf = (world: World): Attempts => world.only(noAttempts);

/**
 * Says of each record whether it is on time for the operators behind. They go on from the lowest
 * watermark that the subtasks had at the restored checkpoint; each one of those is a bound for it.
 */
export function mark(world: World): ChunkOperator<number, MarkedRecord> {
  return process<number, MarkedRecord>({
    name: "mark",
    create({ indexOfSubtask, restoredStates }) {
      const { life } = world;
      const all = attemptsOf(world);
      const attempt = all.next++;
      all.current.set(indexOfSubtask, attempt);
      const restored = restoredStates.map((one) => (one as number | null) ?? -Infinity);
      let watermark = restored.length > 0 ? Math.min(...restored) : all.highest;
      return {
        processRecord(record, timestamp, out) {
          life.check("operator.process");
          out.collect({ record, isOnTime: timestamp > watermark, attempt });
        },
        processWatermark(next) {
          // The last one is not kept: after a drain the job may go on.
          if (next === Number.POSITIVE_INFINITY) return;
          watermark = Math.max(watermark, next);
          all.highest = Math.max(all.highest, next);
        },
        snapshotState() {
          life.check("operator.snapshot");
          return Number.isFinite(watermark) ? watermark : null;
        },
      };
    },
  });
}

/** Gives back the records; one that was on time must not have been overtaken by a watermark since. */
export function unmark(world: World): ChunkOperator<MarkedRecord, number> {
  return process<MarkedRecord, number>({
    name: "unmark",
    create({ indexOfSubtask }) {
      const { current } = attemptsOf(world);
      let watermark = Number.NEGATIVE_INFINITY;
      return {
        processRecord({ record, isOnTime, attempt }, timestamp, out) {
          // One of a restored attempt came before watermarks that are not known any more.
          const isOfNow = attempt === current.get(indexOfSubtask);
          if (isOnTime && isOfNow && timestamp <= watermark) {
            world.violation(`watermark ${watermark} has overtaken the result of record ${record}`);
          }
          out.collect(record, timestamp);
        },
        processWatermark(next) {
          watermark = next;
        },
      };
    },
  });
}
