import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  csvStringifyMissing,
  loadCsvStringify,
} from "../../../src/connectors/csv/csv-stringify-driver.js";
import { csvSink } from "../../../src/connectors/csv/index.js";
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

describe("csvSink", () => {
  it("writes the first record's properties as a header and as columns", async () => {
    const path = sinkFolder();
    await writeAll(csvSink<object>({ path }), [{ b: 1, a: "x" }], [{ a: "y", b: 2 }]);
    expect(namesIn(path)).toEqual(["part-0-0.csv"]);
    expect(textOf(path, "part-0-0.csv")).toBe("b,a\n1,x\n2,y\n");
  });

  it("begins each part file with the header, or none", async () => {
    const path = sinkFolder();
    for (const subtask of [0, 1]) {
      const sink = csvSink<object>({ path, columns: ["a"], header: subtask === 0 });
      const writer = await openWriter(sink, sinkContext(subtask));
      const records = Array.from({ length: 1000 }, (_, a) => ({ a }));
      await writer.write(records, noTimes(records));
      await writer.flush(true);
    }
    const numbers = `${Array.from({ length: 1000 }, (_, a) => a).join("\n")}\n`;
    expect(textOf(path, "part-0-0.csv")).toBe(`a\n${numbers}`);
    expect(textOf(path, "part-1-0.csv")).toBe(numbers);
  });

  it("writes what each type is as text, and what is missing as an empty field", async () => {
    const path = sinkFolder();
    const columns = ["s", "n", "big", "yes", "no", "date", "nil", "undef", "list", "constructor"];
    const record = {
      s: "a b",
      n: -1.5e-7,
      big: 2n ** 64n,
      yes: true,
      no: false,
      date: new Date(0),
      nil: null,
      undef: undefined,
      list: [1, "x"],
    };
    await writeAll(csvSink<object>({ path, columns, header: false }), [record, { s: "" }]);
    expect(allText(path)).toBe(
      'a b,-1.5e-7,18446744073709551616,true,false,1970-01-01T00:00:00.000Z,,,"[1,""x""]",\n' +
        ",,,,,,,,,\n",
    );
  });

  it("gives every text back, whatever its delimiter, quote and line end", async () => {
    const units = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(",", ";", '"', "'", "\n", "\r", " ", ":", "a") },
      { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }) },
    );
    const text = fc.string({ unit: units, maxLength: 8 });
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }).chain((width) =>
        fc.tuple(
          fc.uniqueArray(text, { minLength: width, maxLength: width }),
          fc.array(fc.array(text, { minLength: width, maxLength: width }), {
            minLength: 1,
            maxLength: 6,
          }),
        ),
      ),
      fc.constantFrom(",", ";", "::", "\t"),
      fc.constantFrom('"', "'"),
      fc.constantFrom("\n" as const, "\r\n" as const),
      async ([columns, rows], delimiter, quote, eol) => {
        fc.pre(!columns.includes("__proto__"));
        const path = sinkFolder();
        const sink = csvSink<object>({ path, columns, delimiter, quote, eol, sync: false });
        await writeAll(
          sink,
          rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value]))),
        );
        const options = { delimiter, quote, escape: quote, record_delimiter: eol };
        expect(parse(allText(path), options)).toEqual([columns, ...rows]);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it("quotes an only field that is empty, since readers leave out empty lines", async () => {
    const path = sinkFolder();
    await writeAll(csvSink<object>({ path }), [{ a: "" }, { a: null }, { a: "x" }]);
    expect(allText(path)).toBe('a\n""\n""\nx\n');
  });

  it("can be compressed", async () => {
    const path = sinkFolder();
    await writeAll(csvSink<object>({ path, compression: "gzip" }), [{ a: 1 }]);
    expect(textOf(path, "part-0-0.csv.gz")).toBe("a\n1\n");
  });

  it.each([
    [
      "a property too much",
      { a: 1, c: 2 },
      /\(an object\): its property "c" is not among the 2 columns \(a, b\)/,
    ],
    ["a function", { a: () => 1 }, /\(an object\): its column "a" is a function/],
    ["an invalid Date", { a: new Date(Number.NaN) }, /its column "a" is an invalid Date/],
    ["a bigint in an array", { a: [1n] }, /its column "a" has no JSON \(.*BigInt/],
    ["an array", [1, 2], /\(an array\): it is an array, not an object/],
    ["text", "a,b", /\(a string\): it is a string, not an object/],
    ["null", null, /\(null\): it is null, not an object/],
  ])("refuses a record that is no row, and says which: %s", async (_, record, message) => {
    const writer = await openWriter(csvSink<never>({ path: sinkFolder(), columns: ["a", "b"] }));
    const records = [{ a: 1 }, { b: 2 }, record] as never[];
    expect(() => writer.write(records, noTimes(records))).toThrow(
      expect.objectContaining({
        code: "SINK_FAILED",
        retry: "never",
        message: expect.stringMatching(
          new RegExp(`csvSink .* record 2 since it was opened .*${message.source}`),
        ),
        hint: expect.stringContaining("map"),
      }),
    );
  });

  it("refuses a first record that gives no columns", async () => {
    const writer = await openWriter(csvSink<object>({ path: sinkFolder() }));
    expect(() => writer.write([{}], [0])).toThrow(/it has no property to be a column/);
  });

  it.each([
    [{ columns: [] }, /csvSink\.columns: expected one or more names/],
    [{ columns: ["a", "a"] }, /csvSink\.columns: expected one or more names, each once/],
    [{ quote: "" }, /csvSink\.quote: expected one character/],
    [{ quote: "''" }, /csvSink\.quote: expected one character/],
    [{ delimiter: "" }, /csvSink\.delimiter/],
    [{ delimiter: "\r" }, /csvSink\.delimiter/],
    [{ delimiter: '"' }, /csvSink\.delimiter/],
    [{ eol: "\r" }, /csvSink\.eol/],
    [{ headers: true }, /csvSink\.headers: there is no such option/],
  ])("refuses options that it cannot take: %j", (options, message) => {
    expect(() => csvSink({ path: "out", ...(options as object) })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringMatching(message) }),
    );
  });

  it("loads csv-stringify once, and says how to install it", async () => {
    expect(loadCsvStringify()).toBe(loadCsvStringify());
    expect(typeof (await loadCsvStringify())).toBe("function");
    expect(csvStringifyMissing(new Error("no such module"))).toMatchObject({
      code: "DRIVER_MISSING",
      hint: "Run: npm install csv-stringify@6",
    });
  });
});
