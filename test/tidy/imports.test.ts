import { describe, expect, it } from "vitest";
import { cyclesOf, folderOf, importsOf } from "./imports.js";
import { importMistake } from "./layers.js";
import { readFiles, stripComments } from "./project-files.js";

const imports = readFiles(["src", "machines"]).flatMap(importsOf);

const mistakesOf = (path: string, text: string): (string | undefined)[] =>
  importsOf({ path, text }).map(importMistake);

describe("imports", () => {
  it("point one way: from the runtime down to the errors", () => {
    expect(imports.length).toBeGreaterThan(500);
    expect(imports.flatMap((one) => importMistake(one) ?? [])).toEqual([]);
  });

  it("make no cycle of folders, counting those of types", () => {
    const edges = imports.map(({ from, to }) => [folderOf(from), folderOf(to)] as const);
    expect(cyclesOf(edges)).toEqual([]);
  });

  it("make no cycle of files, apart from those of types", () => {
    const values = imports.filter(({ isTypeOnly }) => !isTypeOnly);
    expect(cyclesOf(values.map(({ from, to }) => [from, to] as const))).toEqual([]);
  });
});

describe("the rules about imports", () => {
  it("read every form of import and export", () => {
    const text = `
      import a from "./a.js";
      import type { B } from "./b.js";
      import { type C, type D } from "./c.js";
      import { type E, f } from "./e.js";
      import g, { type H } from "./g.js";
      import * as i from "./i.js";
      export * from "./j.js";
      export type * from "./k.js";
      export {
        l,
        type M,
      } from "../l.js";
      import "./n.js";
      const o = await import("./o.js");
      // import p from "./p.js";
      /* import q from "./q.js"; */
      const url = "http://r";
      import s from "@scope/s/deep/path.js";
    `;
    const found = importsOf({ path: "src/x/file.ts", text });
    expect(found.map(({ to, isTypeOnly }) => `${to}${isTypeOnly ? " type" : ""}`)).toEqual([
      "src/x/a.ts",
      "src/x/b.ts type",
      "src/x/c.ts type",
      "src/x/e.ts",
      "src/x/g.ts",
      "src/x/i.ts",
      "src/x/j.ts",
      "src/x/k.ts type",
      "src/l.ts",
      "src/x/n.ts",
      "src/x/o.ts",
      "@scope/s",
    ]);
  });

  it("keep strings, templates and regular expressions when comments go", () => {
    const kept = ['"a // b"', "'c /* d'", "`e // f */`", '= /["/*]+\\//'];
    for (const text of kept) expect(stripComments(`${text} // gone`)).toBe(`${text}  `);
    expect(stripComments("a /* b\n * c */ d")).toBe("a  \n d");
  });

  it.each([
    ["src/errors/x.ts", 'import { a } from "../mailbox/a.js";'],
    ["src/api/x.ts", 'import { a } from "../mailbox/a.js";'],
    ["src/api/x.ts", 'import { a } from "node:fs";'],
    ["machines/x.machine.ts", 'import { a } from "../src/api/a.js";'],
    ["machines/x.machine.ts", 'import type { A } from "../src/mailbox/a.js";'],
    ["machines/x.machine.ts", 'import { of } from "rxjs";'],
    ["src/reader/x.ts", 'import type { A } from "../runtime/a.js";'],
    ["src/operator/x.ts", 'import type { A } from "../coordinator/a.js";'],
    ["src/checkpoint/x.ts", 'import { a } from "../runtime/a.js";'],
    ["src/runtime/x.ts", 'import { a } from "../cli/a.js";'],
    ["src/runtime/x.ts", 'import { a } from "../connectors/parquet/a.js";'],
    ["src/runtime/x.ts", 'import { a } from "../../test/support/a.js";'],
    ["src/runtime/x.ts", 'import { a } from "../testing/a.js";'],
    ["src/runtime/x.ts", 'import { program } from "commander";'],
    ["src/runtime/x.ts", 'import { a } from "unheard-of";'],
    ["src/unheard-of/x.ts", 'import { a } from "../errors/a.js";'],
    ["src/connectors/parquet/x.ts", 'import type { A } from "../../runtime/a.js";'],
    ["src/connectors/parquet/x.ts", 'import type { A } from "../../../machines/a.machine.js";'],
    ["src/connectors/parquet/x.ts", 'import { a } from "../../mailbox/clock.js";'],
    ["src/connectors/parquet/x.ts", 'import { a } from "../elements/a.js";'],
    ["src/connectors/parquet/x.ts", 'import { a } from "../index.js";'],
    ["src/connectors/parquet/x.ts", 'import { a } from "../../stream/a.js";'],
    ["src/connectors/elements/x.ts", 'import { a } from "hyparquet";'],
  ])("refuse %s: %s", (path, text) => {
    expect(mistakesOf(path, text)).toEqual([expect.stringContaining(`${path} must not import`)]);
  });

  it.each([
    ["src/api/x.ts", 'import type { A } from "../mailbox/a.js";'],
    ["src/api/x.ts", 'import type { A } from "./a.js";'],
    ["machines/x.machine.ts", 'import { setup } from "xstate";'],
    ["src/connectors/index.ts", 'export * from "./elements/index.js";'],
    ["src/connectors/parquet/x.ts", 'import { a } from "../element-buffer.js";'],
    ["src/connectors/parquet/x.ts", 'import { a } from "../../mailbox/availability.js";'],
    ["src/connectors/parquet/x.ts", 'import type { A } from "../../mailbox/clock.js";'],
  ])("accept %s: %s", (path, text) => {
    expect(mistakesOf(path, text)).toEqual([undefined]);
  });

  it("find a cycle wherever it begins, and none in a diamond", () => {
    const diamond = [
      ["a", "b"],
      ["a", "c"],
      ["b", "d"],
      ["c", "d"],
      ["d", "d"],
    ] as const;
    expect(cyclesOf(diamond)).toEqual([]);
    expect(cyclesOf([...diamond, ["d", "b"]])).toEqual([["b", "d", "b"]]);
  });
});
