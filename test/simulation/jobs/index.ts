import { alignedJob } from "./aligned-job.js";
import { asyncJob } from "./async-job.js";
import { batchesJob } from "./batches-job.js";
import { filesJob } from "./files-job.js";
import { hybridJob } from "./hybrid-job.js";
import { kafkaJob } from "./kafka-job.js";
import { keyedJob } from "./keyed-job.js";
import { plainJob } from "./plain-job.js";
import type { SimulatedJob } from "./simulated-job.js";
import { statefulJob } from "./stateful-job.js";
import { transactionalJob } from "./transactional-job.js";
import { upsertJob } from "./upsert-job.js";
import { windowsJob } from "./windows-job.js";

/** The jobs that can be simulated, by name. */
export const JOBS: Readonly<Record<string, SimulatedJob>> = {
  plain: plainJob,
  transactional: transactionalJob,
  stateful: statefulJob,
  async: asyncJob,
  aligned: alignedJob,
  hybrid: hybridJob,
  keyed: keyedJob,
  windows: windowsJob,
  files: filesJob,
  batches: batchesJob,
  upsert: upsertJob,
  kafka: kafkaJob,
};
