import { describe, expect, it } from "vitest";
import { CsvFormat } from "../../../src/connectors/csv/csv-format.js";
import { parseCsvOptions } from "../../../src/connectors/csv/csv-options.js";
import { badOf, MemoryFile, type Read, readFormat, splitOf, valuesOf } from "../read-format.js";

type Row = Record<string, unknown>;

function read(
  content: string | Uint8Array,
  options: object = {},
  blockSize?: number,
): Promise<Read<Row>[]> {
  const parsed = parseCsvOptions({ path: "memory", ...options });
  return readFormat(new CsvFormat<Row>(parsed, blockSize), new MemoryFile(content));
}

const rows = async (content: string, options: object = {}): Promise<Row[]> =>
  valuesOf(await read(content, options));

describe("CsvFormat", () => {
  it("names columns by the header, as text", async () => {
    expect(await rows('a,b\n1,x\n2,"y, ""z""\nw"\n')).toStrictEqual([
      { a: "1", b: "x" },
      { a: "2", b: 'y, "z"\nw' },
    ]);
  });

  it("reads a last record without a newline, and lines that end with a carriage return too", async () => {
    expect(await rows('a,b\r\n1,"x"\r\n\r\n2,y')).toStrictEqual([
      { a: "1", b: "x" },
      { a: "2", b: "y" },
    ]);
  });

  it("leaves a byte order mark out, and gives nothing for an empty file or a header alone", async () => {
    expect(await rows("\ufeffa\n1\n")).toStrictEqual([{ a: "1" }]);
    expect(await rows('\ufeff"a"\n1\n', { columns: { a: "integer" } })).toStrictEqual([{ a: 1 }]);
    for (const content of ["", "\ufeff", "\n\n", "a,b", "a,b\n"]) {
      expect(await read(content, { columns: { a: "string" } })).toStrictEqual([]);
    }
  });

  it("makes typed values, and null of an empty text", async () => {
    const columns = {
      id: "integer",
      ratio: "number",
      ok: "boolean",
      day: "date",
      big: "bigint",
      name: "string",
      tags: (text: string) => text.split("|"),
    };
    const content =
      "name,id,ratio,ok,day,big,tags,unused\n" +
      "x,-7,1.5e3,TRUE,2024-02-29,123456789012345678901,a|b,!\n" +
      ",,,,,,,\n";
    expect(await rows(content, { columns })).toStrictEqual([
      {
        id: -7,
        ratio: 1500,
        ok: true,
        day: new Date("2024-02-29T00:00:00Z"),
        big: 123456789012345678901n,
        name: "x",
        tags: ["a", "b"],
      },
      { id: null, ratio: null, ok: null, day: null, big: null, name: "", tags: [""] },
    ]);
  });

  it("makes null of the nullValue in every column", async () => {
    const columns = { a: "integer", b: "string", c: (text: string) => `<${text}>` };
    const content = "a,b,c\nNA,NA,NA\n";
    expect(await rows(content, { columns, nullValue: "NA" })).toStrictEqual([
      { a: null, b: null, c: null },
    ]);
  });

  it("takes columns by their order without a header", async () => {
    const options = { header: false, columns: { b: "integer", a: "string" } };
    expect(await rows("1,x\n2,y\n", options)).toStrictEqual([
      { b: 1, a: "x" },
      { b: 2, a: "y" },
    ]);
  });

  it("knows delimiter, quote, escape, comment and trim", async () => {
    expect(await rows("a\tb\n1\t'x\ty'\n", { delimiter: "\t", quote: "'" })).toStrictEqual([
      { a: "1", b: "x\ty" },
    ]);
    expect(await rows('a::b\n1::"x""\n', { delimiter: "::", quote: null })).toStrictEqual([
      { a: "1", b: '"x""' },
    ]);
    expect(await rows('a,b\n"x\\"\n\\\\",y\n', { escape: "\\" })).toStrictEqual([
      { a: 'x"\n\\', b: "y" },
    ]);
    expect(await rows('# it\'s "\na,b\n# x,"\n1,#2\n#', { comment: "#" })).toStrictEqual([
      { a: "1", b: "#2" },
    ]);
    expect(await rows(' a , b \n "x " ,  y\t\n   \n', { trim: true })).toStrictEqual([
      { a: "x ", b: "y" },
    ]);
  });

  it("keeps blank lines when it is told to", async () => {
    const options = { columns: { a: "string" }, skipBlankLines: false };
    expect(await rows("a\nx\n\ny\n", options)).toStrictEqual([{ a: "x" }, { a: "" }, { a: "y" }]);
    expect(await rows("a\nx\n\ny\n")).toStrictEqual([{ a: "x" }, { a: "y" }]);
  });

  it("has a column __proto__ as any other", async () => {
    const [record] = await rows("__proto__,b\nx,y\n");
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    expect(JSON.stringify(record)).toBe('{"__proto__":"x","b":"y"}');
  });

  it("reports what is no record with its bytes and place, and goes on with the next line", async () => {
    const columns = { a: "integer", b: "string" };
    const cases: [line: string, reason: RegExp][] = [
      ["1\n", /1 field where there are 2 columns/],
      ["1,2,3\n", /3 fields where there are 2 columns/],
      ["x,2\n", /column a: expected a whole number within ±\(2\^53 − 1\), got "x"/],
      [`${"9".repeat(200)},2\n`, /column a: expected .*, got "9{70,80}\.\.\."/],
      ['1,x"y\n', /a quote is opened and not closed/],
      ['1,"x"y\n', /text between a closing quote and the next delimiter/],
      ["1,\xff\n", /not UTF-8/],
    ];
    for (const [line, reason] of cases) {
      const bytes = Buffer.from(`a,b\n1,x\n${line}2,y\n3,z`, "latin1");
      const result = await read(bytes, { columns });
      expect(valuesOf(result), line).toStrictEqual([
        { a: 1, b: "x" },
        { a: 2, b: "y" },
        { a: 3, b: "z" },
      ]);
      const bad = result[1]?.bad;
      expect(bad?.error).toMatchObject({
        code: "BAD_RECORD",
        message: expect.stringMatching(reason),
      });
      expect(Buffer.from(bad?.raw ?? []).toString("latin1")).toBe(line);
      expect([bad?.position, bad?.rawLength, result[1]?.position]).toEqual([
        8,
        line.length,
        8 + line.length,
      ]);
    }
  });

  it("counts a value that a function refuses as a bad record", async () => {
    const columns = {
      a: (text: string): URL => new URL(text),
    };
    const result = await read("a\nhttp://x/\nnope\n", { columns });
    expect(valuesOf(result)).toHaveLength(1);
    expect(badOf(result)).toEqual([["nope\n", expect.stringMatching(/column a: .*got "nope"/)]]);
  });

  it("loses one line to a quote that is never closed", async () => {
    const content = `a,b\n1,"x\n${"2,y\n".repeat(50_000)}`;
    const result = await read(content, { maxRecordLength: 10_000 });
    expect(badOf(result)).toEqual([['1,"x\n', "it has more than 10000 bytes"]]);
    expect(valuesOf(result)).toHaveLength(50_000);
    const atEnd = await read('a,b\n1,"x\n2,y\n');
    expect(badOf(atEnd)).toEqual([['1,"x\n', "a quote is opened and not closed"]]);
    expect(valuesOf(atEnd)).toEqual([{ a: "2", b: "y" }]);
  });

  it("keeps the first MiB of a line that is too long, and knows its length", async () => {
    const line = `1,${"x".repeat(3_000_000)}\n`;
    const content = `a,b\n0,w\n${line}2,y\n`;
    for (const maxRecordLength of [10, 1024 * 1024]) {
      const result = await read(content, { maxRecordLength });
      expect(valuesOf(result)).toEqual([
        { a: "0", b: "w" },
        { a: "2", b: "y" },
      ]);
      const bad = result[1]?.bad;
      expect([bad?.position, bad?.rawLength]).toEqual([8, line.length]);
      expect(bad?.raw.length).toBe(1024 * 1024);
      expect(result[1]?.position).toBe(8 + line.length);
    }
    const kept = await read(content, { maxRecordLength: 4_000_000 });
    expect(valuesOf(kept)).toHaveLength(3);
  });

  it("takes a record of exactly the greatest length, whatever the blocks", async () => {
    for (const blockSize of [1, 7, 64, 1000]) {
      const options = { maxRecordLength: 10 };
      const result = await read('a,b\n123,"\n789\n2345,78901\n"3456789"\n', options, blockSize);
      expect(badOf(result)).toEqual([
        ['123,"\n', expect.stringContaining("more than 10 bytes")],
        ["789\n", expect.stringContaining("1 field")],
        ["2345,78901\n", expect.stringContaining("more than 10 bytes")],
        ['"3456789"\n', expect.stringContaining("1 field")],
      ]);
    }
  });

  it("leaves out a comment of any length", async () => {
    const content = `a,b\n#${'"x'.repeat(2_000_000)}\n1,y\n`;
    const result = await read(content, { comment: "#", maxRecordLength: 100 });
    expect(result.map(({ value }) => value)).toEqual([{ a: "1", b: "y" }]);
  });

  it("looks at lines that open a quote which the line before hides no longer than they are", async () => {
    const content = `a,b\n${'\\"\n'.repeat(300_000)}1,x\n`;
    const result = await read(content, { escape: "\\" });
    expect(result).toHaveLength(300_001);
    expect(valuesOf(result)).toEqual([{ a: "1", b: "x" }]);
  }, 60_000);

  it("refuses a header that does not fit, naming file and header", async () => {
    const columns = { a: "integer", c: "string" };
    await expect(read("a,b\n1,2\n", { columns })).rejects.toThrow(
      /csvSource\.columns: expected names from the header of memory, which is "a", "b", got "c"/,
    );
    await expect(read("a,c,a\n1,2,3\n", { columns })).rejects.toThrow(
      /CSV file memory: its header has the column "a" more than once/,
    );
    const utf16 = Buffer.from("\ufeffa,b\n1,2\n", "utf16le");
    await expect(read(utf16)).rejects.toMatchObject({ code: "FILE_CORRUPT" });
    await expect(read('"a,b\n1,2\n')).rejects.toMatchObject({ code: "FILE_CORRUPT" });
  });

  it("closes what it opens, also when the header does not fit", async () => {
    const parsed = parseCsvOptions({ path: "memory", columns: { z: "string" } });
    for (const content of ["a,b\n1,2\n", "z\n1\n"]) {
      const file = new MemoryFile(content);
      await readFormat(new CsvFormat(parsed), file).catch(() => {});
      await readFormat(new CsvFormat(parsed), file, splitOf(file, { position: 2 })).catch(() => {});
      expect(file.openStreams).toBe(0);
    }
  });

  it("reads Latin-1 and UTF-16 without a header as bad records", async () => {
    const options = { header: false, columns: { a: "string" } };
    const latin = await read(Buffer.from("ok\nm\xfcde\nok\n", "latin1"), options);
    expect(valuesOf(latin)).toEqual([{ a: "ok" }, { a: "ok" }]);
    expect(badOf(latin).map(([, reason]) => reason)).toEqual(["it is not UTF-8"]);
    const wide = await read(Buffer.from("\ufeffm\u00fcde\n", "utf16le"), options);
    expect(wide.some(({ bad }) => bad !== undefined)).toBe(true);
  });
});
