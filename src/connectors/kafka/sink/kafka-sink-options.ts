import * as v from "valibot";
import type { HeadwaterError } from "../../../errors/index.js";
import { expecting } from "../../../options/expecting.js";
import { duration, parseOptions, wholeNumber } from "../../../options/parse-options.js";
import { COMPRESSION_TYPES, type CompressionType } from "../records/index.js";
import type { KafkaPartitioner } from "./partitioner.js";
import type { KafkaRecordSerializer } from "./record-serializer.js";

/** What a Kafka sink takes beside its connection (Flink `KafkaSinkBuilder`). Durations: milliseconds, or text such as "5s". */
export interface KafkaSinkOptions<T> {
  /** The topic, or which one a record goes to. */
  readonly topic: string | ((record: T) => string);
  /** "string", "json" and "bytes" write the record as the value, without a key. */
  readonly serializer: "string" | "json" | "bytes" | KafkaRecordSerializer<T>;
  /** Default "key-hash": as Kafka's own producers. */
  readonly partitioner?: KafkaPartitioner<T>;
  /**
   * Default "at-least-once": a checkpoint waits until everything is in the logs. "exactly-once": records
   * become visible to read_committed readers when the checkpoint that covers them is durable. "none": a
   * checkpoint waits for nothing.
   */
  readonly delivery?: "none" | "at-least-once" | "exactly-once";
  /** Required for "exactly-once": no other sink of the Kafka cluster may have it. */
  readonly transactionalIdPrefix?: string;
  /**
   * After so long the broker aborts an open transaction: keep it above the longest time between two
   * checkpoints and below the broker's transaction.max.timeout.ms. Default 15 minutes.
   */
  readonly transactionTimeout?: number | string;
  /** What to do about a prepared transaction that is gone; default "fail". "accept": its records are given up. */
  readonly lostTransactions?: "fail" | "accept";
  /** Default "none". */
  readonly compression?: CompressionType;
  /** Bytes (uncompressed) after which a batch takes no further record; default 256 KiB. */
  readonly batchSize?: number;
  /** How long a batch waits for more records; default 5 ms; 0: until the chunk of records is written. */
  readonly linger?: number | string;
  /** How many replicas have to have a batch: "all" (default), "leader" or "none". */
  readonly acks?: "all" | "leader" | "none";
  /** The largest record, batch and request, bytes (uncompressed); default 1,000,000. */
  readonly maxRequestSize?: number;
  /** Bytes that may wait for brokers before the job waits for the sink; default 64 MiB. */
  readonly bufferMemory?: number;
  /** How long a batch is tried before the sink fails; default 2 minutes. */
  readonly deliveryTimeout?: number | string;
  /** How often partition counts are read again; default 5 minutes. */
  readonly metadataMaxAge?: number | string;
  /**
   * Not for "exactly-once". A batch that cannot be written is counted and left out, and the job goes on:
   * true prints a warning, a function gets the error. Then batches are not idempotent. Default false.
   */
  readonly logFailuresOnly?: boolean | ((error: HeadwaterError) => void);
}

const field = (isValue: boolean) =>
  expecting<unknown>(
    (value) =>
      value === "string" ||
      value === "json" ||
      value === "bytes" ||
      typeof value === "function" ||
      (typeof value === "object" && value !== null && "open" in value && "serialize" in value),
    `"string", "json", "bytes", a function that makes the ${isValue ? "value" : "key"}, or a registrySerializer`,
  );

const aFunction = expecting<unknown>((value) => typeof value === "function", "a function");

const positive = v.pipe(
  duration(),
  v.rawCheck(({ dataset, addIssue }) => {
    if (dataset.typed && dataset.value <= 0) addIssue({ expected: "a duration > 0" });
  }),
);

const serializerObject = v.strictObject({
  key: v.optional(field(false)),
  value: field(true),
  headers: v.optional(aFunction),
  timestamp: v.optional(aFunction),
});

