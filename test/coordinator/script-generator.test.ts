import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generateCoordinatorScript } from "../conformance/generate/coordinator.js";
import type { Script } from "../conformance/protocol.js";
import { runScript } from "../conformance/run-script.js";

const file = new URL("../conformance/data/coordinator-generated-scripts.jsonl", import.meta.url);
const scripts = readFileSync(file, "utf8")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => JSON.parse(line) as Script);

describe("the generator of coordinator scripts", () => {
  it("gives the stored scripts again for their seeds", () => {
    expect(scripts.length).toBeGreaterThan(50);
    for (const script of scripts) {
      const seed = Number(script.id.split("-").at(-1));
      expect(generateCoordinatorScript(seed)).toEqual(script);
    }
  });

  it("gives scripts that run to their end, whatever the seed", async () => {
    for (let seed = 1_000_000; seed < 1_000_100; seed++) {
      const script = generateCoordinatorScript(seed);
      const trace = await runScript(script);
      expect(trace.fatal, `seed ${seed}`).toBeUndefined();
      expect(trace.trace, `seed ${seed}`).toHaveLength(script.steps.length);
      const broken = trace.trace.filter((step) => step.afterError !== undefined);
      expect(broken, `seed ${seed}`).toEqual([]);
    }
  });
});
