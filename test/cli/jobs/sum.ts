/** Sums numbers; slow enough to be interrupted when SLOW is set. The sum is printed at the end. */
import { setTimeout } from "node:timers/promises";
import { boundedOutOfOrderness, defineJob, numberSequenceSource, process } from "headwater";

const SLOW = globalThis.process.env.SLOW === "1";
const NUMBERS = 2_000_000;

export default defineJob("sum", (env) => {
  env
    .fromSource(
      numberSequenceSource({ from: 1, to: NUMBERS }),
      boundedOutOfOrderness<number>(0).withTimestampAssigner((n) => n),
    )
    .pipe(
      process<number, number>({
        name: "sum",
        create: ({ restoredStates }) => {
          let sum = (restoredStates as number[]).reduce((all, one) => all + one, 0);
          return {
            processRecord(n, _timestamp, out) {
              sum += n;
              if (SLOW && n % 1000 === 0) out.collect(0);
            },
            processWatermark(watermark, out) {
              if (watermark === Number.POSITIVE_INFINITY) out.collect(sum);
            },
            snapshotState: () => sum,
          };
        },
      }),
    )
    .sinkTo({
      name: "total",
      createWriter: () => ({
        async write(records) {
          for (const record of records) {
            if (record > 0) globalThis.process.stdout.write(`sum ${record}\n`);
            else await setTimeout(5);
          }
        },
      }),
    });
});
