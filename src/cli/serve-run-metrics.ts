import { explain } from "../errors/index.js";
import { type MetricsServer, serveMetrics } from "../metrics/serve-metrics.js";
import type { JobHandle } from "../runtime/index.js";

/** Serves a job's metrics at the port of `--metrics`; without them the job runs all the same, and says so. */
export async function serveRunMetrics(
  handle: JobHandle,
  metrics: true | number | undefined,
  tell: (message: string, details: object) => void,
): Promise<MetricsServer | undefined> {
  if (metrics === undefined) return undefined;
  try {
    const server = await serveMetrics(handle, metrics === true ? {} : { port: metrics });
    tell(`metrics at ${server.url}`, { url: server.url });
    return server;
  } catch (error) {
    tell(`the job runs without a metrics endpoint: ${explain(error)}`, { err: error });
    return undefined;
  }
}
