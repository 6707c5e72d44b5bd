import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { SinkWriter, SinkWriterContext } from "../../../src/api/sink.js";
import { csvSink } from "../../../src/connectors/csv/index.js";
import { type TextSinkOptions, textSink } from "../../../src/connectors/text/index.js";
import { HeadwaterError } from "../../../src/errors/index.js";
import { PartFileWriter } from "../../../src/files/sink/part-file-writer.js";
import { PartNames } from "../../../src/files/sink/part-names.js";
import type { PartWriterState, PendingPart } from "../../../src/files/sink/part-state.js";
import { PendingParts } from "../../../src/files/sink/pending-parts.js";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";
import { namesIn, noTimes, sinkContext, sinkFolder, textOf } from "./sink-folder.js";

type Writer = Required<SinkWriter<string, PartWriterState, PendingPart>>;

/** How the files of job "ships" are called. */
const SHIPS = "part-ec5a5e08";

async function open(
  path: string,
  options: Partial<TextSinkOptions<string>> = {},
  context: Partial<SinkWriterContext> = {},
  restored: readonly PartWriterState[] = [],
  sink = textSink({ path, delivery: "exactly-once", bufferSize: 100, ...options }),
): Promise<Writer> {
  const writer = await sink.createWriter({ ...sinkContext(), ...context }, restored);
  onTestFinished(() => writer.close?.());
  return writer as unknown as Writer;
}

async function write(writer: Writer, ...records: readonly string[]): Promise<void> {
  await writer.write(records, noTimes(records));
}

async function prepare(writer: Writer): Promise<readonly PendingPart[]> {
  await writer.flush(false);
  return writer.prepareCommit();
}

function touch(path: string, ...names: readonly string[]): void {
  mkdirSync(path, { recursive: true });
  for (const name of names) writeFileSync(join(path, name), "");
}

const part = (rest: string): string => `.${SHIPS}-${rest}`;

describe("a part file of an exactly-once sink", () => {
  it("is in progress while it is written, and pending from the flush on", async () => {
    const path = sinkFolder();
    const writer = await open(path);
    expect(namesIn(path)).toEqual([]);
    await write(writer, "x".repeat(200));
    expect(namesIn(path)).toEqual([part("0-0.txt.inprogress")]);
    expect(await prepare(writer)).toEqual([
      { temporary: part("0-0.txt.pending"), name: `${SHIPS}-0-0.txt`, bytes: 201 },
    ]);
    expect(namesIn(path)).toEqual([part("0-0.txt.pending")]);
    expect(writer.snapshotState(1)).toEqual([{ subtask: 0, nextPart: 1 }]);
    expect(await prepare(writer)).toEqual([]);
    await write(writer, "2");
    const [second] = await prepare(writer);
    expect(second).toMatchObject({ name: `${SHIPS}-0-1.txt`, bytes: 2 });
  });

  it("ends at its size; all that have ended wait for the same barrier", async () => {
    const path = sinkFolder();
    const writer = await open(path, { maxPartBytes: 10 });
    for (const text of ["1234", "1234", "1234", "123456789012", "1"]) await write(writer, text);
    const parts = await prepare(writer);
    expect(parts.map(({ bytes }) => bytes)).toEqual([10, 5 + 13, 2]);
    expect(parts.map(({ temporary }) => textOf(path, temporary)).join("")).toBe(
      "1234\n1234\n1234\n123456789012\n1\n",
    );
  });

  it("ends when it is old, before the next record", async () => {
    const path = sinkFolder();
    let now = 1000;
    const processingTime = { ...sinkContext().processingTime, now: () => now };
    const writer = await open(path, { rolloverInterval: "1s" }, { processingTime });
    await write(writer, "a");
    now += 999;
    await write(writer, "b");
    now += 1;
    await write(writer, "c");
    const parts = await prepare(writer);
    expect(parts.map(({ temporary }) => textOf(path, temporary))).toEqual(["a\nb\n", "c\n"]);
  });

  it("begins with the header of its own, in CSV", async () => {
    const path = sinkFolder();
    const sink = csvSink<{ a: string }>({ path, delivery: "exactly-once", maxPartBytes: 1 });
    const writer = (await sink.createWriter(sinkContext())) as unknown as Writer;
    onTestFinished(() => writer.close());
    for (const a of ["1", "2"]) await writer.write([{ a }] as never, [0]);
    const parts = await prepare(writer);
    expect(parts.map(({ temporary }) => textOf(path, temporary))).toEqual(["a\n1\n", "a\n2\n"]);
  });

  it("is removed when the writer is closed before a barrier; what was handed out stays", async () => {
    const path = sinkFolder();
    const writer = await open(path, { maxPartBytes: 150 });
    await write(writer, "handed out");
    await prepare(writer);
    await write(writer, "y".repeat(200));
    await write(writer, "z".repeat(120));
    expect(namesIn(path)).toHaveLength(3);
    await writer.close();
    expect(namesIn(path)).toEqual([part("0-0.txt.pending")]);
  });

  it("with at-least-once also ends at its size, in a file with its name at once", async () => {
    const path = sinkFolder();
    const writer = await open(path, { delivery: "at-least-once", maxPartBytes: 3, prefix: "log" });
    for (const text of ["1234", "5", "6", "7"]) await write(writer, text);
    await writer.flush(true);
    await writer.close();
    expect(namesIn(path).map((name) => [name, textOf(path, name)])).toEqual([
      ["log-0-0.txt", "1234\n"],
      ["log-0-1.txt", "5\n6\n"],
      ["log-0-2.txt", "7\n"],
    ]);
  });
});

