import { peerMissing } from "../errors/index.js";

/** What the package prom-client has. */
export type PromClient = typeof import("prom-client");

let loading: Promise<PromClient> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING. */
export function loadPromClient(): Promise<PromClient> {
  // A CommonJS package has its names in the default export for every loader.
  loading ??= import("prom-client").then((loaded) => loaded.default ?? loaded);
  return loading.catch((cause: unknown) => {
    loading = undefined;
    throw peerMissing("a metrics endpoint for Prometheus needs prom-client", "prom-client", cause);
  });
}
