import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ndjsonSink } from "../../../src/connectors/ndjson/index.js";
import {
  allText,
  namesIn,
  openWriter,
  sinkFolder,
  textOf,
  writeAll,
} from "../../files/sink/sink-folder.js";

describe("ndjsonSink", () => {
  it("writes a line of JSON a record", async () => {
    const path = sinkFolder();
    const records = [{ at: new Date(0), text: "a\nb\u2028" }, null, [1, "x"], "s", Number.NaN];
    await writeAll(ndjsonSink<unknown>({ path }), records);
    expect(namesIn(path)).toEqual(["part-0-0.ndjson"]);
    expect(textOf(path, "part-0-0.ndjson")).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","text":"a\\nb\u2028"}\nnull\n[1,"x"]\n"s"\nnull\n',
    );
  });

  it("gives every JSON value back, line by line", async () => {
    const property = fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 20 }),
      fc.constantFrom("none" as const, "gzip" as const),
      async (records, compression) => {
        const path = sinkFolder();
        await writeAll(ndjsonSink({ path, compression, bufferSize: 50, sync: false }), records);
        const lines = allText(path).split("\n");
        expect(lines.pop()).toBe("");
        expect(lines).toEqual(records.map((record) => JSON.stringify(record)));
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;

  it.each([
    [undefined, /\(undefined\): there is no JSON for it/],
    [() => 1, /\(a function\): there is no JSON for it/],
    [Symbol("s"), /\(a symbol\): there is no JSON for it/],
    [5n, /\(a bigint\): .*BigInt/],
    [[{ a: 5n }], /\(an array\): .*BigInt/],
    [cycle, /\(an object\): .*circular/],
  ])("refuses what has no JSON, and says which record: %s", async (record, message) => {
    const writer = await openWriter(ndjsonSink<unknown>({ path: sinkFolder() }));
    await writer.write([1, 2, 3], [0, 0, 0]);
    expect(() => writer.write([4, record], [0, 0])).toThrow(
      expect.objectContaining({
        code: "SINK_FAILED",
        retry: "never",
        message: expect.stringMatching(
          new RegExp(`ndjsonSink .* record 4 since it was opened ${message.source}`),
        ),
        hint: expect.stringContaining("map"),
      }),
    );
  });

  it("refuses options that it does not have", () => {
    expect(() => ndjsonSink({ path: "out", delimiter: "," } as never)).toThrow(
      /ndjsonSink\.delimiter: there is no such option/,
    );
  });
});
