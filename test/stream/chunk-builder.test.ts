import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkBuilder, NO_CONTROLS } from "../../src/stream/index.js";
import { anyStream, chunksOf, elementsOf } from "./elements.js";

describe("ChunkBuilder", () => {
  it("gives back what was emitted, in order", () => {
    fc.assert(
      fc.property(anyStream, (stream) => {
        const elements = stream.filter((element) => element !== undefined);
        expect(elementsOf(chunksOf(stream))).toEqual(elements);
      }),
    );
  });

  it("notes how many records stand before each control", () => {
    const builder = new ChunkBuilder<string>();
    builder.emitWatermarkStatus("ACTIVE");
    builder.emitRecord("a", 1);
    builder.emitWatermark(1);
    builder.emitRecordAttributes({ isBacklog: true });
    builder.emitRecord("b", 2);
    builder.emitEndOfData();
    builder.emitBarrier({ checkpointId: 3, stop: true });
    expect(builder.size).toBe(2);
    expect(builder.take()).toEqual({
      records: ["a", "b"],
      timestamps: [1, 2],
      controls: [
        { type: "WatermarkStatus", at: 0, status: "ACTIVE" },
        { type: "Watermark", at: 1, watermark: 1 },
        { type: "RecordAttributes", at: 1, attributes: { isBacklog: true } },
        { type: "EndOfData", at: 2 },
        { type: "Barrier", at: 2, barrier: { checkpointId: 3, stop: true } },
      ],
    });
  });

  it("starts anew after take and leaves the chunk taken alone", () => {
    const builder = new ChunkBuilder<number>();
    builder.emitRecord(1, 1);
    const first = builder.take();
    builder.emitRecord(2, 2);
    expect(first.records).toEqual([1]);
    expect(builder.take().records).toEqual([2]);
    expect(builder.isEmpty).toBe(true);
  });

  it("is not empty with nothing but a control, and shares the list of no controls", () => {
    const builder = new ChunkBuilder<number>();
    expect(builder.take().controls).toBe(NO_CONTROLS);
    builder.emitWatermark(1);
    expect(builder.isEmpty).toBe(false);
    expect(builder.size).toBe(0);
  });
});
