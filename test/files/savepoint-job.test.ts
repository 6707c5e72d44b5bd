import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnySource } from "../../src/api/index.js";
import { avroSource } from "../../src/connectors/avro/index.js";
import { csvSource } from "../../src/connectors/csv/index.js";
import { ndjsonSource } from "../../src/connectors/ndjson/index.js";
import { textSource } from "../../src/connectors/text/index.js";
import {
  defineJob,
  discardSink,
  HeadwaterError,
  type JobDefinition,
  MemoryCheckpointStorage,
  map,
  noWatermarks,
} from "../../src/index.js";
import { container } from "../connectors/avro/avro-files.js";
import type { JobHarnessOptions } from "../support/job-harness.js";
import { FilesFolder } from "./files-folder.js";
import { Ledger } from "./ledger.js";
import { FileJob } from "./play-job.js";

const folder = new FilesFolder();

interface Reading {
  readonly path: string;
  readonly assignment: "on-request" | "all-at-once";
}

/** Of each format: a file of numbers, a source of such files, and how to get at a number. */
const FORMATS = {
  text: {
    bytes: (numbers: readonly number[]) =>
      numbers.map((n) => `${n}${n % 3 === 0 ? "\r" : ""}\n`).join(""),
    source: (options: Reading): AnySource => textSource({ ...options, splitSize: 700 }),
    toNumber: (line: unknown) => (/^\d+$/.test(line as string) ? Number(line) : Number.NaN),
  },
  ndjson: {
    bytes: (numbers: readonly number[]) =>
      numbers.map((n) => `${JSON.stringify({ id: n, text: `é ${n}\n` })}\n`).join("\n"),
    source: (options: Reading): AnySource =>
      ndjsonSource<{ id: number }>({ ...options, splitSize: 5000 }),
    toNumber: (record: unknown) => (record as { id: number }).id,
  },
  csv: {
    bytes: (numbers: readonly number[]) =>
      `text,id\n${numbers.map((n) => `"a, ""\n${n}",${n}\r\n`).join("")}`,
    source: (options: Reading): AnySource => csvSource({ ...options, columns: { id: "integer" } }),
    toNumber: (record: unknown) => (record as { id: number }).id,
  },
  avro: {
    bytes: (numbers: readonly number[]) =>
      container("long", inBlocks(numbers, [1, 40, 0, 170]), "deflate"),
    source: (options: Reading): AnySource => avroSource({ ...options, splitSize: 300 }),
    toNumber: Number,
  },
} as const;

const TOTAL = 3000;
/** Files of differing lengths, also an empty one: the splits of a compressed one are whole files. */
const FILES = [0, 900, 900, 1300, 1301, 2400, TOTAL];

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

/** Blocks of these sizes in turns. */
function inBlocks(numbers: readonly number[], sizes: readonly number[]): number[][] {
  const blocks: number[][] = [];
  for (let from = 0, i = 0; from < numbers.length; i++) {
    const size = sizes[i % sizes.length] as number;
    blocks.push(numbers.slice(from, from + size));
    from += size;
  }
  return blocks;
}

function jobOf(format: keyof typeof FORMATS, reading: Reading, ledger: Ledger): JobDefinition {
  const { source, toNumber } = FORMATS[format];
  return defineJob("files", (env) => {
    env
      .fromSource(source(reading), noWatermarks(), { id: "files" })
      .pipe(map<unknown, number>(toNumber), ledger.keeping())
      .sinkTo(discardSink());
  });
}

/** Stops the job with a savepoint, as soon as it takes one; undefined when it ends before. */
async function savepointOf(job: FileJob): Promise<string | undefined> {
  while (!job.harness.hasEnded) {
    try {
      return (await job.result(job.harness.handle.stop())).location;
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      // It came to its end before it could be stopped.
      if (error.code === "JOB_CANCELED") return undefined;
      // It has not started in full, or is about to end.
      if (error.code !== "CHECKPOINT_ABORTED") throw error;
      let turns = 0;
      await job.until(() => turns++ > 0);
    }
  }
  return undefined;
}

const CASES = (["text", "ndjson", "csv", "avro"] as const).flatMap((format) =>
  ([false, true] as const).map(
    (isCompressed) => [isCompressed ? `gzipped ${format}` : format, format, isCompressed] as const,
  ),
);

describe("a job that is stopped with a savepoint and started from it", () => {
  it.each(CASES)(
    "reads exactly the rest of %s files, wherever it stopped, in several subtasks",
    async (what, format, isCompressed) => {
      const name = what.replace(" ", "-");
      for (const [i, from] of FILES.slice(0, -1).entries()) {
        const bytes = FORMATS[format].bytes(range(from, FILES[i + 1] as number));
        folder.write(
          isCompressed ? gzipSync(bytes) : bytes,
          `${name}/${i}${isCompressed ? ".gz" : ""}`,
        );
      }
      const path = folder.join(name);
      let stoppedInside = 0;
      let mostSubtasks = 0;

      /** Runs until so many records were read; the savepoint, or nothing when it came to its end. */
      const life = async (
        parallelism: number,
        reading: Reading,
        stopAt: number,
        options: Pick<JobHarnessOptions, "tick" | "checkpoint" | "fromSavepoint">,
      ) => {
        const ledger = new Ledger();
        const job = await FileJob.start(jobOf(format, reading, ledger), {
          ...options,
          parallelism,
        });
        await job.until(() => ledger.seen.length >= stopAt || job.harness.hasEnded);
        const location = await savepointOf(job);
        await job.finish();
        mostSubtasks = Math.max(mostSubtasks, ledger.subtasks);
        return { ledger, location };
      };

      const property = fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: TOTAL - 1 }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.integer({ min: 2, max: 4 }), { minLength: 4, maxLength: 4 }),
        fc.constantFrom<Reading["assignment"]>("on-request", "all-at-once"),
        // The longer a look at the clock seems to take, the fewer records are read at once: down to one.
        fc.integer({ min: 1, max: 300 }),
        async (stops, parallelisms, assignment, tick) => {
          const checkpoint = { storage: new MemoryCheckpointStorage() };
          let read = 0;
          let savepoint: string | undefined;
          for (const [i, stopAt] of [...stops, Number.POSITIVE_INFINITY].entries()) {
            const { ledger, location } = await life(
              parallelisms[i] as number,
              { path, assignment },
              stopAt - read,
              {
                tick,
                checkpoint,
                ...(savepoint === undefined ? {} : { fromSavepoint: savepoint }),
              },
            );
            read += ledger.seen.length;
            if (location === undefined) {
              expect(ledger.numbers).toEqual(range(0, TOTAL));
              break;
            }
            expect(ledger.numbers).toHaveLength(read);
            expect(new Set(ledger.numbers).size).toBe(read);
            if (read > 0 && read < TOTAL) stoppedInside++;
            savepoint = location;
          }
          expect(read).toBe(TOTAL);
        },
      );
      await fc.assert(property, { numRuns: 12 });
      expect(stoppedInside).toBeGreaterThan(0);
      expect(mostSubtasks).toBeGreaterThan(1);
    },
    60_000,
  );
});
