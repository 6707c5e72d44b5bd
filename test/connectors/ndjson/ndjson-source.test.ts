import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NdjsonSourceOptions, ndjsonSource } from "../../../src/connectors/ndjson/index.js";
import { JsonDecoder } from "../../../src/connectors/ndjson/json-decoder.js";
import { FilesFolder } from "../../files/files-folder.js";
import { readAll, SourceRun } from "../source-run.js";

const folder = new FilesFolder();

async function read(content: string, options: Partial<NdjsonSourceOptions<unknown>> = {}) {
  const path = folder.write(content, "input.ndjson");
  const run = new SourceRun(ndjsonSource({ path, ...options })).start();
  const records = await run.take();
  await run.close();
  return { records, bad: run.badRecords };
}

describe("ndjsonSource", () => {
  it("gives a value a line; blank lines are none", async () => {
    const content = '\uFEFF{"a":1}\r\n\n \t\r\nnull\n"ä\\n"\n[1e400]\n12345678901234567890';
    const { records, bad } = await read(content);
    expect(records).toEqual([
      { a: 1 },
      null,
      "ä\n",
      [Number.POSITIVE_INFINITY],
      12345678901234567000,
    ]);
    expect(bad).toEqual([]);
  });

  it("reports a line that is no JSON with its bytes and what is wrong, and not with the line", async () => {
    const secret = "secret-4711-".repeat(50);
    const lines = [`{"a":${secret}}`, '{"b":2}', "{", '"open', secret, '{"a":1}}', "'x'"];
    const { records, bad } = await read(lines.join("\n"));
    expect(records).toEqual([{ b: 2 }]);
    expect(bad).toHaveLength(6);
    expect(Buffer.from(bad[0]?.raw ?? []).toString()).toBe(lines[0]);
    for (const { error } of bad) {
      const { code, message } = error as { code: string; message: string };
      expect(code).toBe("BAD_RECORD");
      expect(message).toMatch(/^no JSON: \w/);
      expect(message).not.toContain("4711");
      expect(message.length).toBeLessThan(220);
    }
  });

  it("lets a function check or convert the values; what it throws makes a bad record", async () => {
    const parse = (value: unknown): number => {
      if (typeof value !== "number") throw new Error("a number is wanted");
      return value * 2;
    };
    const { records, bad } = await read('1\n"x"\n3\n', { parse });
    expect(records).toEqual([2, 6]);
    expect(bad).toHaveLength(1);
    expect(bad[0]).toMatchObject({ position: 2, rawLength: 3 });
    expect(bad[0]?.error).toMatchObject({
      message: "refused by ndjsonSource.parse: a number is wanted",
      cause: { message: "a number is wanted" },
    });
  });

  it("takes deep nesting, and refuses what is too deep before it is parsed", async () => {
    const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    const { records, bad } = await read(
      `${deep(100_000)}\n${deep(1_500_000)}\n{"a":${"[".repeat(2_000_000)}\n1\n`,
    );
    expect(records).toHaveLength(2);
    expect(bad.map(({ error }) => (error as Error).message)).toEqual(
      Array(2).fill("more than 1000000 levels of objects and arrays"),
    );
    const shallow = new JsonDecoder<unknown>(undefined, 2);
    expect(shallow.decode('[["[[[[\\"[[["]]')).toEqual([['[[[["[[[']]);
    expect(() => shallow.decode('[[{"a":1}]]')).toThrow("levels");
  });

  it("gives what JSON.parse gives for any lines, each once, whatever the splits", async () => {
    const line = fc.oneof(fc.json(), fc.string({ maxLength: 20 }));
    const property = fc.asyncProperty(
      fc.array(line, { maxLength: 20 }),
      fc.integer({ min: 1, max: 100 }),
      async (texts, splitSize) => {
        const lines = texts.map((text) => text.replace(/[\r\n\uFEFF]/g, " "));
        const expected: unknown[] = [];
        let wrong = 0;
        for (const text of lines) {
          if (/^[ \t]*$/.test(text)) continue;
          try {
            expected.push(JSON.parse(text));
          } catch {
            wrong++;
          }
        }
        const { records, bad } = await read(lines.join("\n"), { splitSize });
        expect(records).toEqual(expected);
        expect(bad).toHaveLength(wrong);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it("goes on after a restore behind a bad record", async () => {
    const path = folder.write('{"a":1}\nbad\n\n{"a":2}\n{"a":3}\n');
    const source = ndjsonSource<{ a: number }>({ path });
    const first = new SourceRun(source).start();
    expect(await first.take(2)).toEqual([{ a: 1 }, { a: 2 }]);
    const restore = first.checkpoint();
    await first.close();
    expect(await readAll(source as never, { restore })).toEqual([{ a: 3 }]);
  });

  it("says what is wrong with its options", () => {
    for (const options of [{ parse: 1 }, { schema: {} }, { splitSize: "1" }]) {
      expect(() => ndjsonSource({ path: "x", ...options } as never)).toThrow(
        expect.objectContaining({
          code: "OPTION_INVALID",
          message: expect.stringContaining(`ndjsonSource.${Object.keys(options)[0]}`),
        }),
      );
    }
  });
});
