export type { MeteredJob } from "./metered-job.js";
export {
  METRIC_CATALOGUE,
  type MetricDescription,
  type MetricUnit,
} from "./metric-catalogue.js";
export { MetricRegistry } from "./metric-registry.js";
export {
  type ObservedMetrics,
  type ObserveMetricsOptions,
  observeMetrics,
} from "./open-telemetry.js";
export { type PrometheusOptions, prometheusText } from "./prometheus.js";
export {
  type MetricsServer,
  type ServeMetricsOptions,
  serveMetrics,
} from "./serve-metrics.js";
