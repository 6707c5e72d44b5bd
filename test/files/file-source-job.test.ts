import { mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnySource } from "../../src/api/index.js";
import { parquetSource } from "../../src/connectors/parquet/index.js";
import { textSource } from "../../src/connectors/text/index.js";
import {
  type BadRecord,
  type BadRecordPolicy,
  defineJob,
  discardSink,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  map,
  noWatermarks,
} from "../../src/index.js";
import { writeParquet } from "../connectors/parquet/parquet-writer.js";
import { Faults } from "../support/faulty-source.js";
import { FilesFolder } from "./files-folder.js";
import { Ledger } from "./ledger.js";
import { FileJob } from "./play-job.js";

const folder = new FilesFolder();

interface Reading {
  readonly path: string;
  readonly assignment?: "on-request" | "all-at-once";
  readonly discoveryInterval?: number;
}

/** Of each kind: a file of numbers that is several splits, a source of it, and how to get at a number. */
const KINDS = {
  text: {
    bytes: (numbers: readonly number[]): string => numbers.map((n) => `${n}\n`).join(""),
    source: (options: Reading): AnySource => textSource({ ...options, splitSize: 1000 }),
    toNumber: (record: unknown) => Number(record),
  },
  parquet: {
    bytes: (numbers: readonly number[]): Uint8Array => {
      const groups = Math.ceil(numbers.length / 200);
      return writeParquet({
        columns: [{ name: "id", type: "INT64", values: numbers }],
        rowGroups: Array.from({ length: groups }, (_, i) =>
          Math.min(200, numbers.length - 200 * i),
        ),
      });
    },
    source: (options: Reading): AnySource => parquetSource({ ...options, batchSize: 16 }),
    toNumber: (record: unknown) => (record as { id: number }).id,
  },
} as const;

let runs = 0;
const kinds = ["text", "parquet"] as const;

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

/** Puts a file of the numbers where a source may find it, complete from its first moment. */
function appear(kind: (typeof kinds)[number], name: string, numbers: readonly number[]): string {
  const path = folder.join(name);
  const hidden = folder.write(KINDS[kind].bytes(numbers), `.${runs++}`);
  mkdirSync(dirname(path), { recursive: true });
  renameSync(hidden, path);
  return path;
}

function jobOf(
  kind: (typeof kinds)[number],
  reading: Reading,
  ledger: Ledger,
  { faults = new Faults(), badRecords = "fail" as BadRecordPolicy } = {},
): JobDefinition {
  const { source, toNumber } = KINDS[kind];
  return defineJob("files", (env) => {
    env
      .fromSource(source(reading), noWatermarks(), { id: "files", badRecords })
      .pipe(
        map((record: unknown) => {
          faults.check("operator");
          return toNumber(record);
        }),
        ledger.keeping(),
      )
      .sinkTo(discardSink());
  });
}

