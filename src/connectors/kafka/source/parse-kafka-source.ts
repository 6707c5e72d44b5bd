import * as v from "valibot";
import type { DurationInput } from "../../../api/watermark.js";
import { HeadwaterError, optionInvalid } from "../../../errors/index.js";
import { expecting } from "../../../options/expecting.js";
import { duration, parseOptions, wholeNumber } from "../../../options/parse-options.js";
import {
  type KafkaConnectionOptions,
  kafkaConnectionEntries,
} from "../client/connection-options.js";
import type { KafkaClientFactory, TopicPartition } from "../client/kafka-client.js";
import {
  checkNamedOnce,
  checkOrder,
  isTopicPartition,
  needsGroup,
  resetOf,
  startingOffsets,
  startPosition,
  stopPosition,
  stoppingOffsets,
} from "./kafka-positions.js";
import type {
  KafkaEnumeratorOptions,
  KafkaReaderOptions,
  KafkaSourceOptions,
} from "./kafka-source-options.js";
import { toSplitId } from "./kafka-split.js";
import {
  type KafkaSubscriber,
  partitionSetSubscriber,
  topicListSubscriber,
  topicPatternSubscriber,
} from "./subscriber.js";

const DISCOVERY_INTERVAL = 5 * 60_000;
/** What a fetch may hold; twice that is in memory while the next one is under way. */
const MAX_FETCH_BYTES = 1024 * 1024 * 1024;

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isMany = (value: unknown, isOne: (value: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(isOne);
const hasMethod = (value: unknown, name: string): boolean =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as Record<string, unknown>)[name] === "function";

const isInterval = (value: unknown): boolean =>
  (typeof value === "number" && Number.isFinite(value) && value <= 0) || v.is(duration(), value);
const fetchBytes = v.pipe(wholeNumber(1), v.maxValue(MAX_FETCH_BYTES));

const settingsEntries = {
  topics: v.optional(
    expecting<string | readonly string[]>(
      (value) => isText(value) || isMany(value, isText),
      "the name of a topic, or several",
    ),
  ),
  pattern: v.optional(expecting<RegExp>((value) => value instanceof RegExp, "a RegExp")),
  partitions: v.optional(
    expecting<readonly TopicPartition[]>(
      (value) => isMany(value, (one) => isTopicPartition(one)),
      "partitions as [{ topic, partition }]",
    ),
  ),
  subscriber: v.optional(
    expecting<KafkaSubscriber>(
      (value) => hasMethod(value, "getSubscribedTopicPartitions"),
      "an object with getSubscribedTopicPartitions(client, isInitial)",
    ),
  ),
  deserializer: expecting<object>(
    (value) => hasMethod(value, "deserialize"),
    "a deserializer, such as kafkaString() or kafkaJson()",
  ),
  startFrom: v.optional(startPosition, "earliest"),
  stopAt: v.optional(stopPosition),
  unboundedUntil: v.optional(stopPosition),
  endOfInput: v.optional(v.function()),
  groupId: v.optional(expecting<string>(isText, "the name of a group")),
  commitOffsetsOnCheckpoint: v.optional(v.boolean()),
  autoCommitInterval: v.optional(duration()),
  discoveryInterval: v.optional(
    expecting<DurationInput>(isInterval, 'a duration such as "5min", or 0 to look once'),
  ),
  isolation: v.optional(v.picklist(["read_committed", "read_uncommitted"]), "read_committed"),
  outOfRange: v.optional(v.picklist(["fail", "earliest", "latest"]), "fail"),
  maxWait: v.optional(duration(), 500),
  maxBytes: v.optional(fetchBytes, 50 * 1024 * 1024),
  maxPartitionBytes: v.optional(fetchBytes, 1024 * 1024),
  checkCrcs: v.optional(v.boolean(), true),
};

const withBrokers = v.strictObject({ ...kafkaConnectionEntries, ...settingsEntries });
const withClients = v.strictObject({
  clients: expecting<KafkaClientFactory>(
    (value) => hasMethod(value, "create"),
    "an object with create(name)",
  ),
  ...settingsEntries,
});

type Settings = v.InferOutput<v.StrictObjectSchema<typeof settingsEntries, undefined>>;

/** The checked options, for enumerator and readers. */
export interface ParsedKafkaSource<T> {
  readonly reader: KafkaReaderOptions<T>;
  readonly enumerator: KafkaEnumeratorOptions;
}

/** Throws OPTION_INVALID. `connect` makes clients of the connection options. */
export function parseKafkaSource<T>(
  options: KafkaSourceOptions<T>,
  connect: (connection: KafkaConnectionOptions) => KafkaClientFactory,
): ParsedKafkaSource<T> {
  const { settings, clients } = parse(options, connect);
  checkSettings(settings);
  const { groupId, isolation, outOfRange, startFrom, stopAt, autoCommitInterval } = settings;
  const { maxWait, maxBytes, maxPartitionBytes, checkCrcs } = settings;
  const commits = groupId !== undefined && autoCommitInterval === undefined;
  return {
    reader: {
      clients,
      deserializer: options.deserializer,
      isolation,
      outOfRange,
      committedReset: resetOf(startFrom),
      groupId,
      commitOffsetsOnCheckpoint: settings.commitOffsetsOnCheckpoint ?? commits,
      autoCommitInterval,
      maxWait,
      maxBytes,
      maxPartitionBytes,
      checkCrcs,
      evaluator: options.endOfInput,
    },
    enumerator: {
      clients,
      subscriber: subscriberOf(settings),
      startingOffsets: startingOffsets(startFrom),
      stoppingOffsets: stoppingOffsets(stopAt ?? settings.unboundedUntil),
      groupId,
      isolation,
      discoveryInterval: intervalOf(settings),
      boundedness: stopAt === undefined ? "CONTINUOUS_UNBOUNDED" : "BOUNDED",
    },
  };
}

function parse(
  options: unknown,
  connect: (connection: KafkaConnectionOptions) => KafkaClientFactory,
): { readonly settings: Settings; readonly clients: KafkaClientFactory } {
  if (typeof options === "object" && options !== null && "clients" in options) {
    for (const key of Object.keys(kafkaConnectionEntries)) {
      if (key in options) throw conflict(key, "clients already say how to reach the cluster");
    }
    const { clients, ...settings } = parseOptions("kafkaSource", withClients, options);
    return { settings, clients };
  }
  const parsed = parseOptions("kafkaSource", withBrokers, options);
  const { brokers, clientId, ssl, sasl, connectionTimeout, requestTimeout, retry, ...settings } =
    parsed;
  const connection = { brokers, clientId, ssl, connectionTimeout, requestTimeout, retry };
  return { settings, clients: connect(sasl === undefined ? connection : { ...connection, sasl }) };
}

function checkSettings(settings: Settings): void {
  const { startFrom, stopAt, unboundedUntil, groupId, partitions } = settings;
  const given = (["topics", "pattern", "partitions", "subscriber"] as const).filter(
    (key) => settings[key] !== undefined,
  );
  if (given.length === 0)
    throw conflict("topics", "it is required, or pattern, partitions or subscriber");
  if (given.length > 1) throw conflict(given[1] as string, `${given[0]} already says what to read`);
  if (stopAt !== undefined && unboundedUntil !== undefined) {
    throw conflict("unboundedUntil", "stopAt already says where to stop");
  }
  const positions = { startFrom, stopAt, unboundedUntil };
  for (const [key, position] of Object.entries(positions)) {
    if (position === undefined) continue;
    if (groupId === undefined && needsGroup(position)) {
      throw conflict("groupId", `it is required, because ${key} asks for committed offsets`);
    }
    checkNamedOnce(`kafkaSource.${key}`, position);
  }
  if (stopAt !== undefined) checkOrder("kafkaSource.stopAt", startFrom, stopAt);
  if (unboundedUntil !== undefined) {
    checkOrder("kafkaSource.unboundedUntil", startFrom, unboundedUntil);
  }
  const ids = partitions?.map(toSplitId) ?? [];
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined)
    throw optionInvalid("kafkaSource.partitions", twice, "each partition once");
  checkCommits(settings);
  if (stopAt !== undefined && (settings.discoveryInterval ?? 0) !== 0 && intervalOf(settings) > 0) {
    throw conflict("discoveryInterval", "a source with stopAt looks for partitions once");
  }
}

