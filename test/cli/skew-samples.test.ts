import { describe, expect, it } from "vitest";
import { SkewSamples } from "../../src/cli/skew-samples.js";

describe("samples of the skew", () => {
  it("know their quantiles", () => {
    const skew = new SkewSamples();
    expect(skew.quantile(0.5)).toBe(0);
    for (const sample of [5, 1, 900, 3, 4]) skew.add(sample);
    expect([skew.quantile(0), skew.quantile(0.5), skew.quantile(1)]).toEqual([1, 4, 900]);
  });

  it("stay true over a long run, of which only some are kept", () => {
    const skew = new SkewSamples();
    for (let i = 0; i < 1_000_000; i++) skew.add(i % 1000);
    expect(Math.abs(skew.quantile(0.5) - 500)).toBeLessThan(60);
    expect(Math.abs(skew.quantile(0.95) - 950)).toBeLessThan(60);
  });
});
