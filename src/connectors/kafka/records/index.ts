export type { AbortedTransaction } from "./aborted-transactions.js";
export { COMPRESSION_TYPES, type CompressionType } from "./compression-type.js";
export { murmur2, partitionForKey } from "./murmur2.js";
export {
  type AppendHeader,
  nextSequence,
  RecordBatchBuilder,
  type RecordBatchBuilderOptions,
} from "./record-batch-builder.js";
export { RecordBatchReader, type RecordBatchReaderOptions } from "./record-batch-reader.js";
export { RecordCodecs } from "./record-codecs.js";
export { type KafkaRecord, RecordColumns, type RecordHeader } from "./record-columns.js";
export { type UncompressedBatches, uncompressAhead } from "./uncompressed-batches.js";
