/** Sums what it reads; its names and its source are what the environment says. */
import { setTimeout } from "node:timers/promises";
import { type AnySource, defineJob, elements, numberSequenceSource, process } from "headwater";

const {
  SLOW,
  NAME = "changing",
  PIPELINE = "numbers",
  OPERATOR = "sum",
  SOURCE,
} = globalThis.process.env;
const NUMBERS = 400_000;

export default defineJob(NAME, (env) => {
  const numbers: AnySource<number> = numberSequenceSource({ from: 1, to: NUMBERS });
  const source: AnySource<number> = SOURCE === "elements" ? elements(1) : numbers;
  env
    .fromSource(source, undefined, { id: PIPELINE })
    .pipe(
      process<number, number>({
        name: OPERATOR,
        create: ({ restoredStates }) => {
          let sum = (restoredStates as number[]).reduce((all, one) => all + one, 0);
          return {
            processRecord(n, _timestamp, out) {
              sum += n;
              if (SLOW === "1" && n % 1000 === 0) out.collect(0);
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
            else await setTimeout(40);
          }
        },
      }),
    });
});
