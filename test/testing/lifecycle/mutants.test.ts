import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MUTANTS } from "./mutants/mutants.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const MAIN = "test/testing/lifecycle/mutants/main.js";
const LIFECYCLES = [...new Set(MUTANTS.map(({ lifecycle }) => lifecycle))];
/** Milliseconds on a busy machine. */
const LONGEST = 480_000;

/** By the name of a mutant, or of a machine whose class is as it is. */
const failures = new Map<string, string | undefined>();
const directory = mkdtempSync(path.join(tmpdir(), "headwater-lifecycle-"));

beforeAll(() => {
  const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
  const tsc = path.join(path.dirname(typescript), "bin", "tsc");
  const project = path.join(ROOT, "test/testing/lifecycle/mutants/tsconfig.json");
  const output = ["--outDir", directory, "--incremental", "false", "--noCheck"];
  execFileSync(process.execPath, [tsc, "-p", project, ...output], { stdio: "inherit" });
  copyFileSync(path.join(ROOT, "package.json"), path.join(directory, "package.json"));
  symlinkSync(path.join(ROOT, "node_modules"), path.join(directory, "node_modules"));
  const lines = execFileSync(process.execPath, [path.join(directory, MAIN)], { timeout: LONGEST });
  for (const line of lines.toString().trim().split("\n")) {
    const one = JSON.parse(line) as { readonly name: string; readonly failure?: string };
    failures.set(one.name, one.failure);
  }
}, LONGEST);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it.each(LIFECYCLES)("the tests of the %s machine let its class pass as it is", (lifecycle) => {
  expect(failures.has(lifecycle)).toBe(true);
  expect(failures.get(lifecycle)).toBeUndefined();
});

describe("the tests of its machine kill a class that", () => {
  it.each(MUTANTS)("$name ($lifecycle)", ({ name }) => {
    // What the comparison says, not a mutant that cannot be loaded.
    expect(failures.get(name)).toMatch(/differs from the machine|no order of its events/);
  });
});