describe("what earlier attempts have left", () => {
  const OTHERS = [
    ".part-00000000-0-7.txt.pending",
    ".part-0-7.txt.inprogress",
    part("0-7.csv.pending"),
    part("1-7.txt.inprogress"),
    part("1-7.txt.pending"),
    `.other-${SHIPS.slice(5)}-0-7.txt.pending`,
    `${SHIPS}-0-7.txt`,
    `${SHIPS}-0-7.txt.pending`,
    ".notes",
    "part-0-7.txt",
  ];

  it("is removed as far as the restored checkpoint does not hold it, and others' files stay", async () => {
    const path = sinkFolder();
    const held = [part("0-2.txt.pending")];
    const leftOver = [
      part("0-1.txt.inprogress"),
      part("0-3.txt.pending"),
      part("0-4.txt.gz.pending"),
      part("0-5.txt.inprogress"),
    ];
    touch(path, ...OTHERS, ...held, ...leftOver);
    const writer = await open(path, {}, { restoredCheckpointId: 4 }, [{ subtask: 0, nextPart: 3 }]);
    expect(namesIn(path)).toEqual([...OTHERS, ...held].sort());
    await write(writer, "1");
    const [next] = await prepare(writer);
    // Above every number that is or was there.
    expect(next?.name).toBe(`${SHIPS}-0-8.txt`);
  });

  it("of subtasks that are no more is removed by whoever has their state", async () => {
    const path = sinkFolder();
    const files = [
      part("2-0.txt.inprogress"),
      part("2-1.txt.pending"),
      part("2-2.txt.pending"),
      part("3-1.txt.pending"),
      part("3-2.txt.inprogress"),
    ];
    touch(path, ...files);
    const restored = [
      { subtask: 1, nextPart: 0 },
      { subtask: 3, nextPart: 1 },
    ];
    await open(path, {}, { indexOfSubtask: 1, restoredCheckpointId: 4 }, restored);
    expect(namesIn(path)).toEqual([...files.slice(0, 3), files[4]]);
    await open(path, {}, { restoredCheckpointId: 4 }, [
      { subtask: 0, nextPart: 0 },
      { subtask: 2, nextPart: 2 },
    ]);
    expect(namesIn(path)).toEqual([part("2-1.txt.pending")]);
  });

  it("of another run is left alone on a start without its checkpoint, unless it was in progress", async () => {
    const path = sinkFolder();
    touch(path, part("0-3.txt.pending"), part("0-4.txt.inprogress"));
    const writer = await open(path);
    expect(namesIn(path)).toEqual([part("0-3.txt.pending")]);
    await write(writer, "1");
    expect((await prepare(writer))[0]?.name).toBe(`${SHIPS}-0-5.txt`);
  });

  it("of this run is removed when no checkpoint was completed", async () => {
    const path = sinkFolder();
    touch(path, part("0-3.txt.pending"));
    const sink = textSink({ path, delivery: "exactly-once" });
    const first = await open(path, {}, {}, [], sink);
    await write(first, "1");
    await prepare(first);
    await first.close();
    expect(namesIn(path)).toHaveLength(2);
    const second = await open(path, {}, {}, [], sink);
    expect(namesIn(path)).toEqual([part("0-3.txt.pending")]);
    await second.close();
  });
});

