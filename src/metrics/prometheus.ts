import * as v from "valibot";
import type { MetricReading } from "../api/metrics.js";
import { parseOptions, wholeNumber } from "../options/parse-options.js";
import { boundSeries, DEFAULT_MAX_SPLITS } from "./bounded-series.js";
import type { MeteredJob } from "./metered-job.js";
import { describeMetric } from "./metric-catalogue.js";
import { loadPromClient, type PromClient } from "./prom-client.js";

/** What `prometheusText` may be told. */
export interface PrometheusOptions {
  /** Splits and partitions told one by one; those left out are counted. Default 200. */
  readonly maxSplits?: number;
}

const PREFIX = "headwater";

export const prometheusEntries = {
  maxSplits: v.optional(wholeNumber(0), DEFAULT_MAX_SPLITS),
};

const schema = v.optional(v.strictObject(prometheusEntries), {});

/**
 * A job's metrics in Prometheus's text format 0.0.4, as Flink's reporter names them: `headwater_`, the
 * groups, the name; the job, pipeline, subtask, split, topic and partition are labels.
 *
 * Throws DRIVER_MISSING without prom-client, OPTION_INVALID.
 */
export async function prometheusText(
  job: MeteredJob,
  options?: PrometheusOptions,
): Promise<string> {
  const { maxSplits } = parseOptions("prometheusText", schema, options);
  return textOf(await loadPromClient(), job, maxSplits);
}

/** The text for one look; a registry of its own, so that what has gone is gone from it too. */
async function textOf(client: PromClient, job: MeteredJob, maxSplits: number): Promise<string> {
  const { readings, leftOut } = boundSeries(job.metricReadings(), maxSplits);
  const registry = new client.Registry();
  for (const [name, series] of byName(readings)) {
    addMetric(client, registry, name, series, job.jobName);
  }
  new client.Gauge({
    name: `${PREFIX}_splitsLeftOut`,
    help: "splits and partitions that there was no room for: see maxSplits",
    labelNames: ["job"],
    registers: [registry],
  }).set({ job: job.jobName }, leftOut);
  return registry.metrics();
}

function addMetric(
  client: PromClient,
  registry: InstanceType<PromClient["Registry"]>,
  name: string,
  series: readonly MetricReading[],
  job: string,
): void {
  const [first] = series as readonly [MetricReading, ...MetricReading[]];
  const about = describeMetric(first);
  const labelled = series.map(({ labels, value }) => ({
    labels: { job, ...named(labels) },
    value,
  }));
  const configuration = {
    name,
    help: about === undefined ? first.name : helpOf(about.meaning, about.unit),
    labelNames: [...new Set(labelled.flatMap(({ labels }) => Object.keys(labels)))],
    registers: [registry],
  };
  if ((about?.kind ?? first.kind) === "gauge") {
    const gauge = new client.Gauge(configuration);
    for (const { labels, value } of labelled) gauge.set(labels, value);
    return;
  }
  const counter = new client.Counter(configuration);
  // A count below 0 would be a bug of whoever counts; Prometheus has none.
  for (const { labels, value } of labelled) counter.inc(labels, Math.max(0, value));
}

function helpOf(meaning: string, unit: string): string {
  return unit === "" ? meaning : `${meaning} (${unit === "time" ? "ms since 1970" : unit})`;
}

/** Name in Prometheus → its readings. */
function byName(readings: readonly MetricReading[]): ReadonlyMap<string, readonly MetricReading[]> {
  const names = new Map<string, MetricReading[]>();
  for (const reading of readings) {
    const name = prometheusName(reading);
    const series = names.get(name);
    if (series === undefined) names.set(name, [reading]);
    else series.push(reading);
  }
  return names;
}

/** `subtask.split` and `currentWatermark` → `headwater_subtask_split_currentWatermark`. */
function prometheusName({ scope, name }: MetricReading): string {
  return [PREFIX, ...(scope === "" ? [] : [scope]), name].join("_").replaceAll(/[^\w:]/g, "_");
}

/** A label's name has letters, digits and underscores, and `job` is the job. */
function named(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => {
      const plain = name.replaceAll(/\W/g, "_").replace(/^(?=\d|$)/, "_");
      return [plain === "job" ? "exported_job" : plain, value];
    }),
  );
}