describe.each(kinds)("a job that reads %s files", (kind) => {
  it.each(["on-request", "all-at-once"] as const)(
    "reads the splits of one file in three subtasks, each record once (%s)",
    async (assignment) => {
      const path = appear(kind, `one-${runs++}/file`, range(0, 3000));
      const ledger = new Ledger();
      const job = await FileJob.start(jobOf(kind, { path, assignment }, ledger), {
        parallelism: 3,
      });
      await job.finish();
      expect(ledger.numbers).toEqual(range(0, 3000));
      expect(ledger.subtasks).toBe(3);
    },
  );

  it("has each record once in its state when a subtask fails in the middle of a file", async () => {
    let wentOnInFile = 0;
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 2999 }),
      fc.integer({ min: 1, max: 30 }),
      fc.constantFrom<"on-request" | "all-at-once">("on-request", "all-at-once"),
      async (failAt, interval, assignment) => {
        const path = appear(kind, `failing-${runs++}/file`, range(0, 3000));
        const ledger = new Ledger();
        const faults = new Faults().at("operator", 1, failAt);
        const job = await FileJob.start(jobOf(kind, { path, assignment }, ledger, { faults }), {
          parallelism: 2,
          checkpoint: { interval },
          restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
        });
        const { status } = await job.finish();
        expect(status.restarts).toBe(1);
        expect(ledger.numbers).toEqual(range(0, 3000));
        if (ledger.seen.length < 3000 + failAt) wentOnInFile++;
      },
    );
    await fc.assert(property, { numRuns: 10 });
    expect(wentOnInFile).toBeGreaterThan(0);
  });

  it("reads a file that appears while it runs, and after a savepoint only what is new", async () => {
    const name = `growing-${runs++}`;
    appear(kind, `${name}/1`, range(0, 700));
    const reading = { path: folder.join(name), discoveryInterval: 50 };
    const options = { parallelism: 2, checkpoint: { storage: new MemoryCheckpointStorage() } };

    const first = new Ledger();
    const job = await FileJob.start(jobOf(kind, reading, first), options);
    await job.until(() => first.seen.length === 700);
    appear(kind, `${name}/2`, range(700, 5700));
    // In the middle of the second file.
    await job.until(() => first.seen.length > 800);
    const { location } = await job.result(job.harness.handle.stop());
    await job.finish();
    const read = first.seen.length;
    expect(read).toBeGreaterThan(800);
    expect(read).toBeLessThan(5700);

    appear(kind, `${name}/3`, range(5700, 6300));
    const second = new Ledger();
    const resumed = await FileJob.start(jobOf(kind, reading, second), {
      ...options,
      fromSavepoint: location,
    });
    await resumed.until(() => second.seen.length >= 6300 - read);
    expect(second.numbers).toEqual(range(0, 6300));
    appear(kind, `${name}/4`, range(6300, 6400));
    await resumed.until(() => second.seen.length >= 6400 - read);
    expect(second.numbers).toEqual(range(0, 6400));
    expect(second.seen).toHaveLength(6400 - read);
    const canceled = resumed.harness.handle.cancel();
    await resumed.finish();
    await canceled;
  });
});

/** A Parquet file of three row groups, the second of which cannot be decoded. */
function damaged(): string {
  const bytes = writeParquet({
    columns: [
      { name: "id", type: "INT64", values: range(0, 600) },
      { name: "text", type: "BYTE_ARRAY", values: range(0, 600).map((n) => `text ${n}`) },
    ],
    rowGroups: [200, 200, 200],
  });
  // The length of a text becomes larger than the page.
  bytes[Buffer.from(bytes).indexOf("text 300") - 3] = 200;
  return folder.write(bytes, `damaged-${runs++}.parquet`);
}

describe("a Parquet file with a row group that cannot be decoded", () => {
  const message = /damaged-\d+\.parquet, row group 1, column text: its pages cannot be decoded/;

  it("fails the job with file, row group and column when nothing else is said", async () => {
    const path = damaged();
    const job = await FileJob.start(jobOf("parquet", { path }, new Ledger()), {});
    const error = await job.finish().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "BAD_RECORD",
      message: expect.stringMatching(message),
      hint: expect.stringContaining("badRecords"),
      cause: { code: "FILE_CORRUPT", message: expect.stringMatching(message) },
    });
    expect((error as Error).message).toContain(`split ${path}#1 at position 0`);
  });

  it("is one dead letter, and all else is read, also when a subtask fails in between", async () => {
    for (const failAt of [undefined, 0, 100, 399]) {
      const path = damaged();
      const letters: BadRecord[] = [];
      const badRecords: BadRecordPolicy = {
        action: "dead-letter",
        to: (letter) => void letters.push(letter),
      };
      const faults = new Faults();
      if (failAt !== undefined) faults.at("operator", 1, failAt);
      const ledger = new Ledger();
      const job = await FileJob.start(jobOf("parquet", { path }, ledger, { faults, badRecords }), {
        parallelism: 2,
        checkpoint: { interval: 5 },
        restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
      });
      await job.finish();
      expect(ledger.numbers).toEqual([...range(0, 200), ...range(400, 600)]);
      expect(letters.length).toBeGreaterThan(0);
      expect(letters.length).toBeLessThanOrEqual(failAt === undefined ? 1 : 2);
      expect(letters[0]).toMatchObject({
        splitId: `${path}#1`,
        position: 0,
        rawLength: 0,
        error: { code: "FILE_CORRUPT", message: expect.stringMatching(message) },
      });
    }
  });
});
