import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redistributeState } from "../../../src/checkpoint/redistribute-state.js";
import {
  isLingering,
  takeTransactions,
  type WriterState,
} from "../../../src/sql/sink/lingering.js";
import { sinkContext } from "./sink-context.js";

const count = fc.integer({ min: 1, max: 6 });

/** Which states of a checkpoint each new subtask gets, as the runtime deals them. */
function hands(before: number, now: number): readonly (readonly WriterState[])[] {
  const dealt = redistributeState(
    {
      name: "pipeline",
      parallelism: before,
      subtasks: Array.from({ length: before }, (_, subtask) => ({
        splits: { version: 1, splits: [] },
        operators: { $sink: { version: 1, bytes: Uint8Array.of(subtask) } },
        finished: false,
      })),
    } as unknown as Parameters<typeof redistributeState>[0],
    now,
  );
  return dealt.map(({ operators }) =>
    (operators.$sink ?? []).map(({ bytes }) => ({
      subtask: bytes[0] as number,
      parallelism: before,
    })),
  );
}

/** The subtasks that roll back a transaction of `subtask`. */
function rollers(subtask: number, now: number, restored?: readonly (readonly WriterState[])[]) {
  return Array.from({ length: now }, (_, i) => i).filter((indexOfSubtask) =>
    isLingering(
      subtask,
      sinkContext({
        indexOfSubtask,
        currentParallelism: now,
        ...(restored !== undefined && { restoredCheckpointId: 7 }),
      }),
      restored?.[indexOfSubtask] ?? [],
    ),
  );
}

describe("a transaction that was left behind", () => {
  it("is rolled back by whoever has its subtask's state, and has committed what that held", () => {
    fc.assert(
      fc.property(count, count, fc.integer({ min: 0, max: 9 }), (before, now, subtask) => {
        const restored = hands(before, now);
        const holder = restored.findIndex((hand) => hand.some((one) => one.subtask === subtask));
        // Beyond the checkpoint's subtasks no state holds it: its own subtask, or the first one.
        const expected = holder >= 0 ? holder : subtask < now ? subtask : 0;
        expect(rollers(subtask, now, restored)).toEqual([expected]);
      }),
      { numRuns: 500 },
    );
  });

  it("is rolled back by its subtask, or the first one, at a start without a checkpoint", () => {
    fc.assert(
      fc.property(count, fc.integer({ min: 0, max: 9 }), (now, subtask) => {
        expect(rollers(subtask, now)).toEqual([subtask < now ? subtask : 0]);
      }),
    );
  });
});

describe("a name of transactions", () => {
  it("is for one writer at a time", () => {
    const release = takeTransactions("a sink", "name");
    expect(() => takeTransactions("another sink", "name")).toThrow(/another sink cannot begin/);
    release();
    takeTransactions("another sink", "name")();
  });
});
