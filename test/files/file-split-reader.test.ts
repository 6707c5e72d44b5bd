import { appendFileSync, statSync, truncateSync, unlinkSync, utimesSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { RecordsWithSplitIds } from "../../src/api/split-reader.js";
import { fileMetrics } from "../../src/files/disk-file.js";
import type { FileRecord } from "../../src/files/file-format.js";
import type { ParsedFileSourceOptions } from "../../src/files/file-source-options.js";
import type { FileSplit } from "../../src/files/file-split.js";
import { FileSplitReader } from "../../src/files/file-split-reader.js";
import { splitsOf } from "../../src/files/file-splits.js";
import { LineFormat } from "../../src/files/line-format.js";
import { MetricRegistry } from "../../src/metrics/metric-registry.js";
import { FilesFolder } from "./files-folder.js";

const folder = new FilesFolder();

type Fetched = RecordsWithSplitIds<FileRecord<string>>;

const OPTIONS: ParsedFileSourceOptions = {
  path: "x",
  splitSize: 1024,
  compression: "none",
  changeDetection: "modification-time",
  assignment: "all-at-once",
};

/** A split reader whose blocks have 8 bytes: two of the lines "a-0", "a-1", … */
function reading(
  options: Partial<ParsedFileSourceOptions> = {},
  maxOpenFiles?: number,
  blockSize = 8,
) {
  const metrics = new MetricRegistry();
  const format = new LineFormat({
    name: "lines",
    decoder: { skipsBlank: false, decode: (line: string) => line },
    maxLineLength: 100,
    blockSize,
  });
  const parsed = { ...OPTIONS, ...options };
  const reader = new FileSplitReader(parsed, format, fileMetrics(metrics.root()), maxOpenFiles);
  const fetch = async (): Promise<string[]> => readOut(await reader.fetch());
  return { reader, metrics, fetch };
}

/** Reads a batch to its end: its lines, or its finished splits as "end of …". */
function readOut(batch: Fetched): string[] {
  const seen: string[] = [];
  while (batch.nextSplit() !== null) {
    for (let one = batch.nextRecordFromSplit(); one !== null; one = batch.nextRecordFromSplit()) {
      seen.push(one.value);
    }
  }
  for (const splitId of batch.finishedSplits()) seen.push(`end of ${splitId.replace(/.*\//, "")}`);
  batch.recycle?.();
  return seen;
}

function splitOf(name: string, lines = 6): FileSplit {
  const text = Array.from({ length: lines }, (_, i) => `${name}-${i}\n`).join("");
  const path = folder.write(text, name);
  const { size, mtimeMs } = statSync(path);
  return splitsOf({ path, size, modified: mtimeMs }, OPTIONS, true)[0] as FileSplit;
}

const add = (...splits: FileSplit[]) => ({ type: "ADDITION", splits }) as const;

describe("FileSplitReader", () => {
  it("reads one split after the other to its end, and reads ahead", async () => {
    const { reader, fetch, metrics } = reading();
    reader.handleSplitsChanges(add(splitOf("a", 4), splitOf("b", 2)));
    expect(await fetch()).toEqual(["a-0", "a-1"]);
    // While these were read out the next ones came from disk: nothing is to be waited for.
    while ((metrics.snapshot()["files.bytesRead"] ?? 0) <= 8) await turn();
    await turn();
    const ahead = reader.fetch();
    expect(ahead).not.toBeInstanceOf(Promise);
    expect(readOut(ahead as Fetched)).toEqual(["a-2", "a-3"]);
    expect(await fetch()).toEqual(["end of a#0"]);
    expect(await fetch()).toEqual(["b-0", "b-1"]);
    expect(await fetch()).toEqual(["end of b#0"]);
    expect(metrics.snapshot()).toEqual({ "files.filesOpened": 2, "files.bytesRead": 24 });
    await reader.close();
  });

  it("puts a paused split aside and goes on with it later where it was", async () => {
    const { reader, fetch, metrics } = reading();
    const [a, b] = [splitOf("a"), splitOf("b")];
    reader.handleSplitsChanges(add(a, b));
    expect(await fetch()).toEqual(["a-0", "a-1"]);
    reader.pauseOrResumeSplits([a], []);
    const seen = [...(await untilSome(fetch)), ...(await untilSome(fetch))];
    expect(seen).toEqual(["b-0", "b-1", "b-2", "b-3"]);
    reader.pauseOrResumeSplits([b], [a]);
    expect([...(await untilSome(fetch)), ...(await untilSome(fetch))]).toEqual([
      "a-2",
      "a-3",
      "a-4",
      "a-5",
    ]);
    expect(metrics.snapshot()["files.filesOpened"]).toBe(2);
    await reader.close();
  });

  it("keeps so many files open at most, and opens a closed one again where it was", async () => {
    const { reader, fetch, metrics } = reading({}, 1);
    const splits = [splitOf("a"), splitOf("b"), splitOf("c")];
    reader.handleSplitsChanges(add(...splits));
    const seen: string[] = [];
    for (let round = 0; round < 12; round++) {
      reader.pauseOrResumeSplits(splits, splits.slice(round % 3, (round % 3) + 1));
      seen.push(...(await untilSome(fetch)));
    }
    expect(seen.sort()).toEqual([
      ...["a", "b", "c"].flatMap((name) => [0, 1, 2, 3, 4, 5].map((i) => `${name}-${i}`)),
      ...["a", "b", "c"].map((name) => `end of ${name}#0`),
    ]);
    expect(metrics.snapshot()["files.filesOpened"]).toBeGreaterThan(3);
    await reader.close();
  });

  it("does not close a file while a batch of it has not been read: where it stands is not known", async () => {
    const { reader, fetch } = reading({}, 1);
    const [a, b] = [splitOf("a"), splitOf("b")];
    reader.handleSplitsChanges(add(a, b));
    const unread = (await reader.fetch()) as Fetched;
    reader.pauseOrResumeSplits([a], []);
    expect(await untilSome(fetch)).toEqual(["b-0", "b-1"]);
    reader.pauseOrResumeSplits([b], [a]);
    expect(await untilSome(fetch)).toEqual(["a-2", "a-3"]);
    expect(readOut(unread)).toEqual(["a-0", "a-1"]);
    await reader.close();
  });

  it("waits while every split is paused; a wake-up ends the wait, also one that came before", async () => {
    const { reader, fetch } = reading();
    const a = splitOf("a");
    reader.handleSplitsChanges(add(a));
    reader.pauseOrResumeSplits([a], []);
    const waiting = fetch();
    reader.wakeUp();
    expect(await waiting).toEqual([]);
    reader.wakeUp();
    expect(await fetch()).toEqual([]);
    reader.pauseOrResumeSplits([], [a]);
    expect(await untilSome(fetch)).toEqual(["a-0", "a-1"]);
    await reader.close();
  });

  it("loses nothing that was on its way from disk when it was woken up", async () => {
    const { reader } = reading();
    reader.handleSplitsChanges(add(splitOf("a", 4)));
    const seen: string[] = [];
    while (seen.at(-1) !== "end of a#0") {
      const fetching = reader.fetch();
      reader.wakeUp();
      seen.push(...readOut(await fetching));
      await turn();
    }
    expect(seen).toEqual(["a-0", "a-1", "a-2", "a-3", "end of a#0"]);
    await reader.close();
  });

  it("says that a removed split has ended, and closes its file", async () => {
    const { reader, fetch } = reading();
    const [a, b] = [splitOf("a"), splitOf("b", 2)];
    reader.handleSplitsChanges(add(a, b));
    expect(await fetch()).toEqual(["a-0", "a-1"]);
    reader.handleSplitsChanges({ type: "REMOVAL", splits: [a] });
    expect(await untilSome(fetch)).toEqual(["end of a#0"]);
    expect(await untilSome(fetch)).toEqual(["b-0", "b-1"]);
    await reader.close();
  });

  it("closes while it reads, and twice", async () => {
    const { reader } = reading();
    reader.handleSplitsChanges(add(splitOf("a"), splitOf("b")));
    const fetching = reader.fetch();
    await reader.close();
    await fetching;
    await reader.close();
  });
});

describe("a file that is not what it was", () => {
  it("has vanished before it was opened", async () => {
    const { reader, fetch } = reading();
    const split = splitOf("gone");
    unlinkSync(split.path);
    reader.handleSplitsChanges(add(split));
    await expect(fetch()).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
      message: expect.stringContaining("vanished"),
    });
    await reader.close();
  });

  it("is read to its end when it vanishes while it is open", async () => {
    const { reader, fetch } = reading();
    const split = splitOf("going", 4);
    reader.handleSplitsChanges(add(split));
    expect(await fetch()).toEqual(["going-0"]);
    unlinkSync(split.path);
    const seen: string[] = [];
    while (!seen.includes("end of going#0")) seen.push(...(await fetch()));
    expect(seen).toHaveLength(4);
    await reader.close();
  });

  it("has another size, or another time, when it is opened", async () => {
    const grown = splitOf("grown");
    appendFileSync(grown.path, "x");
    const touched = splitOf("touched");
    utimesSync(touched.path, 1, 1);
    for (const [split, message] of [
      [grown, "it has 49 bytes now and had 48"],
      [touched, "it was modified at 1970-01-01T00:00:01.000Z"],
    ] as const) {
      const { reader, fetch } = reading();
      reader.handleSplitsChanges(add(split));
      await expect(fetch()).rejects.toMatchObject({
        code: "FILE_CHANGED",
        message: expect.stringContaining(message),
        hint: expect.stringContaining("old file"),
      });
      await reader.close();
    }
    const { reader, fetch } = reading({ changeDetection: "size" });
    reader.handleSplitsChanges(add(touched));
    expect(await fetch()).toEqual(["touched-0"].slice(0, 1));
    await reader.close();
  });

  it("shrinks while it is read", async () => {
    const { reader, fetch } = reading();
    const split = splitOf("a", 20);
    reader.handleSplitsChanges(add(split));
    expect(await fetch()).toEqual(["a-0", "a-1"]);
    truncateSync(split.path, 12);
    await expect(untilError(fetch)).rejects.toMatchObject({
      code: "FILE_CHANGED",
      message: expect.stringMatching(/12 bytes now and had 90/),
    });
    await reader.close();
  });

  it("changes while it is read: seen at the split's end at the latest", async () => {
    const { reader, fetch } = reading();
    const split = splitOf("a", 8);
    reader.handleSplitsChanges(add(split));
    expect(await fetch()).toEqual(["a-0", "a-1"]);
    utimesSync(split.path, 1, 1);
    await expect(untilError(fetch)).rejects.toMatchObject({ code: "FILE_CHANGED" });
    await reader.close();
  });
});

/** Lets the system say what it has done. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function untilSome(fetch: () => Promise<string[]>): Promise<string[]> {
  for (let i = 0; i < 100; i++) {
    const seen = await fetch();
    if (seen.length > 0) return seen;
  }
  throw new Error("a hundred empty batches");
}

async function untilError(fetch: () => Promise<string[]>): Promise<never> {
  for (let i = 0; i < 1000; i++) await fetch();
  throw new Error("a thousand batches without an error");
}
