import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sink } from "../../../src/api/sink.js";
import { csvSink } from "../../../src/connectors/csv/index.js";
import { ndjsonSink } from "../../../src/connectors/ndjson/index.js";
import { textSink } from "../../../src/connectors/text/index.js";
import {
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  map,
  numberSequenceSource,
} from "../../../src/index.js";
import { failOnceAt } from "../../../src/runtime/injected-failure.js";
import { JobHarness, type JobHarnessOptions } from "../../support/job-harness.js";
import { openFilesBelow } from "./open-files.js";
import { allText, namesIn, sinkFolder } from "./sink-folder.js";

type Compression = "none" | "gzip";

interface Row {
  readonly n: number;
}

/** By kind: a sink of rows, and how its text becomes numbers again. */
const KINDS = {
  text: {
    sink: (path: string, compression: Compression): Sink<Row> =>
      textSink<Row>({ path, compression, bufferSize: 2000, format: ({ n }) => `${n}` }),
    read: (text: string) => text.trimEnd().split("\n").map(Number),
  },
  ndjson: {
    sink: (path: string, compression: Compression): Sink<Row> =>
      ndjsonSink<Row>({ path, compression, bufferSize: 2000 }),
    read: (text: string) =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as Row).n),
  },
  csv: {
    sink: (path: string, compression: Compression): Sink<Row> =>
      csvSink<Row>({ path, compression, bufferSize: 2000 }),
    read: (text: string) =>
      text
        .trimEnd()
        .split("\n")
        .filter((line) => line !== "n")
        .map(Number),
  },
} as const;

const COUNT = 20_000;
const ALL = Array.from({ length: COUNT }, (_, n) => n);

function jobOf(sink: Sink<Row>): JobDefinition {
  return defineJob("numbers-to-files", (env) => {
    env
      .fromSource(numberSequenceSource({ from: 0, to: COUNT - 1, splits: 6 }))
      .pipe(map((n) => ({ n })))
      .sinkTo(sink);
  });
}

/** Virtual milliseconds to one real one: timeouts of 40 s must not pass while a disk is slow. */
const HASTE = 10;

/** Files need real turns of the event loop; virtual time passes in between. */
async function play(
  job: JobDefinition,
  options: JobHarnessOptions,
  during?: (harness: JobHarness, turn: number) => void,
): Promise<JobHarness> {
  const harness = await JobHarness.start(job, options);
  const [start, realStart] = [harness.now, performance.now()];
  for (let turn = 0; !harness.hasEnded; turn++) {
    await harness.step(1);
    const elapsed = (performance.now() - realStart) * HASTE;
    if (harness.now - start < elapsed) harness.advanceOneTimer();
    await new Promise(setImmediate);
    during?.(harness, turn);
  }
  return harness;
}

const ascending = (a: number, b: number): number => a - b;
const distinct = (numbers: readonly number[]): number[] => [...new Set(numbers)].sort(ascending);

describe.each(["text", "ndjson", "csv"] as const)("a job that writes %s files", (kind) => {
  it.each(["none", "gzip"] as const)(
    "writes each record once when nothing fails, a file a subtask: %s",
    async (compression) => {
      const path = sinkFolder();
      const { sink, read } = KINDS[kind];
      const harness = await play(jobOf(sink(path, compression)), {
        parallelism: 3,
        checkpoint: { interval: 20 },
      });
      await harness.finish();
      expect(read(allText(path)).sort(ascending)).toEqual(ALL);
      expect(namesIn(path)).toHaveLength(3);
      expect(openFilesBelow(path)).toEqual([]);
    },
  );

  it("loses nothing and repeats no more than one failure explains, in new files", async () => {
    const failures = fc.asyncProperty(
      fc.integer({ min: 0, max: COUNT - 1 }),
      fc.integer({ min: 1, max: 100 }),
      fc.constantFrom<Compression>("none", "gzip"),
      async (failAt, interval, compression) => {
        const path = sinkFolder();
        const { sink, read } = KINDS[kind];
        const harness = await play(jobOf(sink(path, compression)), {
          parallelism: 2,
          checkpoint: { interval },
          change: failOnceAt(failAt),
          restartStrategy: fixedDelayRestart({ attempts: 3, delay: 5 }),
        });
        const { status } = await harness.finish();
        const numbers = read(allText(path));
        expect(distinct(numbers)).toEqual(ALL);
        expect(status.restarts).toBe(1);
        expect(numbers.length).toBeLessThanOrEqual(2 * COUNT);
        expect(openFilesBelow(path)).toEqual([]);
      },
    );
    await fc.assert(failures, { numRuns: 8 });
  });

  it("has everything before a savepoint in its files when the savepoint is durable", async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 15 }),
      fc.boolean(),
      async (turns, stops) => {
        const path = sinkFolder();
        const { sink, read } = KINDS[kind];
        const options = { parallelism: 2, checkpoint: { storage: new MemoryCheckpointStorage() } };
        let savepoint: string | undefined;
        const first = await play(jobOf(sink(path, "none")), options, ({ handle }, turn) => {
          if (turn !== turns) return;
          const taken = stops ? handle.stop() : handle.savepoint();
          taken.then(
            ({ location }) => {
              savepoint = location;
              if (!stops) void handle.cancel();
            },
            () => {},
          );
        });
        await first.end();
        const before = namesIn(path).length === 0 ? [] : read(allText(path));
        // The savepoint came too late, or the whole job was before it.
        if (savepoint === undefined) expect(distinct(before)).toEqual(ALL);
        else {
          const second = await play(jobOf(sink(path, "none")), {
            ...options,
            fromSavepoint: savepoint,
          });
          await second.finish();
          const numbers = read(allText(path)).sort(ascending);
          expect(stops ? numbers : distinct(numbers)).toEqual(ALL);
          if (before.length > 0 && before.length < COUNT) cutInMiddle++;
        }
      },
    );
    let cutInMiddle = 0;
    await fc.assert(property, { numRuns: 12 });
    expect(cutInMiddle).toBeGreaterThan(0);
  });
});

describe("a job whose files cannot be written", () => {
  it("fails with SINK_FAILED, the path and what to do", async () => {
    const path = sinkFolder();
    writeFileSync(path, "no directory");
    const harness = await play(jobOf(KINDS.text.sink(path, "none")), { parallelism: 1 });
    const error = await harness.failure();
    const chain: unknown[] = [];
    for (let e: unknown = error; e instanceof Error; e = e.cause) chain.push(e);
    expect(chain).toContainEqual(
      expect.objectContaining({
        code: "SINK_FAILED",
        message: expect.stringContaining(`cannot create a part file in ${path}`),
        hint: expect.stringContaining("directory"),
      }),
    );
  });
});
