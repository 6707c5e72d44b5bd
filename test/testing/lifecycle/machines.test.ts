import { machines } from "headwater/machines";
import { testLifecycle } from "headwater/testing";
import { expect, it } from "vitest";
import { LIFECYCLES } from "./systems/index.js";

/** The largest has a file of its own. */
const { "split-fetcher": _, ...others } = LIFECYCLES;

for (const [name, { machine, systemUnderTest, options }] of Object.entries(others)) {
  testLifecycle(machine, systemUnderTest, { ...options, name });
}

it("every machine of the registry is tested with the class that runs it", () => {
  expect(Object.keys(LIFECYCLES).sort()).toEqual(Object.keys(machines).sort());
});
