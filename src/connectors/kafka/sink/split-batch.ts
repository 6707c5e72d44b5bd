import {
  nextSequence,
  RecordBatchBuilder,
  type RecordBatchBuilderOptions,
  RecordBatchReader,
} from "../records/index.js";
import type { Batch } from "./partition-batches.js";

/**
 * Two batches with the records of one that is too large for its topic, the sequences as they were
 * (Kafka's `ProducerBatch.split`). The batch must have more than one record.
 */
export function splitBatch(batch: Batch, options: RecordBatchBuilderOptions): readonly Batch[] {
  const half = Math.ceil(batch.records / 2);
  const reader = new RecordBatchReader(batch.bytes, {
    codecs: options.codecs,
    partition: "a batch to be split",
  });
  const builders = [new RecordBatchBuilder(options), new RecordBatchBuilder(options)] as const;
  let i = 0;
  reader.forEach(({ key, value, headers, timestamp }) => {
    const builder = i++ < half ? builders[0] : builders[1];
    builder.append(key, value, headers, timestamp);
  });
  const { baseSequence } = batch;
  const sequences = [
    baseSequence,
    baseSequence < 0 ? baseSequence : nextSequence(baseSequence, half),
  ];
  return builders.map((builder, part) => ({
    ...batch,
    records: builder.recordCount,
    baseSequence: sequences[part] as number,
    bytes: builder.build(sequences[part]),
  }));
}
