import { appendFile, copyFile, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { RecordedRun } from "../../../src/inspect/replay/index.js";
import { Cleanup, temporaryDirectory } from "../../control/control-harness.js";
import { type Line, linesOf, recordedJob, replayed, rewrite } from "./recorded-job.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

function opened(file: string): RecordedRun {
  const run = new RecordedRun(file);
  cleanup.add(() => run.close());
  return run;
}

function messages({ problems }: RecordedRun): readonly string[] {
  return problems.map(({ where, message }) => `${where.split("/").at(-1)}: ${message}`);
}

describe("a record that is read again", { timeout: 60_000 }, () => {
  it("has every line at its place, and nothing to remark", async () => {
    const file = await recordedJob(cleanup);
    const [, ...lines] = await linesOf(file);
    const run = opened(file);
    expect(run.problems).toEqual([]);
    expect(run.size).toBe(lines.length);
    // Not in their order: a line is found wherever the one before it was.
    for (let place = run.size; place > 0; place -= 3) {
      expect(run.line(place)).toEqual(lines[place - 1]);
    }
    expect(run.placeOf(7)).toBe(7);
    expect(run.placeOf(0)).toBe(0);
    expect(run.placeOf(1e9)).toBe(run.size);
  });

  it("has lines that are longer than what is read at once", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const big = "x".repeat(3_000_000);
    const envelope = lines.find(({ kind }) => kind === "envelope") as Line;
    envelope.event = { type: "Big", big };
    const run = opened(await rewrite(file, lines));
    expect(run.problems).toEqual([]);
    expect(run.size).toBe(lines.length - 1);
    const place = run.placeOf(envelope.line as number);
    expect(run.line(place)).toMatchObject({ event: { type: "Big", big } });
    expect(run.line(run.size)).toMatchObject({ kind: "end" });
  });

  it.each([
    ["value", { value: { a: null } }],
    ["value", { value: ["a"] }],
    ["time", { time: 1e300 }],
  ])("leaves out a line whose %s is none: %j", async (field, wrong) => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const at = lines.findIndex(({ kind }) => kind === "machine");
    lines[at] = { ...(lines[at] as Line), ...wrong };
    const replay = replayed(cleanup, await rewrite(file, lines));
    expect(messages(replay.run)).toEqual([
      `run.ndjson, line ${at + 1}: a line of kind machine has no usable ${field}`,
    ]);
  });

  it("goes through the files that were put aside, oldest first", async () => {
    const file = await recordedJob(cleanup, { maxFileSize: 4096, keptFiles: 100 });
    const run = opened(file);
    expect(run.problems).toEqual([]);
    expect(run.header.part).toBeGreaterThan(2);
    for (let place = 1; place <= run.size; place++) {
      expect(run.line(place)).toHaveProperty("line", place);
    }
  });

  it("says which lines are in no file any more, and takes no file of another record", async () => {
    const file = await recordedJob(cleanup, { maxFileSize: 4096, keptFiles: 2 });
    const run = opened(file);
    const first = run.line(1).line;
    expect(first).toBeGreaterThan(1);
    expect(messages(run)).toEqual([
      `run.2.ndjson: the first ${first - 1} lines of the record are in no file any more`,
    ]);
    // Of another record, but with the number that would go before.
    const other = await recordedJob(cleanup);
    const [header, ...lines] = (await linesOf(other)) as [Line, ...Line[]];
    await rewrite(other, [{ ...header, part: run.header.part - 1, startedAt: 1 }, ...lines]);
    await copyFile(other, join(dirname(file), "run.1.ndjson"));
    const alone = opened(file);
    expect(messages(alone)).toHaveLength(1);
    expect(alone.line(1).line).toBeGreaterThan(first);
  });

  it("is replayed up to where it was cut", async () => {
    const file = await recordedJob(cleanup);
    const text = await readFile(file, "utf8");
    const half = text.slice(0, Math.floor(text.length / 2));
    await writeFile(file, half.endsWith("\n") ? `${half}{"kind":"st` : half);
    const run = opened(file);
    const cut = half.split("\n").length;
    expect(messages(run)).toEqual([
      expect.stringMatching(new RegExp(`line ${cut}: the file ends within a line`)),
      expect.stringContaining("it has no end"),
    ]);
    const replay = replayed(cleanup, file);
    expect(replay.place).toBe(cut - 2);
    expect(replay.differences).toEqual([]);
    expect([...replay.machines].length).toBeGreaterThan(2);
  });

  it("names damaged lines, and replays the others", async () => {
    const file = await recordedJob(cleanup);
    const lines: (Line | string)[] = await linesOf(file);
    const step = lines.findLastIndex((line) => (line as Line).kind === "step");
    lines[2] = "{ no JSON";
    lines[3] = '{"kind":"picture","line":3}';
    lines[4] = '{"kind":"envelope","line":4,"time":1}';
    lines[step] = { ...(lines[step] as Line), event: { no: "type" } };
    const run = opened(await rewrite(file, lines));
    expect(messages(run)).toEqual([
      expect.stringMatching(/line 3: is no JSON/),
      expect.stringMatching(/line 4: is no line of a record/),
      expect.stringMatching(/line 5: a line of kind envelope has no usable from/),
      expect.stringMatching(
        new RegExp(`line ${step + 1}: a line of kind step has no usable event`),
      ),
    ]);
    expect(run.size).toBe(lines.length - 1 - 4);
    expect(run.hasGapBefore(2)).toBe(true);
    expect(run.hasGapBefore(3)).toBe(false);
  });

  it("says where lines are missing or out of order", async () => {
    const file = await recordedJob(cleanup);
    const lines = await linesOf(file);
    const [header, ...all] = lines as [Line, ...Line[]];
    const run = opened(
      await rewrite(file, [header, ...all.slice(0, 4), ...all.slice(9), ...all.slice(1, 2)]),
    );
    expect(messages(run)[0]).toMatch(/line 6: lines 5 to 9 are missing/);
    expect(messages(run)[1]).toMatch(/line 2 comes after line \d+: it is left out/);
    expect(run.hasGapBefore(5)).toBe(true);
  });

  it.each([
    ["", "is empty", "FILE_CORRUPT"],
    ["hello\n", "is no record", "FILE_CORRUPT"],
    ['{"kind":"end","line":1,"time":1,"state":"FINISHED"}\n', "is no header", "FILE_CORRUPT"],
    ['{"kind":"header","format":"headwater-record","version":1}\n', "no usable", "FILE_CORRUPT"],
    ["x".repeat(100_000), "is no record", "FILE_CORRUPT"],
    [
      '{"kind":"header","format":"headwater-record","version":99}\n',
      "has version 99",
      "UNSUPPORTED_OPERATION",
    ],
  ])("is refused when it is none: %.30s", async (text, message, code) => {
    const file = join(await temporaryDirectory(cleanup), "run.ndjson");
    await appendFile(file, text);
    let error: unknown;
    try {
      new RecordedRun(file);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it("is refused when it is not there, or is a directory", async () => {
    const directory = await temporaryDirectory(cleanup);
    for (const path of [directory, join(directory, "none.ndjson")]) {
      expect(() => new RecordedRun(path)).toThrow(/cannot be read/);
    }
  });
});
