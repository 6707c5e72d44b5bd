import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAll, SourceRun } from "../connectors/source-run.js";
import { FilesFolder } from "./files-folder.js";
import { lineSource } from "./line-source.js";

const folder = new FilesFolder();
const LINES = Array.from({ length: 3000 }, (_, i) => `line ${i} ${(i * 7919) % 1009}`);
const TEXT = `${LINES.join("\n")}\n`;

const read = (path: string, compression: "auto" | "gzip" | "none" = "auto"): Promise<string[]> =>
  readAll(lineSource({ path, compression }) as never);

describe("compressed files", () => {
  it("are decompressed when their name or the option says so, in one split", async () => {
    expect(await read(folder.write(gzipSync(TEXT), "a.gz"))).toEqual(LINES);
    expect(await read(folder.write(gzipSync(TEXT), "a.bin"), "gzip")).toEqual(LINES);
    expect(await read(folder.write(TEXT, "plain.gz"), "none")).toEqual(LINES);
  });

  it("may have several members, wherever one ends", async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom("", "ab", "c\n", "\n", TEXT.slice(0, 5000)), {
        minLength: 1,
        maxLength: 6,
      }),
      async (parts) => {
        const bytes = Buffer.concat(parts.map((part) => gzipSync(part)));
        const lines = parts.join("").split("\n");
        if (lines.at(-1) === "") lines.pop();
        expect(await read(folder.write(bytes, "members.gz"))).toEqual(lines);
      },
    );
    await fc.assert(property, { numRuns: 50 });
    // A member that ends where a block from disk ends.
    const filler = gzipSync(Buffer.alloc(0), { level: 0 });
    const random = Buffer.from(
      Array.from({ length: 262_144 - 2 * filler.length }, (_, i) => 97 + ((i * i) % 25)),
    );
    const stored = gzipSync(random, { level: 0 });
    for (let cut = 0; cut < 40; cut++) {
      const first = gzipSync(random.subarray(0, random.length - cut), { level: 0 });
      const bytes = Buffer.concat([first, gzipSync("\nend\n")]);
      expect((await read(folder.write(bytes, "edge.gz"))).at(-1)).toBe("end");
    }
    expect(stored.length).toBeGreaterThan(262_144 - 40);
  });

  it("that are cut off, empty or garbage are FILE_CORRUPT with the path, after the lines before", async () => {
    const bytes = gzipSync(TEXT);
    const damaged = {
      "cut.gz": bytes.subarray(0, bytes.length - 100),
      "no-trailer.gz": bytes.subarray(0, bytes.length - 4),
      "head.gz": bytes.subarray(0, 5),
      "empty.gz": new Uint8Array(0),
      "garbage.gz": Buffer.from(TEXT),
      "behind.gz": Buffer.concat([bytes, Buffer.from("garbage")]),
      "checksum.gz": Buffer.concat([bytes.subarray(0, -8), Buffer.alloc(8, 1)]),
    };
    for (const [name, content] of Object.entries(damaged)) {
      const failure = await read(folder.write(content, name)).catch((error: unknown) => error);
      expect(causes(failure), name).toContainEqual(
        expect.objectContaining({
          code: "FILE_CORRUPT",
          message: expect.stringContaining(name),
        }),
      );
    }
  });

  it("go on after a restore behind the record that came last", async () => {
    const source = lineSource(
      { path: folder.write(gzipSync(TEXT), "resume.gz") },
      { blockSize: 512 },
    );
    for (const taken of [1, 999, 2999, 3000]) {
      const first = new SourceRun(source, {}).start();
      expect(await first.take(taken)).toHaveLength(taken);
      const restore = first.checkpoint();
      await first.close();
      expect(await readAll(source as never, { restore })).toEqual(LINES.slice(taken));
    }
  });

  it("are held in memory in small parts, however much they give", async () => {
    // 400 MB of one byte in 400 KB.
    const member = gzipSync(Buffer.alloc(40_000_000, "x"));
    const bomb = Buffer.concat([...Array.from({ length: 10 }, () => member), gzipSync("\nend\n")]);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const run = new SourceRun(
      lineSource({ path: folder.write(bomb, "bomb.gz") }, { maxLineLength: 1000 }),
      {},
    ).start();
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }, 5);
    const lines = await run.take();
    clearInterval(watch);
    expect(lines).toEqual(["end"]);
    expect(run.badRecords.map((bad) => [bad.position, bad.rawLength])).toEqual([[0, 400_000_000]]);
    expect(most).toBeLessThan(100_000_000);
    await run.close();
  });
});

function causes(error: unknown): unknown[] {
  const all: unknown[] = [];
  for (let next = error; next instanceof Error; next = next.cause) all.push(next);
  return all;
}
