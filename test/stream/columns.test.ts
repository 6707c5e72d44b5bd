import { describe, expect, it } from "vitest";
import { ChunkBuilder } from "../../src/stream/index.js";

describe("the columns of a chunk", () => {
  it.each<[string, (i: number) => unknown]>([
    ["small integers", (i) => i],
    ["large integers", (i) => i + 2 ** 40],
    ["fractions", (i) => i + 0.5],
    ["negative zeros", () => -0],
    ["texts", (i) => `${i}`],
    ["objects and nothing", (i) => (i % 2 === 0 ? { i } : undefined)],
    ["a mixture", (i) => [i, `${i}`, i + 0.5, null][i % 4]],
  ])("hold %s, whatever the chunk before had", (_what, value) => {
    const builder = new ChunkBuilder<unknown>();
    // Full, a little less than full, more than full, few: each after a chunk that was large.
    for (const length of [1024, 1000, 1500, 3, 1024]) {
      for (let i = 0; i < 1024; i++) builder.emitRecord(i % 2 === 0 ? i : "text", i);
      builder.take();
      const expected = Array.from({ length }, (_, i) => value(i));
      for (const [i, record] of expected.entries()) builder.emitRecord(record, i + 0.25);
      const { records, timestamps } = builder.take();
      expect(records).toStrictEqual(expected);
      expect(timestamps).toStrictEqual(expected.map((_, i) => i + 0.25));
    }
  });

  it("hold on to no record of the chunk before", () => {
    const builder = new ChunkBuilder<object>();
    for (let i = 0; i < 1024; i++) builder.emitRecord({ i }, i);
    const { records } = builder.take();
    for (let i = 0; i < builder.buffer.records.length; i++) {
      expect(records).not.toContain(builder.buffer.records[i]);
    }
  });
});
