import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AttemptFence } from "../../src/coordinator/attempt-fence.js";

const SUBTASKS = 2;
const ATTEMPTS = 6;

const step = fc.record({
  kind: fc.constantFrom("ready" as const, "ended" as const, "reset" as const),
  subtask: fc.integer({ min: 0, max: SUBTASKS - 1 }),
  attempt: fc.integer({ min: 0, max: ATTEMPTS - 1 }),
});

describe("AttemptFence", () => {
  it("keeps out the attempts that have ended one by one or all together, and no others", () => {
    const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const fence = new AttemptFence();
      const gone = Array.from({ length: SUBTASKS }, () => new Set<number>());
      const highest = Array.from({ length: SUBTASKS }, () => -1);
      for (const { kind, subtask, attempt } of steps) {
        const ended = gone[subtask] as Set<number>;
        if (kind === "reset") {
          for (let n = 0; n <= (highest[subtask] as number); n++) ended.add(n);
          fence.reset(subtask);
        } else {
          highest[subtask] = Math.max(highest[subtask] as number, attempt);
          if (kind === "ended") ended.add(attempt);
          fence[kind](subtask, attempt);
        }
        for (let s = 0; s < SUBTASKS; s++) {
          for (let n = 0; n <= ATTEMPTS; n++) expect(fence.allows(s, n)).toBe(!gone[s]?.has(n));
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});
