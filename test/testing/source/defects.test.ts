import { describe, expect, it } from "vitest";
import { runSuite } from "../../../src/testing/harness/suite.js";
import { MemoryLog, memoryLogSource, runSourceSuite } from "../../../src/testing/index.js";
import { sourceCases } from "../../../src/testing/source/test-source.js";
import { DEFECTS } from "./defective-source.js";
import { numbered } from "./numbered.js";

describe("testSource finds a source that", () => {
  it.each(DEFECTS)("$name", async ({ foundBy, says, source }) => {
    const cases = sourceCases({
      time: "virtual",
      externalSystem: {
        create: ({ splits, records }) => {
          const take = numbered();
          const log = new MemoryLog(Array.from({ length: splits }, () => take(records))).end();
          return { log, expected: () => log.records };
        },
      },
      source: ({ log }) => source(log),
    }).filter(({ name }) => foundBy.test(name));
    expect(cases).toHaveLength(1);
    const { failures } = await runSuite(cases);
    expect(failures.map(({ name }) => name)).toEqual([cases[0]?.name]);
    expect(String(failures[0]?.error)).toMatch(says);
  });

  it("reads nothing, of a system that has nothing", async () => {
    const { passed, failures } = await runSourceSuite({
      time: "virtual",
      lacks: { replay: "it cannot" },
      externalSystem: { create: () => ({ log: new MemoryLog([[]]).end(), expected: () => [] }) },
      source: ({ log }) => memoryLogSource(log, { bounded: true }),
    });
    expect(passed).toEqual(["reads nothing where there is nothing"]);
    expect(String(failures[0]?.error)).toContain("0 records instead of the 5 that were asked for");
  });
});
