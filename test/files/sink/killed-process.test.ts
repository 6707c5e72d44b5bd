import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { namesIn, sinkFolder, textOf } from "./sink-folder.js";

const SCRIPT = fileURLToPath(new URL("write-and-die.ts", import.meta.url));
const JITI = fileURLToPath(new URL("../../../node_modules/jiti/lib/jiti-cli.mjs", import.meta.url));
const COUNT = 20_000;

/** Runs the job until it is killed so many records after its first finished file; how it ended. */
function work(folder: string, fatal: number): string {
  const args = [JITI, SCRIPT, folder, `${COUNT}`, `${fatal}`];
  const { signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).toBe("");
  return signal ?? stdout.trim();
}

/** The numbers in finished files; throws when a line is not whole. */
function finishedNumbers(path: string): readonly number[] {
  return namesIn(path)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) => {
      const text = textOf(path, name);
      expect(text.endsWith("\n")).toBe(true);
      return text
        .slice(0, -1)
        .split("\n")
        .map((line) => {
          const n = Number(line.split(" ")[0]);
          expect(line).toBe(`${n} ${"x".repeat(n % 50)}`);
          return n;
        });
    });
}

describe("a process that is killed while it writes exactly once", () => {
  it("leaves whole files, and another goes on without a loss or a repetition", {
    timeout: 120_000,
  }, () => {
    const [kills] = fc.sample(
      fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 3, maxLength: 3 }),
      1,
    );
    const folder = dirname(sinkFolder());
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "out");
    let hidden = 0;
    let last: readonly number[] = [];
    for (const fatal of kills ?? []) {
      expect(work(folder, fatal), `killed after ${kills}`).toBe("SIGKILL");
      hidden += namesIn(path).filter((name) => name.startsWith(".")).length;
      const now = finishedNumbers(path);
      expect(new Set(now).size, `killed after ${kills}`).toBe(now.length);
      expect(new Set(now)).toEqual(new Set([...now, ...last]));
      last = now;
    }
    expect(last.length).toBeGreaterThan(0);
    expect(hidden).toBeGreaterThan(0);
    expect(work(folder, 0)).toBe("FINISHED");
    const all = [...finishedNumbers(path)].sort((a, b) => a - b);
    expect(all, `killed after ${kills}`).toEqual(Array.from({ length: COUNT }, (_, n) => n));
  });
});
