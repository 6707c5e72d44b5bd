import fc from "fast-check";
import type { Observable } from "rxjs";
import type { BadRecord } from "../../src/api/bad-record.js";
import type { Chunk, Control } from "../../src/stream/index.js";
import { ChunkBuilder } from "../../src/stream/index.js";

/** One element of a stream, as a chunk holds it: a record with its time, or a control. */
export type Element<T> =
  | { readonly record: T; readonly timestamp: number }
  | { readonly control: Control["type"]; readonly value: unknown };

/** The elements of chunks in stream order; checks on the way that each chunk is well-formed. */
export function elementsOf<T>(chunks: readonly Chunk<T>[]): Element<T>[] {
  return chunks.flatMap((chunk) => {
    if (chunk.records.length !== chunk.timestamps.length) throw new Error("lengths differ");
    const elements: Element<T>[] = [];
    let next = 0;
    for (let i = 0; i <= chunk.records.length; i++) {
      for (let c = chunk.controls[next]; c?.at === i; c = chunk.controls[++next]) {
        elements.push(controlElement(c));
      }
      if (i === chunk.records.length) break;
      elements.push({ record: chunk.records[i] as T, timestamp: chunk.timestamps[i] as number });
    }
    if (next !== chunk.controls.length) throw new Error("controls are out of place");
    return elements;
  });
}

/** Chunks of these elements; a chunk ends after each `undefined` and after each barrier. */
export function chunksOf<T>(elements: readonly (Element<T> | undefined)[]): Chunk<T>[] {
  const builder = new ChunkBuilder<T>();
  const chunks: Chunk<T>[] = [];
  for (const element of elements) {
    if (element === undefined) chunks.push(builder.take());
    else if ("record" in element) builder.emitRecord(element.record, element.timestamp);
    else if (emitControl(builder, element)) chunks.push(builder.take());
  }
  chunks.push(builder.take());
  return chunks;
}

/** True: the chunk ends here. */
function emitControl<T>(
  builder: ChunkBuilder<T>,
  element: { readonly control: Control["type"]; readonly value: unknown },
): boolean {
  const value = element.value as number;
  switch (element.control) {
    case "Watermark":
      builder.emitWatermark(value);
      return false;
    case "WatermarkStatus":
      builder.emitWatermarkStatus(value === 0 ? "IDLE" : "ACTIVE");
      return false;
    case "RecordAttributes":
      builder.emitRecordAttributes({ isBacklog: value === 0 });
      return false;
    case "BadRecord":
      builder.emitBadRecord(badRecordAt(value));
      return false;
    case "Barrier":
      builder.emitBarrier({ checkpointId: value, stop: false });
      return true;
    case "EndOfData":
      builder.emitEndOfData();
      return true;
  }
}

function badRecordAt(position: number): BadRecord {
  return {
    pipeline: "source-0",
    source: "lines",
    splitId: "file",
    position,
    raw: new Uint8Array([position % 256]),
    rawLength: 1,
    error: { name: "Error", message: "not a number" },
  };
}

function controlElement<T>(control: Control): Element<T> {
  switch (control.type) {
    case "Watermark":
      return { control: control.type, value: control.watermark };
    case "WatermarkStatus":
      return { control: control.type, value: control.status === "IDLE" ? 0 : 1 };
    case "RecordAttributes":
      return { control: control.type, value: control.attributes.isBacklog ? 0 : 1 };
    case "BadRecord":
      return { control: control.type, value: control.badRecord.position };
    case "Barrier":
      return { control: control.type, value: control.barrier.checkpointId };
    case "EndOfData":
      return { control: control.type, value: 0 };
  }
}

const anyRecord: fc.Arbitrary<Element<number>> = fc.record({
  record: fc.integer({ min: -20, max: 20 }),
  timestamp: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constant(Number.NEGATIVE_INFINITY)),
});

const anyControl: fc.Arbitrary<Element<number>> = fc.oneof(
  fc.record({
    control: fc.constantFrom("WatermarkStatus" as const, "RecordAttributes" as const),
    value: fc.integer({ min: 0, max: 1 }),
  }),
  fc.record({
    control: fc.constantFrom("Watermark" as const, "BadRecord" as const, "Barrier" as const),
    value: fc.integer({ min: 1, max: 1000 }),
  }),
);

/** Any stream: records, controls, and (`undefined`) ends of chunks. */
export const anyStream: fc.Arbitrary<(Element<number> | undefined)[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: anyRecord },
    { weight: 2, arbitrary: anyControl },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  { maxLength: 60 },
);

/** Everything that a synchronous stream emits; throws its error. */
export function collect<T>(stream: Observable<T>): T[] {
  const all: T[] = [];
  let failure: { readonly error: unknown } | undefined;
  let completed = false;
  stream.subscribe({
    next: (value) => all.push(value),
    error: (error: unknown) => {
      failure = { error };
    },
    complete: () => {
      completed = true;
    },
  });
  if (failure !== undefined) throw failure.error;
  if (!completed) throw new Error("the stream has not completed");
  return all;
}
