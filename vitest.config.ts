import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
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
        find: /^headwater\/control$/,
        replacement: new URL("./src/control/index.ts", import.meta.url).pathname,
      },
      {
        find: /^headwater\/connectors\/(\w+)$/,
        replacement: `${new URL("./src/connectors/", import.meta.url).pathname}$1/index.ts`,
      },
    ],
  },
});
