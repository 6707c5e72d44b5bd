import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listFiles, projectRoot, readFiles } from "./project-files.js";
import {
  lengthMistakes,
  nameMistakes,
  topLevelMistakes,
  versionMistakes,
} from "./project-rules.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");

describe("the project", () => {
  it("has names in kebab-case that say something", () => {
    // Java, Maven and checkpoints have names of their own.
    const files = listFiles(["src", "machines", "test", "docs"]).filter(
      (path) =>
        !path.startsWith("test/bench/flink/") && !/\.java$|\/(?:pom\.xml|_metadata)$/.test(path),
    );
    expect(files.flatMap(nameMistakes)).toEqual([]);
  });

  it("has no file of more than 400 lines", () => {
    expect(readFiles(["src", "machines"]).flatMap(lengthMistakes)).toEqual([]);
  });

  it("has nothing at its top level that belongs elsewhere", () => {
    expect(topLevelMistakes(readdirSync(projectRoot))).toEqual([]);
  });

  it("depends on exact versions", () => {
    expect(versionMistakes(JSON.parse(read("package.json")))).toEqual([]);
  });

  it("names no registry in its lock file", () => {
    expect(read("package-lock.json")).not.toContain('"resolved"');
  });
});

describe("the rules about the project", () => {
  it.each([
    "src/reader/sourceReader.ts",
    "src/reader/source_reader.ts",
    "src/Reader/a.ts",
    "src/reader/utils.ts",
    "src/helpers/a.ts",
    "test/common.test.ts",
    "docs/Notes.md",
    "src/reader/a.js",
  ])("refuse the name %s", (path) => {
    expect(nameMistakes(path)).toHaveLength(1);
  });

  it.each([
    "src/reader/source-reader-base.ts",
    "machines/split-fetcher.machine.ts",
    "docs/ERRORS.md",
    "docs/examples/01-flights.ts",
    "test/conformance/data/scripts.jsonl",
  ])("accept the name %s", (path) => {
    expect(nameMistakes(path)).toEqual([]);
  });

  it("count lines, and not the end of the last one", () => {
    const lines = (count: number) => ({ path: "src/a.ts", text: "x\n".repeat(count) });
    expect(lengthMistakes(lines(400))).toEqual([]);
    expect(lengthMistakes(lines(401))).toEqual([
      "src/a.ts has 401 lines: which second idea lives in it?",
    ]);
  });

  it("refuse another file at the top level", () => {
    const entries = ["src", ".gitignore", "tsconfig.build.json", "dist", "notes.md", "scripts"];
    expect(topLevelMistakes(entries)).toEqual([
      "notes.md does not belong to the top level",
      "scripts does not belong to the top level",
    ]);
  });

  it("refuse a range, a tag or an address as a version", () => {
    const dependencies = { a: "1.2.3", b: "^1.2.3", c: "latest", d: "1.2", e: "2.0.0-rc.1" };
    const devDependencies = { f: "github:x/y" };
    expect(versionMistakes({ dependencies, devDependencies })).toEqual([
      "dependencies.b: ^1.2.3 is no exact version",
      "dependencies.c: latest is no exact version",
      "dependencies.d: 1.2 is no exact version",
      "devDependencies.f: github:x/y is no exact version",
    ]);
  });
});
