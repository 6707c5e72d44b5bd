/**
 * A week of earthquakes, in the order in which they became known.
 *
 *     npx headwater run docs/examples/04-earthquakes.ts
 *
 * A quake is published minutes to days after it shook: the records come out of order. The watermark
 * stays a day behind the time of publication; a window of six hours is printed when the watermark
 * has passed it, and what comes later still is counted. Try LATENESS=0 (hours) and look at
 * the last column.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  collection,
  defineJob,
  map,
  printSink,
  tumblingWindow,
  watermarkGenerator,
} from "headwater";

interface Quake {
  readonly place: string;
  readonly mag: number | null;
  /** When it shook and when it was last written about, milliseconds since the epoch. */
  readonly time: number;
  readonly updated: number;
}

interface Summary {
  readonly quakes: number;
  readonly strongest: number;
  readonly where: string;
}

const HOUR = 3_600_000;
const LATENESS = Number(process.env.LATENESS ?? "24") * HOUR;

const byPublication = watermarkGenerator<Quake>(() => ({
  onEvent: (quake, _time, output) => output.emitWatermark(quake.updated - LATENESS),
  onPeriodicEmit() {},
})).withTimestampAssigner((quake) => quake.time);

/** Read anew for each attempt, so that a restored job finds the same quakes in the same order. */
function quakes(): Quake[] {
  const dataset = dirname(createRequire(import.meta.url).resolve("vega-datasets"));
  const json = readFileSync(join(dataset, "../data/earthquakes.json"), "utf8");
  const { features } = JSON.parse(json) as { features: { properties: Quake }[] };
  return features.map(({ properties }) => properties).sort((a, b) => a.updated - b.updated);
}

function together(a: Summary, b: Summary): Summary {
  const { strongest, where } = b.strongest > a.strongest ? b : a;
  return { quakes: a.quakes + b.quakes, strongest, where };
}

function line(start: number, { quakes, strongest, where }: Summary, late: number): string {
  const from = new Date(start).toISOString().slice(0, 13).replace("T", " ");
  return `${from}h  ${String(quakes).padStart(3)} quakes  strongest ${strongest.toFixed(1)}  ${where}  (${late} late so far)`;
}

export default defineJob("earthquakes", (env) => {
  env
    .fromSource(collection(quakes), byPublication)
    .pipe(
      tumblingWindow<Quake, string, Summary>({
        name: "six-hours",
        size: 6 * HOUR,
        keyOf: () => "world",
        aggregate: {
          create: () => ({ quakes: 0, strongest: 0, where: "" }),
          add: (summary, { mag, place }) =>
            together(summary, { quakes: 1, strongest: mag ?? 0, where: place }),
          merge: together,
        },
      }),
      map(({ start, value, late }) => line(start, value, late)),
    )
    .sinkTo(printSink());
});
