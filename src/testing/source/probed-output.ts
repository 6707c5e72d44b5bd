import type { ReaderOutput, SourceOutput, SplitIterator } from "../../api/source-reader.js";
import type { Timestamp } from "../../api/watermark.js";

/** Is told of each record; undefined: it belongs to no split. */
export type OnRecord = (record: unknown, splitId: string | undefined) => void;

/** The reader's output, watched. */
export function probedOutput<T>(inner: ReaderOutput<T>, onRecord: OnRecord): ReaderOutput<T> {
  const outputs = new Map<string, SourceOutput<T>>();
  return {
    ...probedSourceOutput(inner, (record) => onRecord(record, undefined)),
    createOutputForSplit(splitId) {
      let output = outputs.get(splitId);
      if (output === undefined) {
        output = probedSourceOutput(inner.createOutputForSplit(splitId), (record) =>
          onRecord(record, splitId),
        );
        outputs.set(splitId, output);
      }
      return output;
    },
    releaseOutputForSplit(splitId) {
      outputs.delete(splitId);
      inner.releaseOutputForSplit(splitId);
    },
  };
}

function probedSourceOutput<T>(
  inner: SourceOutput<T>,
  onRecord: (record: T) => void,
): SourceOutput<T> {
  const { collectFrom } = inner;
  return {
    collect(record, timestamp) {
      onRecord(record);
      if (timestamp === undefined) inner.collect(record);
      else inner.collect(record, timestamp);
    },
    ...(collectFrom === undefined
      ? {}
      : {
          collectFrom: (records, budget) =>
            collectFrom.call(inner, probedIterator(records, onRecord), budget),
        }),
    emitWatermark: (watermark) => inner.emitWatermark(watermark),
    markIdle: () => inner.markIdle(),
    markActive: () => inner.markActive(),
  };
}

function probedIterator<T>(
  inner: SplitIterator<T>,
  onRecord: (record: T) => void,
): SplitIterator<T> {
  const { fill, timestamp } = inner;
  return {
    hasNext: () => inner.hasNext(),
    next() {
      const record = inner.next();
      onRecord(record);
      return record;
    },
    ...(fill === undefined
      ? {}
      : {
          fill(records: T[], at: number, atMost: number, timestamps: Timestamp[]): number {
            const count = fill.call(inner, records, at, atMost, timestamps);
            for (let i = at; i < at + count; i++) onRecord(records[i] as T);
            return count;
          },
        }),
    ...(timestamp === undefined ? {} : { timestamp: () => timestamp.call(inner) }),
  };
}