describe("the names of part files", () => {
  it("are used once, whatever attempts do", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()), { maxLength: 8 }),
        async (attempts) => {
          const path = sinkFolder();
          const sink = textSink({ path, delivery: "exactly-once", sync: false, maxPartBytes: 1 });
          const names: string[] = [];
          let restored: readonly PartWriterState[] = [];
          for (const [records, completes] of attempts) {
            const writer = await open(path, {}, {}, restored, sink);
            for (let i = 0; i < records; i++) await write(writer, "1");
            const parts = await prepare(writer);
            if (completes) {
              restored = writer.snapshotState(1);
              for (const { name } of parts) {
                // They are committed, and then taken away.
                expect(names).not.toContain(name);
                names.push(name);
              }
            }
            await writer.close();
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("are another job's own, in one directory", async () => {
    const path = sinkFolder();
    const [ships, trains] = [await open(path), await open(path, {}, { jobName: "trains" })];
    const names: string[] = [];
    for (const writer of [ships, trains]) {
      await write(writer, "1");
      names.push(...(await prepare(writer)).map(({ name }) => name));
    }
    expect(new Set(names).size).toBe(2);
    expect(namesIn(path)).toHaveLength(2);
  });

  it("are refused to a second sink of the job until the first is closed", async () => {
    const path = sinkFolder();
    const first = await open(path);
    const second = await open(path).catch((error: unknown) => error);
    expect(second).toBeInstanceOf(HeadwaterError);
    expect(second).toMatchObject({
      code: "SINK_FAILED",
      retry: "never",
      hint: expect.stringContaining("prefix"),
    });
    const other = await open(path, { prefix: "other" });
    await write(other, "1");
    expect((await prepare(other))[0]?.name).toBe(`other-${SHIPS.slice(5)}-0-0.txt`);
    await first.close();
    await open(path);
  });
});

describe("part files that wait for a barrier", () => {
  it("have a limit, and a hint what to do about it", async () => {
    const path = sinkFolder();
    const parts = await PendingParts.open({
      path,
      sync: true,
      owner: "textSink in subtask 0 of job ships",
      names: new PartNames("part", "ships", "txt", "none"),
      subtask: 0,
      parallelism: 1,
      restored: [],
      firstAttempts: new Map(),
      maxPending: 2,
    });
    onTestFinished(() => parts.close());
    const file = new PartFileWriter({
      path,
      compression: "none",
      sync: true,
      bufferSize: 10,
      owner: "textSink in subtask 0 of job ships",
      subtask: 0,
      extension: "txt",
      metricGroup: new MetricRegistry().root(),
      files: parts,
    });
    onTestFinished(() => file.close());
    for (let i = 0; i < 2; i++) {
      await file.append("1");
      await file.roll();
    }
    await file.append("1");
    await expect(file.roll()).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      message:
        "textSink in subtask 0 of job ships has ended 2 part files since the last checkpoint",
      hint: expect.stringContaining("maxPartBytes"),
    });
    await file.close();
    expect(parts.take()).toHaveLength(2);
    expect(namesIn(path)).toHaveLength(2);
  });
});

describe("the options of delivery", () => {
  it.each([
    [{ delivery: "twice" }, /textSink\.delivery/],
    [{ prefix: ".part" }, /textSink\.prefix/],
    [{ prefix: "a/b" }, /textSink\.prefix/],
    [{ maxPartBytes: 0 }, /textSink\.maxPartBytes/],
    [{ rolloverInterval: 0 }, /textSink\.rolloverInterval/],
    [{ rolloverInterval: "soon" }, /textSink\.rolloverInterval/],
    [{ missingParts: "ignore" }, /textSink\.missingParts/],
  ])("refuse %j", (options, message) => {
    expect(() => textSink({ path: "out", ...options } as never)).toThrow(message);
  });
});
