import { explain } from "../errors/index.js";
import { errorFields, type JobLog } from "../logging/index.js";
import type { Clock } from "../mailbox/index.js";
import type { MetricRegistry } from "../metrics/metric-registry.js";
import { type ServeMetricsOptions, serveMetrics } from "../metrics/serve-metrics.js";
import type { JobHandle } from "./job-client.js";
import type { JobStatus } from "./job-status.js";

/** The metrics of the job as a whole. */
export function registerJobMetrics(
  registry: MetricRegistry,
  handle: Pick<JobHandle, "status">,
  clock: Clock,
): void {
  const started = clock.relativeTime();
  const group = registry.root().group("job");
  group.gauge("numRestarts", () => handle.status().restarts);
  group.gauge("isRunning", () => (handle.status().state === "RUNNING" ? 1 : 0));
  group.gauge("uptime", () => clock.relativeTime() - started);
}

/** What the log says of a job that starts. */
export function startFields({ restoredFrom, pipelines }: JobStatus): object {
  return {
    restoredFrom,
    pipelines: pipelines.map(({ id, source, sink, parallelism }) => ({
      id,
      source,
      sink,
      parallelism,
    })),
  };
}

/** What the log says of a job that ends: its records over all subtasks and attempts. */
export function endFields(status: JobStatus): object {
  const subtasks = status.pipelines.flatMap(({ subtasks }) => subtasks);
  const sum = (of: "records" | "badRecords"): number =>
    subtasks.reduce((total, { status: one }) => total + (one?.[of] ?? 0), 0);
  return {
    state: status.state,
    records: sum("records"),
    badRecords: sum("badRecords"),
    checkpoints: status.completedCheckpoints,
    restarts: status.restarts,
    savepoint: status.savepoint?.location,
  };
}

/** Opens the metrics endpoint of a job's options; without it the job runs all the same, and says so. */
export async function serveJobMetrics(
  handle: JobHandle,
  options: ServeMetricsOptions,
  log: JobLog | undefined,
): Promise<void> {
  try {
    const { url } = await serveMetrics(handle, options);
    log?.write("info", "metrics are served", { url });
  } catch (error) {
    const message = "the job runs without a metrics endpoint";
    if (log === undefined) process.emitWarning(`${message}: ${explain(error)}`, "HeadwaterWarning");
    else log.write("warn", message, { err: errorFields(error) });
  }
}
