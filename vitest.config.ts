import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // For what hangs; a busy machine may take long.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // Many tests wait for processes of their own: a core for each worker is enough.
    maxWorkers: availableParallelism(),
    reporters: ["default"],
  },
  resolve: {
    // Tests and examples import the package by its own name; they get the sources, not a stale build.
    alias: [
      { find: /^headwater$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
      {
        find: /^headwater\/machines$/,
        replacement: new URL("./machines/index.ts", import.meta.url).pathname,
      },
      {
        find: /^headwater\/inspect$/,
        replacement: new URL("./src/inspect/index.ts", import.meta.url).pathname,
      },
      {
        find: /^headwater\/metrics$/,
        replacement: new URL("./src/metrics/index.ts", import.meta.url).pathname,
      },
      {
        find: /^headwater\/control$/,
        replacement: new URL("./src/control/index.ts", import.meta.url).pathname,
      },
      {
        find: /^headwater\/testing$/,
        replacement: new URL("./src/testing/index.ts", import.meta.url).pathname,
      },
      {
        find: /^headwater\/connectors\/(\w+)$/,
        replacement: `${new URL("./src/connectors/", import.meta.url).pathname}$1/index.ts`,
      },
    ],
  },
});
