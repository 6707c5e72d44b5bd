import { describe, expect, it } from "vitest";
import { textSource } from "../../../src/connectors/text/index.js";
import { FilesFolder } from "../../files/files-folder.js";
import { readAll, SourceRun } from "../source-run.js";

const folder = new FilesFolder();

describe("textSource", () => {
  it("reads the lines of files as they are, blank ones too", async () => {
    folder.write("a\n\nb", "lines/1.txt");
    folder.write("ä\r\n", "lines/2.txt");
    const source = textSource({ path: folder.join("lines") });
    expect(source.boundedness).toBe("BOUNDED");
    expect(source.name).toBe(`text ${folder.join("lines")}`);
    expect(await readAll(source as never)).toEqual(["a", "", "b", "ä"]);
  });

  it("reads every line once in several subtasks, on request and all at once", async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}`);
    const path = folder.write(`${lines.join("\n")}\n`);
    for (const assignment of ["on-request", "all-at-once"] as const) {
      const source = textSource({ path, splitSize: 777, assignment });
      const records = await readAll(source as never, { parallelism: 3 });
      expect([...records].sort()).toEqual([...lines].sort());
    }
  });

  it("goes on after a restore in each of several subtasks, where each was", async () => {
    const lines = Array.from({ length: 2000 }, (_, i) => `line ${i}`);
    const path = folder.write(lines.join("\n"));
    for (const assignment of ["on-request", "all-at-once"] as const) {
      const source = textSource({ path, splitSize: 999, assignment });
      for (const taken of [0, 1, 500, 1999, 2000]) {
        const first = new SourceRun(source, { parallelism: 2 }).start();
        const before = await first.take(taken);
        const restore = first.checkpoint();
        await first.close();
        const after = await readAll(source as never, { parallelism: 2, restore });
        expect([...before, ...after].sort()).toEqual([...lines].sort());
      }
    }
  });

  it("reads 10,000 small files quickly", async () => {
    for (let i = 0; i < 10_000; i++) folder.write(`${i}\n`, `many/${i % 100}/${i}.txt`);
    const start = performance.now();
    const source = textSource({ path: folder.join("many") });
    const records = await readAll(source as never, { parallelism: 2 });
    const took = performance.now() - start;
    expect(records).toHaveLength(10_000);
    expect(new Set(records).size).toBe(10_000);
    expect(took).toBeLessThan(30_000);
  });

  it("says what is wrong with its options", () => {
    const wrong = (options: object, message: string): void => {
      expect(() => textSource({ path: "x", ...options } as never)).toThrow(
        expect.objectContaining({
          code: "OPTION_INVALID",
          message: expect.stringContaining(message),
        }),
      );
    };
    wrong({ path: [] }, "textSource.path");
    wrong({ path: "" }, "textSource.path");
    wrong({ splitSize: 0 }, "textSource.splitSize");
    wrong({ compression: "zip" }, "textSource.compression");
    wrong({ discoveryInterval: 0 }, "textSource.discoveryInterval");
    wrong({ discoveryInterval: "soon" }, "textSource.discoveryInterval");
    wrong({ changeDetection: "hash" }, "textSource.changeDetection");
    wrong({ discoveryInterval: 5, assignment: "all-at-once" }, "textSource.assignment");
    wrong({ maxLineLength: 2 ** 30 }, "textSource.maxLineLength");
    wrong({ lines: 1 }, "textSource.lines");
    const source = textSource({ path: "x", discoveryInterval: "1s" });
    expect(source.boundedness).toBe("CONTINUOUS_UNBOUNDED");
  });
});
