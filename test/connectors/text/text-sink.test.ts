import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textSink } from "../../../src/connectors/text/index.js";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";
import {
  allText,
  namesIn,
  noTimes,
  openWriter,
  sinkContext,
  sinkFolder,
  textOf,
  writeAll,
} from "../../files/sink/sink-folder.js";

describe("textSink", () => {
  it("writes a line a record, in order, and ends each", async () => {
    const path = sinkFolder();
    await writeAll(textSink({ path }), ["one", ""], ["drei \u{1f6a2} é"]);
    expect(namesIn(path)).toEqual(["part-0-0.txt"]);
    expect(textOf(path, "part-0-0.txt")).toBe("one\n\ndrei \u{1f6a2} é\n");
  });

  it("writes what format makes of record and timestamp", async () => {
    const path = sinkFolder();
    const sink = textSink<number>({ path, format: (n, time) => `${n}@${time}` });
    const writer = await openWriter(sink);
    await writer.write([1, 2], [10, Number.NEGATIVE_INFINITY]);
    await writer.flush(false);
    expect(allText(path)).toBe("1@10\n2@-Infinity\n");
  });

  it("gives each subtask a file of its own, and compresses when asked to", async () => {
    const path = sinkFolder();
    const sink = textSink({ path, compression: "gzip" });
    for (const subtask of [0, 1]) {
      const writer = await openWriter(sink, sinkContext(subtask));
      await writer.write(["a"], [0]);
      await writer.flush(false);
      await writer.write([`of ${subtask}`], [0]);
      await writer.flush(true);
    }
    expect(namesIn(path)).toEqual(["part-0-0.txt.gz", "part-1-0.txt.gz"]);
    expect(textOf(path, "part-1-0.txt.gz")).toBe("a\nof 1\n");
  });

  it("keeps order and loses nothing when a chunk is longer than the buffer, and waits then", async () => {
    const path = sinkFolder();
    const metrics = new MetricRegistry();
    const sink = textSink({ path, bufferSize: 1000, sync: false });
    const writer = await openWriter(sink, sinkContext(0, metrics.root()));
    const chunk = Array.from({ length: 30_000 }, (_, i) => `${i} ${"x".repeat(i % 70)}`);
    const written = writer.write(chunk, noTimes(chunk));
    expect(written).toBeInstanceOf(Promise);
    await written;
    await writer.flush(true);
    expect(allText(path)).toBe(`${chunk.join("\n")}\n`);
    const bytes = chunk.join("\n").length + 1;
    expect(metrics.snapshot()).toEqual({
      numRecordsSend: 30_000,
      numBytesSend: bytes,
      numPartFiles: 1,
    });
  });

  it("takes chunks without waiting while the buffer has room", async () => {
    const writer = await openWriter(textSink({ path: sinkFolder() }));
    for (let i = 0; i < 100; i++) expect(writer.write(["a", "b"], [0, 0])).toBeUndefined();
  });

  it("can be split at its delimiter again, or refuses the record", async () => {
    const units = fc.constantFrom("a", "b", "-", "\n", "\r");
    const property = fc.asyncProperty(
      fc.array(fc.string({ unit: units, maxLength: 6 }), { minLength: 1, maxLength: 8 }),
      fc.constantFrom("\n", "\r\n", "--", "-a-", "aab", "\0"),
      async (records, delimiter) => {
        const path = sinkFolder();
        const sink = textSink({ path, delimiter, sync: false });
        const isRefused = await writeAll(sink, records).then(
          () => false,
          (error: { code: string }) => error.code === "SINK_FAILED",
        );
        const isClean = records.every((record) => {
          const parts = `${record}${delimiter}`.split(delimiter);
          return parts.length === 2 && parts[0] === record;
        });
        expect(isRefused).toBe(!isClean);
        if (!isRefused) expect(allText(path).split(delimiter)).toEqual([...records, ""]);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it("refuses a record that would become two lines, and says which and what to do", async () => {
    const writer = await openWriter(textSink({ path: sinkFolder() }));
    await writer.write(["a", "b"], [0, 0]);
    expect(() => writer.write(["c", "d\ne"], [0, 0])).toThrow(
      expect.objectContaining({
        code: "SINK_FAILED",
        retry: "never",
        message:
          "textSink in subtask 0 of job ships cannot write record 3 since it was opened (a string): " +
          'it contains the delimiter "\\n" and would become several lines',
        hint: expect.stringContaining("ndjsonSink"),
      }),
    );
  });

  it("refuses what is no string, and passes on what format throws", async () => {
    const path = sinkFolder();
    const plain = await openWriter(textSink<unknown>({ path }));
    expect(() => plain.write([{ a: 1 }], [0])).toThrow(
      /record 0 since it was opened \(an object\): it is no string/,
    );
    const wrong = await openWriter(textSink<unknown>({ path, format: () => 5 as never }));
    expect(() => wrong.write([null], [0])).toThrow(/\(null\): format gave a number/);
    const throwing = await openWriter(
      textSink<unknown>({
        path,
        format: () => {
          throw new Error("cannot show it");
        },
      }),
    );
    expect(() => throwing.write([[]], [0])).toThrow(
      expect.objectContaining({
        code: "SINK_FAILED",
        retry: "backoff",
        message: expect.stringContaining("failed on record 0 since it was opened (an array)"),
        cause: new Error("cannot show it"),
      }),
    );
  });

  it.each([
    [{}, /textSink\.path: it is required/],
    [{ path: "" }, /textSink\.path: expected a directory's path/],
    [{ path: "out", compression: "zip" }, /textSink\.compression/],
    [{ path: "out", bufferSize: 0 }, /textSink\.bufferSize: expected a whole number ≥ 1/],
    [{ path: "out", delimiter: "" }, /textSink\.delimiter: expected a text, not empty/],
    [{ path: "out", append: true }, /textSink\.append: there is no such option/],
  ])("refuses options that it cannot take: %j", (options, message) => {
    expect(() => textSink(options as never)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringMatching(message) }),
    );
  });
});
