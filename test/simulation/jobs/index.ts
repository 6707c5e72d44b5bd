import { alignedJob } from "./aligned-job.js";
import { asyncJob } from "./async-job.js";
import { hybridJob } from "./hybrid-job.js";
import { kafkaJob } from "./kafka-job.js";
import { plainJob } from "./plain-job.js";
import type { SimulatedJob } from "./simulated-job.js";
import { statefulJob } from "./stateful-job.js";
import { transactionalJob } from "./transactional-job.js";

/** The jobs that can be simulated, by name. */
export const JOBS: Readonly<Record<string, SimulatedJob>> = {
  plain: plainJob,
  transactional: transactionalJob,
  stateful: statefulJob,
  async: asyncJob,
  aligned: alignedJob,
  hybrid: hybridJob,
  kafka: kafkaJob,
};
