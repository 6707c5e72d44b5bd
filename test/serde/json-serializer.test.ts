import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { jsonSerializer } from "../../src/serde/index.js";

const schema = v.object({ splitId: v.string(), offset: v.number() });
const current = jsonSerializer({
  name: "split of orders",
  version: 2,
  schema,
  upgrade: (version, value) =>
    version === 1 ? { ...(value as object), offset: 0 } : unknownVersion(version),
});
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function unknownVersion(version: number): never {
  throw new Error(`no version ${version}`);
}

describe("jsonSerializer", () => {
  it("gives back what it has written", () => {
    const value = fc.record({ splitId: fc.string({ unit: "binary" }), offset: fc.integer() });
    fc.assert(
      fc.property(value, (split) => {
        expect(current.deserialize(2, current.serialize(split))).toEqual(split);
      }),
    );
  });

  it("upgrades what an older version has written", () => {
    expect(current.deserialize(1, bytes('{"splitId":"a"}'))).toEqual({ splitId: "a", offset: 0 });
  });

  it("checks what it has upgraded", () => {
    expect(() => current.deserialize(1, bytes('{"splitId":3}'))).toThrow(/not valid at splitId/);
  });

  it.each([
    ["no JSON", 2, "{", "split of orders is no JSON text"],
    [
      "another shape",
      2,
      '{"splitId":"a","offset":"x"}',
      'split of orders is not valid at offset: expected number, got "x"',
    ],
    ["another kind of value", 2, "3", /not valid at its root: expected Object, got 3/],
  ])("refuses %s by name", (_name, version, text, message) => {
    expect(() => current.deserialize(version, bytes(text))).toThrow(
      expect.objectContaining({
        code: "SERIALIZER_FAILED",
        message: typeof message === "string" ? message : expect.stringMatching(message),
      }),
    );
  });

  it("refuses a newer version, and an older one that it cannot upgrade", () => {
    const strict = jsonSerializer({ name: "split", version: 2, schema });
    for (const [serializer, version] of [
      [current, 3],
      [strict, 3],
      [strict, 1],
    ] as const) {
      expect(() => serializer.deserialize(version, bytes("{}"))).toThrow(
        expect.objectContaining({
          code: "CHECKPOINT_VERSION_UNSUPPORTED",
          message: expect.stringContaining(`has version ${version}; this release reads 2`),
          hint: expect.stringMatching(version === 3 ? /newer/ : /that wrote the checkpoint\.$/),
        }),
      );
    }
  });

  it("refuses bytes that are no UTF-8 instead of replacing them", () => {
    const broken = new Uint8Array([0x22, 0xff, 0x22]);
    expect(() => current.deserialize(2, broken)).toThrow("split of orders is no JSON text");
  });
});
