export { asyncBatchSink } from "./async-sink.js";
export type {
  AimdOptions,
  AsyncBatchSinkOptions,
  BatchingOptions,
  RequestContext,
  SendContext,
  SendResult,
  SendRetryOptions,
  SendRetryStrategy,
} from "./async-sink-options.js";
export { type ContentHashable, contentHash } from "./content-hash.js";
export type { UpsertKey } from "./keyed-buffer.js";
export {
  type AimdScalingOptions,
  aimdScaling,
  type CongestionControlOptions,
  congestionControl,
  type RateLimitingStrategy,
  type ScalingStrategy,
} from "./rate-limiting.js";
export { type UpsertSinkOptions, upsertSink } from "./upsert-sink.js";
