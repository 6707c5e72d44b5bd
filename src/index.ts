export type * from "./api/index.js";
export {
  type CheckpointData,
  type CheckpointKind,
  type CheckpointStorage,
  type CompletedCheckpoint,
  FileCheckpointStorage,
  MemoryCheckpointStorage,
  type S3CheckpointStorageOptions,
  type S3Credentials,
  type S3CredentialsInput,
  s3CheckpointStorage,
} from "./checkpoint/index.js";
export * from "./connectors/index.js";
export * from "./enumerator/index.js";
export {
  type ErrorCode,
  type ErrorDomain,
  type ErrorRetry,
  type ErrorScope,
  explain,
  HeadwaterError,
  unsupportedOperation,
} from "./errors/index.js";
export {
  boundedOutOfOrderness,
  MAX_WATERMARK,
  MIN_TIMESTAMP,
  monotonousTimestamps,
  noWatermarks,
  punctuatedWatermarks,
  watermarkGenerator,
} from "./eventtime/index.js";
export {
  type ByteStream,
  type ChangeDetection,
  createFileSource,
  type FileBatch,
  type FileCompression,
  type FileFormat,
  type FileRecord,
  type FileSourceOptions,
  type FileSourceParts,
  type FileSplit,
  type FormatReader,
  fileSourceEntries,
  type OpenFile,
  type UnreadableBytes,
} from "./files/index.js";
export {
  type Actor,
  type ActorContext,
  type ActorEvent,
  type Address,
  AVAILABLE,
  type Availability,
  AvailabilityFuture,
  type Cancel,
  type Clock,
  type InspectionObserver,
  type Journal,
  type ProcessingTimeService,
  type Random,
  type Scheduler,
  type Transport,
} from "./mailbox/index.js";
export * from "./reader/index.js";
export * from "./runtime/index.js";
export { jsonSerializer } from "./serde/index.js";
export * from "./sink/index.js";
export * from "./state/index.js";
export {
  type AsyncAttempt,
  type AsyncMapOptions,
  type AsyncMode,
  type AsyncRetryOptions,
  type AsyncRetryStrategy,
  assignTimestamps,
  asyncMap,
  type Chunk,
  type ChunkOperator,
  type Collector,
  type Control,
  type ExponentialBackoffRetryOptions,
  exponentialBackoffRetry,
  type FixedDelayRetryOptions,
  filter,
  fixedDelayRetry,
  flatMap,
  map,
  type ProcessFunction,
  type ProcessFunctionContext,
  type ProcessOptions,
  process,
  records$,
  tap,
  throughRecords,
} from "./stream/index.js";
