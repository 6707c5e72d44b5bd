import { describe, expect, it } from "vitest";
import { type ProjectFile, readFiles, stripComments } from "./project-files.js";

const UNION = "src/errors/headwater-error.ts";

/** The members of the closed union of error codes, as its source has them. */
function codesOf(source: string): string[] {
  const union = /export type ErrorCode =([^;]*);/.exec(source)?.[1] ?? "";
  return [...union.matchAll(/"([A-Z_]+)"/g)].map((match) => match[1] as string);
}

/** The codes in the first column of a Markdown table, and the empty cells of their rows. */
function rowsOf(document: string): { readonly code: string; readonly isComplete: boolean }[] {
  return [...document.matchAll(/^\| `([A-Z_]+)` *\|(.*)\|$/gm)].map((match) => ({
    code: match[1] as string,
    isComplete: (match[2] as string).split("|").every((cell) => cell.trim() !== ""),
  }));
}

/** Codes that no code raises. */
function unused(codes: readonly string[], files: readonly ProjectFile[]): string[] {
  // Where the union stands, only what comes after it raises anything.
  const texts = files.map(({ path, text }) =>
    stripComments(path === UNION ? text.slice(text.indexOf(";")) : text),
  );
  return codes.filter((code) => !texts.some((text) => text.includes(`"${code}"`)));
}

const sources = readFiles(["src"]);
const codes = codesOf(sources.find(({ path }) => path === UNION)?.text ?? "");
const rows = rowsOf(readFiles(["docs"], ["ERRORS.md"])[0]?.text ?? "");

describe("docs/ERRORS.md", () => {
  it("has a row for each error code, in the order of the union, and no other", () => {
    expect(codes.length).toBeGreaterThan(20);
    expect(rows.map(({ code }) => code)).toEqual(codes);
  });

  it("fills every cell", () => {
    expect(rows.filter(({ isComplete }) => !isComplete)).toEqual([]);
  });

  it("describes only codes that something raises", () => {
    expect(unused(codes, sources)).toEqual([]);
  });
});

describe("the rules about error codes", () => {
  it("read the union and the rows", () => {
    expect(codesOf('export type ErrorCode =\n  | "A_B"\n  | "C";\ntype X = "D";')).toEqual([
      "A_B",
      "C",
    ]);
    expect(rowsOf("| code | x |\n| --- | --- |\n| `A_B` | x | y |\n| `C`   |  | z |")).toEqual([
      { code: "A_B", isComplete: true },
      { code: "C", isComplete: false },
    ]);
  });

  it("find a code that is only in the union or in a comment", () => {
    const files = [
      { path: UNION, text: 'export type ErrorCode = "A" | "B" | "C";\nraise("A");' },
      { path: "src/x.ts", text: '// "B"\nraise("C");' },
    ];
    expect(unused(["A", "B", "C"], files)).toEqual(["B"]);
  });
});
