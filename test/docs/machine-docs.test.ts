import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { not, setup } from "xstate";
import { machines } from "../../machines/index.js";
import { RESERVED_IDS, toMermaid } from "../../src/inspect/statechart/mermaid.js";
import { machineDocument, machineDocuments } from "./machine-docs.js";
import { differences, readDirectory } from "./stale-documents.js";

const directory = join(import.meta.dirname, "../../docs/machines");

const sample = setup({
  actions: { shout: () => {}, refuse: (_, _params: { reason: string }) => {} },
  guards: { isLoud: () => true },
}).createMachine({
  id: "sample",
  description: "A sample.",
  initial: "end",
  on: {
    Leave: { target: ".gone" },
    "*": { actions: { type: "refuse", params: { reason: "no" } } },
  },
  states: {
    end: {
      description: "Has the name of a keyword | and a bar.",
      meta: { flink: "A.b", availability: "reader" },
      on: { Go: [{ guard: "isLoud", target: "outer.inner-most", actions: "shout" }, {}] },
    },
    outer: {
      description: "Holds another.",
      meta: { flink: "C.d" },
      initial: "inner-most",
      entry: "shout",
      states: {
        "inner-most": {
          description: "Inside.",
          meta: { flink: "E.f" },
          always: { guard: not("isLoud"), target: "#sample.gone" },
        },
      },
    },
    gone: { description: "Over.", meta: { flink: "G.h" }, type: "final" },
  },
});

describe("the documents of machines", () => {
  it("are what the machines say: run `npm run docs` when this fails", () => {
    expect(differences(machineDocuments(machines), readDirectory(directory))).toEqual([]);
  });

  it("count as stale, missing or left over", () => {
    const wanted = new Map([
      ["a.md", "a"],
      ["b.md", "b"],
    ]);
    const found = new Map([
      ["b.md", "x"],
      ["c.md", "c"],
    ]);
    expect(differences(wanted, found)).toEqual([
      "a.md is missing",
      "b.md is stale",
      "c.md is left over",
    ]);
  });

  it("draw nested, final and initial states, guards and transitions of any state", () => {
    expect(toMermaid(sample).split("\n")).toEqual([
      "stateDiagram-v2",
      "  [*] --> end_",
      '  state "end" as end_',
      "  state outer {",
      "    [*] --> outer_inner_most",
      '    state "inner-most" as outer_inner_most',
      "  }",
      "  gone",
      "  gone --> [*]",
      '  state "any state" as any_state',
      "  end_ --> outer_inner_most : Go [isLoud]",
      "  outer_inner_most --> gone : always [not isLoud]",
      "  any_state --> gone : Leave",
    ]);
  });

  it("list states with their other facts, and every transition in the order of its choice", () => {
    const rows = machineDocument("sample", sample).replaceAll(/ +/g, " ").split("\n");
    expect(rows).toContain(
      "| state | description | in Flink | availability | on entry | on exit |",
    );
    expect(rows).toContain(
      "| `end` | Has the name of a keyword \\| and a bar. | `A.b` | reader | | |",
    );
    expect(rows).toContain("| `gone` (final) | Over. | `G.h` | | | |");
    const first = rows.indexOf("| `end` | `Go` | `isLoud` | `outer.inner-most` | `shout` |");
    expect(first).toBeGreaterThan(0);
    expect(rows[first + 1]).toBe("| `end` | `Go` | | | _ignored_ |");
    expect(rows).toContain("| any state | _any other_ | | | `refuse(no)` |");
    expect(rows).toContain("Given by the runtime: `shout`, `refuse`.");
  });

  it("refuse an action without a name", () => {
    const unnamed = setup({}).createMachine({
      entry: () => {},
      initial: "a",
      states: { a: { entry: () => {} } },
    });
    expect(() => machineDocument("unnamed", unnamed)).toThrow("unnamed action");
  });

  it.each(Object.entries(machines))("give %s a diagram that Mermaid can read", (_name, machine) => {
    expect(mermaidMistakes(toMermaid(machine))).toEqual([]);
  });

  it("would be found unreadable with a keyword, an undeclared state or a colon in a label", () => {
    const bad = ["stateDiagram-v2", "  end", "  a", "  a --> b : x", "  a --> a : x:y", "  a -> a"];
    expect(mermaidMistakes(bad.join("\n"))).toHaveLength(4);
  });

  it("name files of the machines folder, all of them", () => {
    const files = readdirSync(join(import.meta.dirname, "../../machines"));
    const names = files.filter((file) => file.endsWith(".machine.ts")).sort();
    expect(
      Object.keys(machines)
        .map((name) => `${name}.machine.ts`)
        .sort(),
    ).toEqual(names);
    expect(readFileSync(join(directory, "README.md"), "utf8")).toContain("[Job](job.md)");
  });
});

/** A strict reader of the part of Mermaid's grammar that the documents use. */
function mermaidMistakes(diagram: string): string[] {
  const mistakes: string[] = [];
  const declared = new Set<string>();
  const used: string[] = [];
  const declare = (id: string): void => {
    if (RESERVED_IDS.has(id.toLowerCase())) mistakes.push(`${id} is a keyword`);
    if (declared.has(id)) mistakes.push(`${id} is declared twice`);
    declared.add(id);
  };
  let depth = 0;
  const [first, ...lines] = diagram.split("\n");
  if (first !== "stateDiagram-v2") mistakes.push("the first line is not stateDiagram-v2");
  for (const line of lines.map((text) => text.trim())) {
    const state = /^(?:(\w+)|state (?:"[\w. -]+" as )?(\w+)( \{)?)$/.exec(line);
    const edge = /^(\[\*\]|\w+) --> (\[\*\]|\w+)(?: : [^:;#%"{}<>]+)?$/.exec(line);
    if (line === "}") depth--;
    else if (line === "--") continue;
    else if (state !== null) {
      declare((state[1] ?? state[2]) as string);
      if (state[3] !== undefined) depth++;
    } else if (edge !== null) used.push(edge[1] as string, edge[2] as string);
    else mistakes.push(`cannot read ${line}`);
  }
  if (depth !== 0) mistakes.push("braces do not match");
  for (const id of used)
    if (id !== "[*]" && !declared.has(id)) mistakes.push(`${id} is not declared`);
  return mistakes;
}
