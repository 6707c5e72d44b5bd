import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { partFileFailed } from "../../../src/files/sink/part-file-error.js";
import {
  PartFileWriter,
  type PartFileWriterOptions,
} from "../../../src/files/sink/part-file-writer.js";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";
import { openFilesBelow } from "./open-files.js";
import { namesIn, sinkFolder, textOf } from "./sink-folder.js";

function writerTo(path: string, options: Partial<PartFileWriterOptions> = {}): PartFileWriter {
  const writer = new PartFileWriter({
    path,
    compression: "none",
    sync: true,
    bufferSize: 100,
    owner: "textSink in subtask 0 of job ships",
    subtask: 0,
    extension: "txt",
    metricGroup: new MetricRegistry().root(),
    ...options,
  });
  onTestFinished(() => writer.close());
  return writer;
}

/** Lets real file handles write so many bytes at a time, in turns; gives what ends that. */
async function takingAtMost(takes: readonly number[]): Promise<() => void> {
  const probe = await open(fileURLToPath(import.meta.url));
  const handles = Object.getPrototypeOf(probe);
  await probe.close();
  const write = handles.write;
  let turn = 0;
  const spy = vi.spyOn(handles, "write").mockImplementation(function (
    this: unknown,
    ...[bytes, at = 0]: readonly unknown[]
  ) {
    const most = takes[turn++ % takes.length] as number;
    const left = (bytes as Buffer).length - (at as number);
    // The system call itself may take nothing; Node's would not be made for no bytes.
    if (most === 0) return Promise.resolve({ bytesWritten: 0, buffer: bytes });
    return write.call(this, bytes, at, Math.min(most, left));
  });
  return () => spy.mockRestore();
}

