import { describe, expect, it } from "vitest";
import { SkewSamples } from "../../src/cli/skew-samples.js";

describe("samples of the skew", () => {
  it("know their median", () => {
    const skew = new SkewSamples();
    skew.add(0);
    expect([skew.median, skew.isNoticeable]).toEqual([0, false]);
    for (const sample of [5, 1, 900, 3, 4]) skew.add(sample);
    expect([skew.median, skew.isNoticeable]).toEqual([4, true]);
  });

  it("stay true over a long run, of which only some are kept", () => {
    const skew = new SkewSamples();
    for (let i = 0; i < 1_000_000; i++) skew.add(i % 1000);
    expect(Math.abs(skew.median - 500)).toBeLessThan(60);
  });
});
