import { describe, expect, it } from "vitest";
import { type ContentHashable, contentHash } from "../../../src/sink/async/index.js";

describe("contentHash", () => {
  it("is the same in every release", () => {
    expect(contentHash({ b: [1, "x", null], a: true })).toBe(
      "a144dac9657f9c4b949d89c845477e0004415445d58f2ef674a44a8fc0ac0dec",
    );
  });

  it("does not look at the order of keys, nor at those that are undefined", () => {
    expect(contentHash({ a: 1, b: { c: 2, d: 3 } })).toBe(
      contentHash({ b: { d: 3, c: 2 }, a: 1, e: undefined }),
    );
    expect(contentHash(0)).toBe(contentHash(-0));
  });

  it("is different for different content, also of different kinds", () => {
    const values: ContentHashable[] = [
      null,
      undefined,
      true,
      "true",
      0,
      "0",
      0n,
      1,
      1n,
      Number.NaN,
      "",
      "d0",
      new Date(0),
      new Uint8Array(),
      new Uint8Array([0]),
      "b00",
      [],
      [[]],
      [undefined],
      [null],
      ["a,b"],
      ["a", "b"],
      {},
      { a: 1 },
      { a: "1" },
      { "a:1": 1 },
      { a: { b: 1 } },
      { a: 1, b: 1 },
    ];
    const hashes = values.map((value) => contentHash(value));
    expect(new Set(hashes).size).toBe(values.length);
  });

  it("refuses what is no plain data, and says where it is", () => {
    const map = new Map() as unknown as ContentHashable;
    expect(() => contentHash({ a: [1, map] })).toThrow("the value.a[1] is a Map");
    const call = (() => {}) as unknown as ContentHashable;
    expect(() => contentHash([call])).toThrow("the value[0] is a function");
    const cycle: { self?: ContentHashable } = {};
    cycle.self = cycle as ContentHashable;
    expect(() => contentHash(cycle as ContentHashable)).toThrow("nested too deeply");
  });
});