function checkCommits({ groupId, commitOffsetsOnCheckpoint, autoCommitInterval }: Settings): void {
  if (groupId === undefined) {
    const asks = commitOffsetsOnCheckpoint === true || autoCommitInterval !== undefined;
    if (asks) throw conflict("groupId", "it is required to commit offsets");
  }
  if (autoCommitInterval === undefined) return;
  if (autoCommitInterval < 1) {
    throw optionInvalid("kafkaSource.autoCommitInterval", autoCommitInterval, "at least 1 ms");
  }
  if (commitOffsetsOnCheckpoint === true) {
    throw conflict("autoCommitInterval", "commitOffsetsOnCheckpoint already commits");
  }
}

function subscriberOf({ topics, pattern, partitions, subscriber }: Settings): KafkaSubscriber {
  if (topics !== undefined) {
    return topicListSubscriber(typeof topics === "string" ? [topics] : topics);
  }
  if (pattern !== undefined) return topicPatternSubscriber(pattern);
  if (partitions !== undefined) return partitionSetSubscriber(partitions);
  return subscriber as KafkaSubscriber;
}

function intervalOf({ discoveryInterval, stopAt }: Settings): number {
  if (discoveryInterval === undefined) return stopAt === undefined ? DISCOVERY_INTERVAL : 0;
  return typeof discoveryInterval === "number" && discoveryInterval <= 0
    ? 0
    : v.parse(duration(), discoveryInterval);
}

function conflict(key: string, reason: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", `option kafkaSource.${key}: ${reason}`, {
    domain: "user",
    retry: "never",
    scope: "job",
  });
}
