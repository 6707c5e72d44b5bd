import { monotonousTimestamps } from "../../../src/index.js";
import { type Benchmark, type Contestant, times } from "../benchmark.js";
import { manySplitsSource } from "../jobs/many-splits-source.js";
import { timedJob } from "../jobs/timed-job.js";

const COUNT = 60_000_000;
const SPLITS = 100;

/**
 * Split i starts i × a tenth of its length later, so a tenth of the splits may be read at a time. The
 * drift is what is read in several intervals: otherwise the intervals would be measured, as the limit
 * moves only after a watermark, a report and an announcement.
 */
const read =
  (aligned: boolean): Contestant =>
  (scale) => {
    const size = (COUNT * scale) / SPLITS;
    const plain = monotonousTimestamps<number>();
    return timedJob(
      manySplitsSource(COUNT * scale, SPLITS, (split) => Math.floor((split * size) / 10)),
      aligned
        ? plain.withWatermarkAlignment({
            group: "bench",
            maxDrift: size,
            updateInterval: "20ms",
          })
        : plain,
      (x) => x + 1,
      { run: { autoWatermarkInterval: "20ms", checkpoint: { interval: "1s" } } },
    );
  };

export const alignment: Benchmark = {
  work: "alignment of 100 splits with skew",
  contestants: { aligned: read(true), unaligned: read(false) },
  goals: [times("time without alignment", "aligned", "unaligned", { atMost: 1.1 })],
};
