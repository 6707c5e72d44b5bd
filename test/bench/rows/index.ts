import type { Benchmark } from "../benchmark.js";
import { alignment } from "./alignment.js";
import { asyncIo } from "./async-io.js";
import { checkpoints } from "./checkpoints.js";
import { inspector } from "./inspector.js";
import { ndjson } from "./ndjson.js";
import { numbers } from "./numbers.js";
import { parquet } from "./parquet.js";
import { reports } from "./reports.js";
import { responsiveness } from "./responsiveness.js";
import { slowSinkMemory } from "./slow-sink.js";
import { splits } from "./splits.js";
import { startUp } from "./start-up.js";
import { text } from "./text.js";

/** Every row of the table, by the name that the command line takes. */
export const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  numbers,
  inspector,
  text,
  ndjson,
  parquet,
  splits,
  checkpoints,
  reports,
  alignment,
  responsiveness,
  "async-io": asyncIo,
  memory: slowSinkMemory,
  "start-up": startUp,
};
