import type {
  BatchObservableResult,
  Meter,
  Observable,
  ObservableCounter,
  ObservableGauge,
} from "@opentelemetry/api";
import * as v from "valibot";
import type { MetricKind, MetricReading } from "../api/metrics.js";
import { peerMissing } from "../errors/index.js";
import { expecting } from "../options/expecting.js";
import { parseOptions, wholeNumber } from "../options/parse-options.js";
import { boundSeries, DEFAULT_MAX_SPLITS } from "./bounded-series.js";
import type { MeteredJob } from "./metered-job.js";
import { describeMetric, METRIC_CATALOGUE, type MetricUnit } from "./metric-catalogue.js";

/** What `observeMetrics` may be told. */
export interface ObserveMetricsOptions {
  /** Default: that of `@opentelemetry/api`'s global provider, by the name `headwater`. */
  readonly meter?: Meter;
  /** Splits and partitions told one by one. Default 200. */
  readonly maxSplits?: number;
}

/** Observed metrics. */
export interface ObservedMetrics {
  /** Tells nothing any more; the job's last values stay readable until then. */
  close(): void;
}

type Instrument = ObservableCounter | ObservableGauge;

const schema = v.optional(
  v.strictObject({
    meter: v.optional(
      expecting<Meter>(
        (value) => typeof (value as Meter | undefined)?.createObservableGauge === "function",
        "a Meter of @opentelemetry/api",
      ),
    ),
    maxSplits: v.optional(wholeNumber(0), DEFAULT_MAX_SPLITS),
  }),
  {},
);

/** As UCUM writes them. */
const UNITS: Readonly<Record<MetricUnit, string>> = {
  records: "{record}",
  bytes: "By",
  ms: "ms",
  "ms/s": "ms/s",
  "records/s": "{record}/s",
  time: "ms",
  "": "1",
};

/**
 * Tells a job's metrics to OpenTelemetry as observable counters and gauges, read when a reader of its
 * provider collects: `headwater.subtask.numRecordsIn` with attributes job, pipeline, subtask, split …
 *
 * Throws DRIVER_MISSING without a meter and without @opentelemetry/api, OPTION_INVALID.
 */
export async function observeMetrics(
  job: MeteredJob,
  options?: ObserveMetricsOptions,
): Promise<ObservedMetrics> {
  const { meter, maxSplits } = parseOptions("observeMetrics", schema, options);
  return new JobInstruments(job, meter ?? (await globalMeter()), maxSplits);
}

async function globalMeter(): Promise<Meter> {
  const { metrics } = await import("@opentelemetry/api").catch((cause: unknown) => {
    throw peerMissing(
      "metrics for OpenTelemetry need @opentelemetry/api",
      "@opentelemetry/api",
      cause,
    );
  });
  return metrics.getMeter("headwater");
}

/**
 * Owns: one instrument for each name. Called by: the meter, when a reader collects.
 * Invariants: a metric of a name not seen before gets its instrument at one collection and is told
 * from the next one on; those of the catalogue are told from the first.
 */
class JobInstruments implements ObservedMetrics {
  readonly #job: MeteredJob;
  readonly #meter: Meter;
  readonly #maxSplits: number;
  readonly #instruments = new Map<string, Instrument>();
  #observed: Observable[] = [];
  #closed = false;
  readonly #observe = (result: BatchObservableResult): void => this.#tell(result);

  constructor(job: MeteredJob, meter: Meter, maxSplits: number) {
    this.#job = job;
    this.#meter = meter;
    this.#maxSplits = maxSplits;
    for (const { scope, name, kind } of METRIC_CATALOGUE) {
      if (!scope.startsWith("*")) this.#add({ scope, name, kind });
    }
    for (const reading of job.metricReadings()) this.#add(reading);
    this.#register();
  }

  close(): void {
    this.#closed = true;
    this.#meter.removeBatchObservableCallback(this.#observe, this.#observed);
  }

  #register(): void {
    if (this.#closed) return;
    const observed = [...this.#instruments.values()];
    this.#meter.removeBatchObservableCallback(this.#observe, this.#observed);
    this.#meter.addBatchObservableCallback(this.#observe, observed);
    this.#observed = observed;
  }

  #tell(result: BatchObservableResult): void {
    const { readings } = boundSeries(this.#job.metricReadings(), this.#maxSplits);
    const { jobName: job } = this.#job;
    let hasNew = false;
    for (const reading of readings) {
      const instrument = this.#instruments.get(instrumentName(reading));
      if (instrument === undefined) {
        this.#add(reading);
        hasNew = true;
      } else if (Number.isFinite(reading.value)) {
        // OpenTelemetry has no infinite watermarks.
        result.observe(instrument, reading.value, { ...reading.labels, job });
      }
    }
    // Not in the middle of the meter's round through its callbacks.
    if (hasNew) void Promise.resolve().then(() => this.#register());
  }

  #add(metric: Pick<MetricReading, "scope" | "name"> & { readonly kind: MetricKind }): void {
    const name = instrumentName(metric);
    if (this.#instruments.has(name)) return;
    const about = describeMetric(metric);
    const options = {
      ...(about === undefined ? {} : { description: about.meaning, unit: UNITS[about.unit] }),
    };
    const instrument =
      (about?.kind ?? metric.kind) === "counter"
        ? this.#meter.createObservableCounter(name, options)
        : this.#meter.createObservableGauge(name, options);
    this.#instruments.set(name, instrument);
  }
}

/** At most 255 characters, letters first, no others than OpenTelemetry allows. */
function instrumentName({ scope, name }: Pick<MetricReading, "scope" | "name">): string {
  const dotted = ["headwater", ...(scope === "" ? [] : [scope]), name].join(".");
  return dotted.replaceAll(/[^A-Za-z0-9_.\-/]/g, "_").slice(0, 255);
}
