import type { FigureSample } from "../protocol.js";
import { Chart, type ChartOptions, type Point } from "./chart.js";
import { byId, element, setText } from "./element.js";
import { count, duration, eventTime, shortCount } from "./format.js";
import type { JobModel } from "./job-model.js";
import { LanesView } from "./lanes-view.js";
import { SkewChart } from "./skew-chart.js";
import { TimeWindow } from "./time-window.js";

type Figure = readonly [ChartOptions, (sample: FigureSample) => number | null];

const percent = (value: number) => `${Math.round(value)} %`;

const CHARTS: readonly Figure[] = [
  [
    { title: "Records per second", unit: shortCount, least: 10 },
    ({ recordsPerSecond }) => recordsPerSecond,
  ],
  [{ title: "Event-time skew", unit: duration, least: 1000 }, ({ skew }) => skew],
  [{ title: "Splits paused", unit: count, least: 4 }, ({ paused }) => paused],
  [
    { title: "Back-pressured subtasks", unit: percent, least: 100 },
    ({ backPressured, subtasks }) => (subtasks === 0 ? 0 : (100 * backPressured) / subtasks),
  ],
  [
    { title: "Pending records", unit: shortCount, least: 10 },
    ({ pipelines }) =>
      pipelines.reduce<number | null>(
        (sum, { pendingRecords }) => (pendingRecords === null ? sum : (sum ?? 0) + pendingRecords),
        null,
      ),
  ],
];

/** Owns: the first view: figures over time, watermarks, and what each split does. */
export class OverviewView {
  readonly #model: JobModel;
  readonly #window: TimeWindow;
  readonly #charts = CHARTS.map(([options, value]) => ({ chart: new Chart(options), value }));
  readonly #skew: SkewChart;
  readonly #lanes: LanesView;
  readonly #error = new ErrorNote();

  constructor(model: JobModel, choose: (id: string) => void) {
    this.#model = model;
    this.#window = new TimeWindow(() => model.now);
    this.#skew = new SkewChart(model);
    this.#lanes = new LanesView(model, choose);
    byId("overview").append(
      this.#error.node,
      element("div", { class: "charts" }, ...this.#charts.map(({ chart }) => chart.node)),
      element(
        "div",
        { class: "panel-head" },
        element("h2", {}, "Watermarks"),
        element("span", { class: "note" }, "event time of every split over the job's clock"),
        this.#window.controls,
      ),
      this.#skew.node,
      ...this.#lanes.nodes,
    );
  }

  draw(): void {
    const { figures, now } = this.#model;
    const { from, to } = this.#window.at(now);
    for (const { chart, value } of this.#charts) {
      const points: Point[] = [];
      for (const sample of figures) {
        const number = value(sample);
        if (number !== null) points.push({ time: sample.time, value: number });
      }
      chart.node.hidden = points.length === 0;
      if (points.length > 0) chart.draw(points, from, to);
    }
    this.#skew.draw(from, to);
    this.#lanes.draw(from, to);
    this.#error.draw(this.#model);
  }
}

/** Why the job has failed or restarted last: what went wrong first, then what that led to. */
class ErrorNote {
  readonly node = element("div", { class: "error", role: "alert", hidden: true });
  readonly #root = element("p", { class: "root-cause" });
  readonly #chain = element("p");

  constructor() {
    this.node.append(this.#root, this.#chain);
  }

  draw({ figures, ended }: JobModel): void {
    const { lastError, state, restarts } = figures.at(-1) ?? {};
    const message = lastError?.message ?? ended?.error;
    this.node.hidden = message === undefined;
    if (message === undefined) return;
    const causes = lastError?.causes ?? [];
    const isRestart = (restarts ?? 0) > 0 && state !== "FAILED" && state !== "FAILING";
    setText(this.#root, `${isRestart ? "Last restart: " : ""}${causes.at(-1) ?? message}`);
    const before = [message, ...causes.slice(0, -1)].reverse();
    const chain = causes.length === 0 ? "" : `which led to: ${before.join(" ← ")}`;
    setText(this.#chain, `${chain}${lastError === undefined ? "" : ` (${lastError.code})`}`.trim());
  }
}

/** What the head of the page says of the job. */
export function headline(model: JobModel): readonly (readonly [string, string])[] {
  const sample = model.figures.at(-1);
  if (sample === undefined) return [];
  return [
    ["records", count(sample.records)],
    ["per second", shortCount(sample.recordsPerSecond)],
    ["watermark", eventTime(sample.watermark)],
    ["splits", `${count(sample.splits)}, ${sample.paused} paused`],
    ["restarts", count(sample.restarts)],
    ["checkpoints", count(model.checkpoints?.completed ?? 0)],
  ];
}
