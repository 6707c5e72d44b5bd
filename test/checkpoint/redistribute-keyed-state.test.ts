import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redistributeState } from "../../src/checkpoint/index.js";
import { EntrySnapshots, type SnapshotEntry } from "../../src/state/entry-snapshots.js";
import { KEYED_STATE_VERSION, type KeyedState } from "../../src/state/keyed-state-bytes.js";
import { hashOfKey, type StateKey } from "../../src/state/state-key.js";
import { bytes, pipelineState, subtaskState } from "./sample-checkpoint.js";

interface Entry extends SnapshotEntry {
  readonly value: unknown;
}

function keyedState(subtask: number, entries: readonly (readonly [StateKey, unknown])[]) {
  const snapshots = new EntrySnapshots<Entry>(({ key, value }) => [key, value]);
  const all = entries.map(([key, value]) => ({ key, value, generation: 0 }));
  const snapshot = snapshots.begin({ shared: { subtask }, own: { only: subtask } }, all.values());
  while (!snapshot.isSerialized) snapshot.serializeSome();
  return { version: KEYED_STATE_VERSION, bytes: snapshot.bytes };
}

const read = (state: { readonly bytes: Uint8Array }): KeyedState =>
  JSON.parse(new TextDecoder().decode(state.bytes)) as KeyedState;

const key: fc.Arbitrary<StateKey> = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.string({ unit: "binary" }),
);
const entries = fc.array(fc.tuple(key, fc.jsonValue()), { maxLength: 12 });

describe("redistributeState of keyed state", () => {
  it("gives every entry to the subtask of its key's hash, with what it holds", () => {
    fc.assert(
      fc.property(
        fc.array(entries, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 6 }),
        (old, parallelism) => {
          fc.pre(old.length !== parallelism);
          const state = pipelineState({
            subtasks: old.map((own, i) =>
              subtaskState({ operators: { keyed: keyedState(i, own) } }),
            ),
          });
          const dealt = redistributeState(state, parallelism).map(({ operators }) =>
            (operators.keyed ?? []).map(read),
          );
          const all: unknown[] = [];
          for (const [subtask, states] of dealt.entries()) {
            expect(states.map(({ shared }) => shared)).toEqual(old.map((_, i) => ({ subtask: i })));
            for (const [hash, k, value] of states.flatMap((one) => one.entries)) {
              expect(hash).toBe(hashOfKey(k as StateKey));
              expect(hash % parallelism).toBe(subtask);
              all.push([k, value]);
            }
          }
          const sorted = (list: readonly unknown[]): string[] =>
            list.map((one) => JSON.stringify(one)).sort();
          expect(sorted(all)).toEqual(sorted(old.flat()));
          const owned = dealt.flat().flatMap(({ own }) => (own === null ? [] : [own]));
          expect(sorted(owned)).toEqual(sorted(old.map((_, only) => ({ only }))));
        },
      ),
    );
  });

  it("spreads keys that look alike", () => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const subtask = hashOfKey(`user-${i}`) % 4;
      counts[subtask] = (counts[subtask] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it("keeps the place of a key in later releases", () => {
    expect([hashOfKey("a"), hashOfKey(1), hashOfKey("1"), hashOfKey("")]).toMatchInlineSnapshot(`
      [
        921681762,
        1428125071,
        447197395,
        3661886745,
      ]
    `);
  });

  it("deals what only looks like it round-robin, for the operator to refuse", () => {
    const odd = { version: KEYED_STATE_VERSION, bytes: bytes(1, 2, 3) };
    const state = pipelineState({
      subtasks: [subtaskState({ operators: { odd } }), subtaskState({ operators: { odd } })],
    });
    expect(redistributeState(state, 1)[0]?.operators.odd).toEqual([odd, odd]);
  });
});
