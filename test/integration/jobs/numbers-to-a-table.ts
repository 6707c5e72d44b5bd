import { dataGenerator } from "../../../src/connectors/data-generator/index.js";
import { postgresSink } from "../../../src/connectors/postgres/postgres-sink.js";
import { sqliteSink } from "../../../src/connectors/sqlite/sqlite-sink.js";
import {
  defineJob,
  fixedDelayRestart,
  type JobHandle,
  runDefinition,
} from "../../../src/runtime/index.js";
import { map } from "../../../src/stream/operators.js";

/**
 * Run as a process that kills itself in the middle of its work. Arguments: a folder for checkpoints
 * and SQLite's file, "sqlite" or the connection to Postgres, how many numbers to write, how many of
 * them a second, how many records until it is killed, counted from its first complete checkpoint
 * (0: never), and the parallelism.
 */
const [folder = "", where = "", count, rate, fatal, parallelism] = process.argv.slice(2);
let records = Number(fatal);
const options = {
  table: "numbers",
  columns: ["n", "pad"],
  createTable: "CREATE TABLE IF NOT EXISTS numbers (n INTEGER, pad TEXT)",
  delivery: "exactly-once",
  maxBatchRows: 50,
} as const;
interface Row {
  readonly n: number;
  readonly pad: string;
}
let running: JobHandle | undefined;
let complete = false;
const hasCheckpoint = (): boolean => {
  complete ||= (running?.status().completedCheckpoints ?? 0) > 0;
  return complete;
};
const job = defineJob("numbers-to-a-table", (env) => {
  env
    .fromSource(
      dataGenerator({ generate: (n) => n, count: Number(count), rate: Number(rate), splits: 4 }),
    )
    .pipe(
      map((n): Row => {
        if (hasCheckpoint() && --records === 0) process.kill(process.pid, "SIGKILL");
        return { n, pad: "x".repeat(n % 50) };
      }),
    )
    .sinkTo(
      where === "sqlite"
        ? sqliteSink<Row>({ ...options, path: `${folder}/sink.db`, sync: false })
        : postgresSink<Row>({ ...options, connection: where }),
    );
});
running = await runDefinition(job, {
  parallelism: Number(parallelism),
  resume: true,
  restartStrategy: fixedDelayRestart({ attempts: 2000, delay: 50 }),
  checkpoint: { interval: 50, directory: `${folder}/checkpoints` },
});
const { state, restarts } = await running.done.then(({ status }) => status);
console.log(`${state} after ${restarts} restarts`);
