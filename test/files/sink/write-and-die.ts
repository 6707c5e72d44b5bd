import { mkdirSync, readdirSync } from "node:fs";
import { dataGenerator } from "../../../src/connectors/data-generator/index.js";
import { textSink } from "../../../src/connectors/text/index.js";
import { defineJob, runDefinition } from "../../../src/runtime/index.js";
import { map } from "../../../src/stream/operators.js";

/**
 * Run as a process that kills itself in the middle of its work: folder, how many numbers to write, and
 * how many records until then, counted from when it has finished a file; 0: never.
 */
const [folder = "", count, fatal] = process.argv.slice(2);
const path = `${folder}/out`;
mkdirSync(path, { recursive: true });
const finished = (): number => readdirSync(path).filter((name) => !name.startsWith(".")).length;
const before = finished();
let records = Number(fatal);
let hasFinished = false;
const job = defineJob("write-and-die", (env) => {
  env
    .fromSource(dataGenerator({ generate: (n) => n, count: Number(count), rate: 8000, splits: 4 }))
    .pipe(
      map((n) => {
        hasFinished ||= finished() > before;
        if (hasFinished && --records === 0) process.kill(process.pid, "SIGKILL");
        return n;
      }),
    )
    .sinkTo(
      textSink<number>({
        path,
        delivery: "exactly-once",
        bufferSize: 200,
        maxPartBytes: 2000,
        format: (n) => `${n} ${"x".repeat(n % 50)}`,
      }),
    );
});
const handle = await runDefinition(job, {
  parallelism: 2,
  resume: true,
  checkpoint: { interval: 20, directory: `${folder}/checkpoints` },
});
console.log((await handle.done).state);
