import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { normalize } from "../conformance/compare.js";
import type { Json, Script, Trace } from "../conformance/protocol.js";
import { runScript } from "../conformance/run-script.js";

function find<T extends { readonly id: string }>(file: string, id: string): T {
  const text = readFileSync(new URL(`../conformance/data/${file}`, import.meta.url), "utf8");
  const found = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T)
    .find((each) => each.id === id);
  if (found === undefined) throw new Error(`${id} is not in ${file}`);
  return found;
}

it("differs from Flink in forgetting a paused split that finishes, and in nothing else", async () => {
  const id = "op-28-paused-split-then-finished";
  const ours = await runScript(find<Script>("defect-scripts.jsonl", id));
  const flink = find<Trace>("defect-traces.jsonl", id);
  const flinkWithoutDefect = flink.trace.map((step: Json) => {
    const { paused = [], readerPaused: _, ...rest } = step;
    return { ...rest, paused: paused.filter((splitId: string) => step.assigned.includes(splitId)) };
  });
  const normalized = (trace: Json[]) => trace.map((step) => normalize("operator", step));
  expect(normalized(ours.trace)).toEqual(normalized(flinkWithoutDefect));
  expect(normalized(ours.trace)).not.toEqual(normalized(flink.trace));
});

it("ends where Flink throws, when it is stopped with alignment before it has emitted", async () => {
  const { trace } = await runScript({
    id: "stop-before-first-emit",
    kind: "operator",
    config: { gen: "punctuated", alignment: { group: "g" } },
    steps: [
      { op: "open" },
      { op: "stop", mode: "NO_DRAIN" },
      { op: "addSplits", splits: [{ id: 1, records: [1] }] },
      { op: "emitNext" },
      { op: "emitNext" },
    ],
  });
  expect(trace.map(({ status, error }) => status ?? error)).toEqual([
    undefined,
    undefined,
    undefined,
    "STOPPED",
    "END_OF_INPUT",
  ]);
  expect(trace.at(-1)?.toCoordinator).toEqual([{ type: "ReportedWatermark", wm: "MAX" }]);
});
