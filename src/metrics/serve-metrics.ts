import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as v from "valibot";
import { HeadwaterError } from "../errors/index.js";
import { expecting } from "../options/expecting.js";
import { parseOptions } from "../options/parse-options.js";
import type { MeteredJob } from "./metered-job.js";
import { loadPromClient } from "./prom-client.js";
import { type PrometheusOptions, prometheusEntries, prometheusText } from "./prometheus.js";

/** The port of Flink's Prometheus reporter. */
export const DEFAULT_METRICS_PORT = 9249;
const MAX_CONNECTIONS = 32;

/** What `serveMetrics` may be told. */
export interface ServeMetricsOptions extends PrometheusOptions {
  /** Default 9249; 0: one that is free. */
  readonly port?: number;
  /** The address to listen at; default 127.0.0.1, which only this machine reaches. */
  readonly host?: string;
}

/** A metrics endpoint that listens. */
export interface MetricsServer {
  /** What to give to Prometheus. */
  readonly url: string;
  readonly port: number;
  /** Before the job ends; at its end the endpoint closes by itself. */
  close(): Promise<void>;
}

const port = expecting<number>(
  (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535,
  "a port from 0 to 65535",
);
const host = expecting<string>(
  (value) => typeof value === "string" && value !== "",
  "a host name or an IP address",
);

/** The options of an endpoint, as `metrics` of a job's options has them too. */
export const ServeMetricsSchema = v.strictObject({
  ...prometheusEntries,
  port: v.optional(port, DEFAULT_METRICS_PORT),
  host: v.optional(host, "127.0.0.1"),
});

/**
 * Serves a job's metrics to Prometheus at `/metrics`, until the job ends.
 *
 * Rejects with DRIVER_MISSING without prom-client, CONNECTION_FAILED when the port is in use or may
 * not be opened, OPTION_INVALID; the job runs on.
 */
export async function serveMetrics(
  job: MeteredJob,
  options: ServeMetricsOptions = {},
): Promise<MetricsServer> {
  const { port, host, maxSplits } = parseOptions("serveMetrics", ServeMetricsSchema, options);
  await loadPromClient();
  const server = createServer((request, response) => {
    answer(job, { maxSplits }, request, response).catch((error: unknown) => {
      send(response, 500, `${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, port, host);
  const bound = (server.address() as AddressInfo).port;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= closed(server);
    return closing;
  };
  job.done.then(close, close);
  const shown = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${shown}:${bound}/metrics`, port: bound, close };
}

async function answer(
  job: MeteredJob,
  options: PrometheusOptions,
  { method, url = "/" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = url.split("?")[0];
  if (path !== "/metrics") send(response, 404, "metrics are at /metrics\n");
  else if (method !== "GET" && method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    send(response, 405, "only GET\n");
  } else {
    const text = await prometheusText(job, options);
    send(response, 200, text, "text/plain; version=0.0.4; charset=utf-8");
  }
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void {
  if (response.headersSent) return;
  response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" }).end(text);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(cannotListen(port, host, cause));
    });
    server.listen(port, host, () => {
      server.removeAllListeners("error");
      // Such as too many open files: the client that could not be served will see it end.
      server.on("error", () => {});
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function cannotListen(port: number, host: string, cause: NodeJS.ErrnoException): HeadwaterError {
  const inUse = cause.code === "EADDRINUSE";
  return new HeadwaterError(
    "CONNECTION_FAILED",
    inUse
      ? `port ${port} of ${host} is in use`
      : `the metrics endpoint cannot listen at port ${port} of ${host} (${cause.code})`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      cause,
      hint: "Give another port, or 0 for one that is free.",
    },
  );
}
