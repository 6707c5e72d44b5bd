import { describe, expect, it } from "vitest";
import { type AnyStateMachine, createMachine } from "xstate";
import * as entry from "../../machines/index.js";
import { machineMistakes } from "./machine-rules.js";
import { listFiles } from "./project-files.js";

const { machines } = entry;

/** `source-operator` → `sourceOperatorMachine`. */
const exportName = (name: string): string =>
  `${name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}Machine`;

describe("the registry of machines", () => {
  it("holds every machine by the name of its file, and nothing else", () => {
    const files = listFiles(["machines"]).filter((path) => path.endsWith(".machine.ts"));
    expect(Object.keys(machines).sort()).toEqual(
      files.map((path) => path.replace(/^machines\/(.*)\.machine\.ts$/, "$1")).sort(),
    );
  });

  it.each(Object.entries(machines))("has %s under the name of its export", (name, machine) => {
    expect((entry as Readonly<Record<string, unknown>>)[exportName(name)]).toBe(machine);
  });
});

describe("every machine", () => {
  it.each(Object.entries(machines))(
    "%s is described, names Flink's methods, and handles what it does not expect",
    (_name, machine) => {
      expect(machineMistakes(machine)).toEqual([]);
    },
  );

  it("would be found incomplete", () => {
    const incomplete = createMachine({
      initial: "a",
      states: {
        a: {
          invoke: { src: "something" },
          after: { 10: "b" },
          on: { Go: { guard: "unheardOf", actions: "neverDefined" } },
        },
        b: { description: "B.", meta: { flink: "C.d" } },
      },
    }) as AnyStateMachine;
    const mistakes = machineMistakes(incomplete);
    for (const expected of [
      "a has no description",
      "a has no meta.flink",
      "a has invoke",
      "a has after",
      "the machine has no description",
      'the root does not handle "*"',
      "a on Go: no action is named neverDefined",
      "a on Go: no guard is named unheardOf",
    ]) {
      expect(mistakes).toContain(expected);
    }
    expect(mistakes.some((mistake) => mistake.startsWith("b "))).toBe(false);
  });
});