/** The entries of an options schema for `KafkaSinkOptions`. */
export const kafkaSinkEntries = {
  topic: expecting<unknown>(
    (value) => typeof value === "function" || (typeof value === "string" && isTopicName(value)),
    'a topic\'s name (letters, digits, ".", "_", "-", up to 249) or a function that chooses it',
  ),
  serializer: expecting<unknown>(
    (value) =>
      value === "string" ||
      value === "json" ||
      value === "bytes" ||
      v.safeParse(serializerObject, value).success,
    '"string", "json", "bytes" or {key?, value, headers?, timestamp?}',
  ),
  partitioner: v.optional(
    expecting<unknown>(
      (value) =>
        value === "key-hash" ||
        value === "fixed" ||
        value === "round-robin" ||
        typeof value === "function",
      '"key-hash", "fixed", "round-robin" or a function that chooses the partition',
    ),
    "key-hash",
  ),
  delivery: v.optional(v.picklist(["none", "at-least-once", "exactly-once"]), "at-least-once"),
  transactionalIdPrefix: v.optional(
    expecting<string>(
      (value) => typeof value === "string" && value !== "" && value.length <= 1000,
      "a text of 1 to 1000 characters",
    ),
  ),
  transactionTimeout: v.optional(positive, 15 * 60_000),
  lostTransactions: v.optional(v.picklist(["fail", "accept"]), "fail"),
  compression: v.optional(v.picklist(COMPRESSION_TYPES), "none"),
  batchSize: v.optional(wholeNumber(1), 256 * 1024),
  linger: v.optional(duration(), 5),
  acks: v.optional(v.picklist(["all", "leader", "none"]), "all"),
  maxRequestSize: v.optional(wholeNumber(1000), 1_000_000),
  bufferMemory: v.optional(wholeNumber(1), 64 * 1024 * 1024),
  deliveryTimeout: v.optional(positive, 120_000),
  metadataMaxAge: v.optional(positive, 5 * 60_000),
  logFailuresOnly: v.optional(
    expecting<boolean | ((error: HeadwaterError) => void)>(
      (value) => typeof value === "boolean" || typeof value === "function",
      "true, false or a function that gets each error",
    ),
    false,
  ),
};

const schema = v.strictObject(kafkaSinkEntries);

/** `KafkaSinkOptions` with their defaults; durations in milliseconds. */
export type ParsedKafkaSinkOptions<T> = Omit<
  v.InferOutput<typeof schema>,
  "topic" | "serializer" | "partitioner"
> &
  Required<Pick<KafkaSinkOptions<T>, "topic" | "serializer" | "partitioner">>;

/** Throws OPTION_INVALID. */
export function parseKafkaSinkOptions<T>(options: KafkaSinkOptions<T>): ParsedKafkaSinkOptions<T> {
  return parseOptions("kafkaSink", checked, options) as ParsedKafkaSinkOptions<T>;
}

const checked = v.pipe(
  schema,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const options = dataset.value;
    const refuse = (key: keyof typeof options, expected: string): void => {
      const input = options[key];
      addIssue({
        expected,
        input,
        path: [{ type: "object", origin: "value", input: options, key, value: input }],
      });
    };
    if (options.delivery === "exactly-once") {
      if (options.transactionalIdPrefix === undefined) {
        refuse("transactionalIdPrefix", 'a prefix of the sink\'s own for delivery "exactly-once"');
      }
      if (options.acks !== "all") refuse("acks", '"all" for delivery "exactly-once"');
      if (options.logFailuresOnly !== false) {
        refuse("logFailuresOnly", 'false for delivery "exactly-once"');
      }
    } else if (options.transactionalIdPrefix !== undefined) {
      refuse("transactionalIdPrefix", 'no prefix without delivery "exactly-once"');
    }
  }),
);

function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== "." && name !== "..";
}