describe("a part file", () => {
  it("is not there before the first record, nor is its directory", async () => {
    const path = sinkFolder();
    const writer = writerTo(path);
    await writer.flush();
    expect(namesIn(dirname(path))).toEqual([]);
    await writer.close();
    expect(namesIn(dirname(path))).toEqual([]);
  });

  it("has a number above all that are there, of its subtask, and leaves them as they are", async () => {
    const path = join(sinkFolder(), "a/b");
    mkdirSync(path, { recursive: true });
    const names = ["part-0-0.txt", "part-0-7.csv.gz", "part-1-30.txt", "part-0-x.txt", "part-0-40"];
    for (const name of names) writeFileSync(join(path, name), "torn li");
    const writer = writerTo(path);
    writer.append("whole\n");
    await writer.flush();
    expect(namesIn(path)).toEqual([...names, "part-0-8.txt"].sort());
    expect(textOf(path, "part-0-8.txt")).toBe("whole\n");
    for (const name of names) expect(readFileSync(join(path, name), "utf8")).toBe("torn li");
  });

  it("is another one for each writer of a subtask, also when they start at the same time", async () => {
    const path = sinkFolder();
    const writers = Array.from({ length: 20 }, () => writerTo(path));
    await Promise.all(
      writers.map((writer, i) => {
        writer.append(`${i}\n`);
        return writer.flush();
      }),
    );
    expect(namesIn(path)).toHaveLength(20);
    const texts = namesIn(path).map((name) => textOf(path, name));
    expect(texts.sort()).toEqual(writers.map((_, i) => `${i}\n`).sort());
  });

  it.each(["none", "gzip"] as const)(
    "holds everything after a flush, in order, whatever fits the buffer: %s",
    async (compression) => {
      const step = fc.oneof(
        { weight: 5, arbitrary: fc.string({ unit: "binary", maxLength: 90 }) },
        { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 100, maxLength: 400 }) },
        { weight: 2, arbitrary: fc.constant(undefined) },
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 30 }),
          fc.integer({ min: 1, max: 200 }),
          async (steps, bufferSize) => {
            const path = sinkFolder();
            const writer = writerTo(path, { compression, bufferSize, sync: false });
            let expected = "";
            for (const text of [...steps, undefined]) {
              if (text === undefined) {
                await writer.flush();
                const names = namesIn(path);
                expect(names.length).toBe(expected === "" ? 0 : 1);
                expect(names.map((name) => textOf(path, name)).join("")).toBe(expected);
              } else {
                await writer.append(text);
                expected += Buffer.from(text).toString();
              }
            }
            await writer.close();
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it("goes on behind the bytes that the system took, however few it takes at a time", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "binary", minLength: 1, maxLength: 200 }), { minLength: 1 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom("none" as const, "gzip" as const),
        async (texts, takes, compression) => {
          const restore = await takingAtMost(takes);
          const path = sinkFolder();
          const metrics = new MetricRegistry();
          const metricGroup = metrics.root();
          const writer = writerTo(path, { compression, sync: false, metricGroup });
          try {
            for (const text of texts) await writer.append(text);
            await writer.flush();
          } finally {
            restore();
            await writer.close();
          }
          const [name = ""] = namesIn(path);
          expect(textOf(path, name)).toBe(texts.map((text) => Buffer.from(text)).join(""));
          const { length } = readFileSync(join(path, name));
          expect(metrics.snapshot()).toEqual({ numBytesSend: length, numPartFiles: 1 });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("takes text at once while the buffer has room, and then makes its writer wait", async () => {
    const path = sinkFolder();
    const writer = writerTo(path, { bufferSize: 100 });
    expect(writer.append("x".repeat(60))).toBeUndefined();
    expect(writer.append("é".repeat(20))).toBeUndefined();
    expect(namesIn(path)).toEqual([]);
    const full = writer.append("z");
    expect(full).toBeInstanceOf(Promise);
    await full;
    expect(textOf(path, "part-0-0.txt")).toBe("x".repeat(60) + "é".repeat(20));
    const huge = writer.append("h".repeat(5000));
    expect(huge).toBeInstanceOf(Promise);
    await huge;
    expect(textOf(path, "part-0-0.txt")).toHaveLength(80 + 1 + 5000);
  });

  it("is synced with its name by the first flush, then alone; not at all without sync", async () => {
    const probe = await open(fileURLToPath(import.meta.url));
    const handles = Object.getPrototypeOf(probe);
    await probe.close();
    const datasync = vi.spyOn(handles, "datasync");
    const sync = vi.spyOn(handles, "sync");
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    const path = sinkFolder();
    const writer = writerTo(join(path, "a/b"));
    writer.append("1");
    await writer.flush();
    // Its own directory, and all above: whoever made them may have died before they were synced.
    const directories = join(path, "a/b").split("/").length;
    expect([datasync.mock.calls.length, sync.mock.calls.length]).toEqual([1, directories]);
    await writer.flush();
    expect(datasync).toHaveBeenCalledTimes(1);
    writer.append("2");
    await writer.flush();
    expect([datasync.mock.calls.length, sync.mock.calls.length]).toEqual([2, directories]);
    const careless = writerTo(path, { sync: false });
    careless.append("1");
    await careless.flush();
    expect([datasync.mock.calls.length, sync.mock.calls.length]).toEqual([2, directories]);
  });

  it("counts its bytes on disk", async () => {
    const metrics = new MetricRegistry();
    const path = sinkFolder();
    const writer = writerTo(path, { compression: "gzip", metricGroup: metrics.root() });
    for (let i = 0; i < 10; i++) await writer.append("0123456789".repeat(5));
    await writer.flush();
    const bytes = readFileSync(join(path, "part-0-0.txt.gz")).length;
    expect(metrics.snapshot()).toEqual({ numBytesSend: bytes, numPartFiles: 1 });
  });
});

describe("a part file that cannot be written", () => {
  it("is an error with path and hint where the path is a file, or below one", async () => {
    const path = sinkFolder();
    writeFileSync(path, "");
    for (const below of [path, join(path, "deeper")]) {
      const writer = writerTo(below);
      writer.append("1");
      await expect(writer.flush()).rejects.toMatchObject({
        code: "SINK_FAILED",
        retry: "never",
        message: `textSink in subtask 0 of job ships cannot create a part file in ${below}`,
        hint: expect.stringContaining("must be a directory"),
      });
    }
  });

  it("is an error when somebody has removed it, instead of a loss that nobody sees", async () => {
    const path = sinkFolder();
    const writer = writerTo(path);
    writer.append("1");
    await writer.flush();
    rmSync(path, { recursive: true });
    writer.append("2");
    await expect(writer.flush()).rejects.toMatchObject({
      code: "SINK_FAILED",
      retry: "backoff",
      message: expect.stringContaining(`has lost ${join(path, "part-0-0.txt")}`),
      hint: expect.stringContaining("leave the sink's directory alone"),
    });
    await writer.close();
    const next = writerTo(path);
    next.append("3");
    await next.flush();
    expect(textOf(path, "part-0-0.txt")).toBe("3");
  });

  it("is an error when the system takes no byte, instead of an endless loop", async () => {
    const restore = await takingAtMost([3, 0]);
    onTestFinished(restore);
    const path = sinkFolder();
    const writer = writerTo(path);
    writer.append("12345");
    await expect(writer.flush()).rejects.toMatchObject({
      code: "SINK_FAILED",
      retry: "backoff",
      message: expect.stringContaining(`cannot write to ${join(path, "part-0-0.txt")}`),
      cause: { message: "the file takes no more bytes" },
    });
    await writer.close();
    expect(textOf(path, "part-0-0.txt")).toBe("123");
    expect(openFilesBelow(path)).toEqual([]);
  });

  it("is an error of the system when the rest of a part cannot be written", () => {
    const path = sinkFolder();
    const script = fileURLToPath(new URL("write-too-much.ts", import.meta.url));
    const jiti = fileURLToPath(
      new URL("../../../node_modules/jiti/lib/jiti-cli.mjs", import.meta.url),
    );
    const limited = 'ulimit -f 1; exec "$0" "$@"';
    const child = spawnSync("sh", ["-c", limited, process.execPath, jiti, script, path], {
      encoding: "utf8",
      env: { ...process.env, JITI_FS_CACHE: "false" },
    });
    expect(child.stderr).toBe("");
    const outcome = JSON.parse(child.stdout);
    expect(outcome).toMatchObject({
      error: {
        code: "SINK_FAILED",
        retry: "backoff",
        message: `the owner cannot write to ${join(path, "part-0-0.txt")}`,
        cause: { message: expect.stringContaining("EFBIG") },
      },
      open: [],
    });
    // What it took before, in whole blocks of the limit.
    expect([512, 1024]).toContain(textOf(path, "part-0-0.txt").length);
  });

  it.each([
    ["EACCES", "user", "never", /Let the process's user write/],
    ["EROFS", "user", "never", /Let the process's user write/],
    ["ENOSPC", "external", "backoff", /Free space/],
    ["EMFILE", "external", "backoff", /open files/],
    ["EIO", "external", "backoff", undefined],
  ])("says what to do about %s", (code, domain, retry, hint) => {
    const cause = Object.assign(new Error(code), { code });
    const error = partFileFailed("textSink", "cannot write to out/part-0-0.txt", cause);
    expect(error).toMatchObject({ code: "SINK_FAILED", domain, retry, cause });
    expect(error.message).toBe("textSink cannot write to out/part-0-0.txt");
    if (hint === undefined) expect(error.hint).toBeUndefined();
    else expect(error.hint).toMatch(hint);
  });
});

describe("closing a part file", () => {
  it("leaves out what was not flushed, and nothing open", async () => {
    const path = sinkFolder();
    const writer = writerTo(path);
    writer.append("1");
    await writer.flush();
    writer.append("2");
    expect(openFilesBelow(path)).toHaveLength(1);
    await writer.close();
    expect(openFilesBelow(path)).toEqual([]);
    expect(textOf(path, "part-0-0.txt")).toBe("1");
    await writer.close();
  });

  it("waits for the write under way, and lets no other begin", async () => {
    const path = sinkFolder();
    const writer = writerTo(path, { bufferSize: 10 });
    writer.append("0123456789");
    const beyond = writer.append("x".repeat(50)) as Promise<void>;
    const closed = writer.close();
    await expect(beyond).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
    await closed;
    expect(openFilesBelow(path)).toEqual([]);
    expect(textOf(path, "part-0-0.txt")).toBe("0123456789");
  });

  it("closes the file also after an error", async () => {
    const path = sinkFolder();
    const writer = writerTo(path);
    writer.append("1");
    await writer.flush();
    rmSync(path, { recursive: true });
    writer.append("2");
    await expect(writer.flush()).rejects.toThrow();
    await writer.close();
    expect(openFilesBelow(path)).toEqual([]);
  });
});
