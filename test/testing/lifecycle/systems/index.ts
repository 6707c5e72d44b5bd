import { asyncOperator } from "./async-operator.js";
import { checkpoint } from "./checkpoint.js";
import { committer } from "./committer.js";
import { connection } from "./connection.js";
import { fetcherManager } from "./fetcher-manager.js";
import { job } from "./job.js";
import type { MachineLifecycle } from "./machine-lifecycle.js";
import { sourceCoordinator } from "./source-coordinator.js";
import { sourceOperator } from "./source-operator.js";
import { splitFetcher } from "./split-fetcher.js";
import { subtask } from "./subtask.js";

/** Every machine of the registry with the class that runs it. */
export const LIFECYCLES: Readonly<Record<string, MachineLifecycle>> = {
  job,
  subtask,
  checkpoint,
  "async-operator": asyncOperator,
  "source-coordinator": sourceCoordinator,
  "source-operator": sourceOperator,
  "fetcher-manager": fetcherManager,
  "split-fetcher": splitFetcher,
  committer,
  connection,
};
