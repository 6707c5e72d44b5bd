import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hybridSource } from "../../../src/connectors/hybrid/index.js";
import { numberSequenceSource } from "../../../src/connectors/number-sequence/index.js";

const bounded = numberSequenceSource({ from: 0, to: 9 });
const unbounded = { ...bounded, boundedness: "CONTINUOUS_UNBOUNDED" as const };
const { splitSerializer, enumeratorCheckpointSerializer } = hybridSource({ sources: [bounded] });

const bytes = fc.uint8Array({ maxLength: 40 });
const version = fc.integer({ min: 0, max: 9 });
const anySplit = fc.record({
  splitId: fc.string(),
  sourceIndex: fc.nat(),
  wrappedVersion: version,
  wrappedBytes: bytes,
});
const anyState = fc.record({
  sourceIndex: fc.nat(),
  positions: fc
    .dictionary(fc.nat().map(String), fc.jsonValue())
    .map((all) => new Map(Object.entries(all).map(([i, value]) => [Number(i), value]))),
  wrappedVersion: version,
  wrappedBytes: bytes,
  pendingSplits: fc
    .array(fc.array(anySplit, { maxLength: 3 }))
    .map((all) => new Map(all.entries())),
});

describe("hybridSource", () => {
  it("is bounded as its last source is", () => {
    expect(hybridSource({ sources: [bounded] }).boundedness).toBe("BOUNDED");
    expect(hybridSource({ sources: [bounded, unbounded] }).boundedness).toBe(
      "CONTINUOUS_UNBOUNDED",
    );
    const create = () => unbounded;
    expect(hybridSource({ sources: [bounded, { create: () => bounded }] }).boundedness).toBe(
      "BOUNDED",
    );
    const later = { create, boundedness: "CONTINUOUS_UNBOUNDED" as const };
    expect(hybridSource({ sources: [bounded, later] }).boundedness).toBe("CONTINUOUS_UNBOUNDED");
    expect(hybridSource({ name: "history", sources: [bounded] }).name).toBe("history");
  });

  it.each([
    [{ sources: [] }, /hybridSource\.sources: expected an array of at least one source/],
    [{ sources: [bounded], nome: 1 }, /hybridSource\.nome: there is no such option/],
    [{ sources: [bounded], name: "" }, /hybridSource\.name: expected a name/],
    [{ sources: [1] }, /hybridSource\.sources\.0: expected a source, or \{ create \}/],
    [{ sources: [{}] }, /hybridSource\.sources\.0: expected a source, or \{ create \}/],
    [
      { sources: [unbounded, bounded] },
      /hybridSource\.sources\.0\.boundedness: expected "BOUNDED", because/,
    ],
    [
      { sources: [{ create: () => unbounded, boundedness: "CONTINUOUS_UNBOUNDED" }, bounded] },
      /hybridSource\.sources\.0\.boundedness: expected "BOUNDED", because/,
    ],
    [
      { sources: [{ create: () => bounded, bounded: true }] },
      /hybridSource\.sources\.0\.bounded: expected no such option/,
    ],
    [
      { sources: [{ create: () => bounded, position: 5 }] },
      /hybridSource\.sources\.0\.position: expected a function, got 5/,
    ],
    [
      { sources: [{ ...bounded, boundedness: "forever" }] },
      /sources\.0\.boundedness: expected "BOUNDED" or "CONTINUOUS_UNBOUNDED", got "forever"/,
    ],
    [
      { sources: [{ ...bounded, supportsSplitReassignmentOnRecovery: true }] },
      /supportsSplitReassignmentOnRecovery: expected a source whose readers keep their splits/,
    ],
  ])("refuses %o", (options, message) => {
    expect(() => hybridSource(options as never)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringMatching(message) }),
    );
  });
});

describe("the hybrid source's serializers", () => {
  it("give back every split and every state", () => {
    fc.assert(
      fc.property(anySplit, (split) => {
        const { version: written, ...serializer } = splitSerializer;
        expect(serializer.deserialize(written, serializer.serialize(split))).toEqual(split);
      }),
    );
    fc.assert(
      fc.property(anyState, (state) => {
        const { version: written, ...serializer } = enumeratorCheckpointSerializer;
        const restored = serializer.deserialize(written, serializer.serialize(state));
        // JSON has no -0.
        const plain = (value: unknown) =>
          new Map(JSON.parse(JSON.stringify([...(value as Map<number, unknown>)])));
        expect({ ...restored, positions: plain(restored.positions) }).toEqual({
          ...state,
          positions: plain(state.positions),
        });
      }),
    );
  });

  it("refuse a newer version and bytes that are none of theirs", () => {
    const split = {
      splitId: "0:a",
      sourceIndex: 0,
      wrappedVersion: 1,
      wrappedBytes: new Uint8Array(2),
    };
    const state = {
      sourceIndex: 0,
      positions: new Map(),
      wrappedVersion: 1,
      wrappedBytes: new Uint8Array(1),
      pendingSplits: new Map(),
    };
    const cases = [
      [splitSerializer, splitSerializer.serialize(split)],
      [enumeratorCheckpointSerializer, enumeratorCheckpointSerializer.serialize(state)],
    ] as const;
    for (const [serializer, good] of cases) {
      expect(() => serializer.deserialize(serializer.version + 1, good)).toThrow(
        expect.objectContaining({ code: "CHECKPOINT_VERSION_UNSUPPORTED" }),
      );
      const texts = ["{}", "", "\xff", new TextDecoder().decode(good).replace(/"bytes":"/, '$&="')];
      texts.push(new TextDecoder().decode(good).replace('"sourceIndex":0', '"sourceIndex":-1'));
      for (const text of texts) {
        expect(() =>
          serializer.deserialize(serializer.version, Buffer.from(text, "latin1")),
        ).toThrow(expect.objectContaining({ code: "SERIALIZER_FAILED" }));
      }
    }
  });
});
