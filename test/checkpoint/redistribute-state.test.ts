import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RestoredSubtask, redistributeState } from "../../src/checkpoint/index.js";
import { bytes, pipelineState, subtaskState } from "./sample-checkpoint.js";

function splitsOf(subtasks: readonly RestoredSubtask[]): number[][] {
  return subtasks.map(({ splits }) =>
    splits.flatMap((some) => some.splits.map((split) => split[0] as number)),
  );
}

function withSplits(...splits: number[]) {
  return subtaskState({
    splits: { version: 1, splits: splits.map((split) => bytes(split)) },
    operators: {},
  });
}

describe("redistributeState", () => {
  it("gives every subtask its own state back when the parallelism is unchanged", () => {
    const state = pipelineState({
      subtasks: [
        subtaskState(),
        subtaskState({ finished: true, splits: { version: 1, splits: [] } }),
      ],
    });
    expect(redistributeState(state, 2)).toEqual([
      {
        splits: [{ version: 1, splits: [bytes(1, 2, 3)] }],
        operators: { count: [{ version: 2, bytes: bytes(9) }] },
        finished: false,
      },
      { splits: [], operators: { count: [{ version: 2, bytes: bytes(9) }] }, finished: true },
    ]);
  });

  it("deals the splits of all old subtasks round-robin over more or fewer new ones", () => {
    const state = pipelineState({ subtasks: [withSplits(1, 2, 3), withSplits(4), withSplits(5)] });
    expect(splitsOf(redistributeState(state, 2))).toEqual([
      [1, 3, 5],
      [2, 4],
    ]);
    expect(splitsOf(redistributeState(state, 7))).toEqual([[1], [2], [3], [4], [5], [], []]);
  });

  it("keeps splits of different serializer versions apart", () => {
    const old = subtaskState({ splits: { version: 1, splits: [bytes(1), bytes(2)] } });
    const recent = subtaskState({ splits: { version: 2, splits: [bytes(3)] } });
    const [only] = redistributeState(pipelineState({ subtasks: [old, recent] }), 1);
    expect(only?.splits).toEqual([
      { version: 1, splits: [bytes(1), bytes(2)] },
      { version: 2, splits: [bytes(3)] },
    ]);
  });

  it("deals each operator's states: several, one or none to a new subtask", () => {
    const states = [0, 1, 2].map((n) =>
      subtaskState({ operators: { count: { version: 1, bytes: bytes(n) } } }),
    );
    const state = pipelineState({ subtasks: states });
    const counts = (parallelism: number) =>
      redistributeState(state, parallelism).map(({ operators }) =>
        operators.count?.map((operator) => operator.bytes[0]),
      );
    expect(counts(2)).toEqual([[0, 2], [1]]);
    expect(counts(4)).toEqual([[0], [1], [2], []]);
  });

  it("calls rescaled subtasks finished only when all old ones were", () => {
    const done = subtaskState({ finished: true });
    const finished = (...subtasks: (typeof done)[]) =>
      redistributeState(pipelineState({ subtasks }), 3).map((subtask) => subtask.finished);
    expect(finished(done, done)).toEqual([true, true, true]);
    expect(finished(done, subtaskState())).toEqual([false, false, false]);
  });

  it("loses and doubles nothing, and deals within one of each other", () => {
    const counts = fc.array(fc.nat(6), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 8 }), (sizes, parallelism) => {
        let next = 0;
        const subtasks = sizes.map((n) => withSplits(...Array.from({ length: n }, () => next++)));
        const dealt = splitsOf(redistributeState(pipelineState({ subtasks }), parallelism));
        expect(dealt).toHaveLength(parallelism);
        expect(dealt.flat().sort((a, b) => a - b)).toEqual(
          Array.from({ length: next }, (_, i) => i),
        );
        if (parallelism === sizes.length) {
          expect(dealt.map((hand) => hand.length)).toEqual(sizes);
        } else {
          const lengths = dealt.map((hand) => hand.length);
          expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses parallelism %d", (parallelism) => {
    expect(() => redistributeState(pipelineState(), parallelism)).toThrow("parallelism");
  });
});
