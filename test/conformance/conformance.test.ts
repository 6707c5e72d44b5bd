import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { normalize } from "./compare.js";
import type { Script, Trace } from "./protocol.js";
import { runScript } from "./run-script.js";
import { KINDS } from "./runners/index.js";

const directory = new URL("./data/", import.meta.url);

const load = <T>(name: string): T[] =>
  readFileSync(new URL(name, directory), "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as T);

/** Every file of that ending but those where Flink itself errs. */
const loadAll = <T>(ending: string): T[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(ending) && !name.startsWith("defect-"))
    .sort()
    .flatMap((name) => load<T>(name));

const expected = new Map(loadAll<Trace>("traces.jsonl").map((trace) => [trace.id, trace]));
const scripts = loadAll<Script>("scripts.jsonl").filter((script) => KINDS.includes(script.kind));

describe("gives the trace of real Flink 2.2.1", () => {
  it.each(scripts.map((script) => [script.kind, script.id, script] as const))(
    "%s %s",
    async (kind, id, script) => {
      const actual = await runScript(script);
      const flink = expected.get(id);
      expect(flink).toBeDefined();
      expect(actual.fatal).toBeUndefined();
      expect(actual.trace.map((step) => normalize(kind, step))).toEqual(
        flink?.trace.map((step) => normalize(kind, step)),
      );
    },
  );
});
