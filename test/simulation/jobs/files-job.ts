import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { fileSink } from "../../../src/files/sink/file-sink.js";
import { lineEncoder } from "../../../src/files/sink/record-encoder.js";
import type { Sink } from "../../../src/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { logSource } from "../log-source.js";
import type { World } from "../world.js";
import { FileReader, lineOf } from "./file-reader.js";
import { pass } from "./pass.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

const DIRECTORY = "/data/out";

const newReader = (world: World): FileReader => new FileReader(world, DIRECTORY);
const readerOf = (world: World): FileReader => world.only(newReader);

/** The real sink over the simulated disk; files end at checkpoints, and some also by size or age. */
function sink(world: World): Sink<number> {
  const { plan, disk, life } = world;
  const { seed, sinkBuffer, fetchSize } = plan;
  return fileSink<number>({
    format: "text",
    sink: "textSink",
    extension: "txt",
    options: {
      path: DIRECTORY,
      compression: "none",
      sync: true,
      delivery: "exactly-once",
      prefix: "part",
      bufferSize: 20 * fetchSize,
      maxPartBytes: sinkBuffer === 0 ? undefined : 20 * sinkBuffer,
      rolloverInterval: seed % 3 === 0 ? 30 : undefined,
      missingParts: "fail",
    },
    loadEncoder: () => () => lineEncoder((record: number) => lineOf(record), "\n"),
    fileSystem: disk.partFiles(life),
  });
}

/** The real exactly-once file sink, and somebody who reads its files all the time. */
export const filesJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      readerOf(world);
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .pipe(pass(world.life))
        .sinkTo(sink(world));
    }),
  check: (world) => {
    // A job that has finished has made everything durable.
    world.disk.powerCut(world.dice);
    checkExactlyOnce(world, readerOf(world).check());
  },
};
