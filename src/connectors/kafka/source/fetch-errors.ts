import { HeadwaterError } from "../../../errors/index.js";
import type { KafkaErrorName, TopicPartition } from "../client/kafka-client.js";

/** Errors that go away when the leader is asked for again, or by waiting. */
const RETRIED: ReadonlySet<KafkaErrorName> = new Set([
  "BROKER_NOT_AVAILABLE",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "COORDINATOR_NOT_AVAILABLE",
  "FENCED_LEADER_EPOCH",
  "FETCH_SESSION_ID_NOT_FOUND",
  "INVALID_FETCH_SESSION_EPOCH",
  "KAFKA_STORAGE_ERROR",
  "LEADER_NOT_AVAILABLE",
  "LISTENER_NOT_FOUND",
  "NETWORK_EXCEPTION",
  "NOT_COORDINATOR",
  "NOT_LEADER_FOR_PARTITION",
  "NOT_LEADER_OR_FOLLOWER",
  "OFFSET_NOT_AVAILABLE",
  "REPLICA_NOT_AVAILABLE",
  "REQUEST_TIMED_OUT",
  "THROTTLING_QUOTA_EXCEEDED",
  "UNKNOWN_LEADER_EPOCH",
  "UNKNOWN_SERVER_ERROR",
  "UNKNOWN_TOPIC_ID",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "UNSTABLE_OFFSET_COMMIT",
]);

/** True for a partition's error that a consumer waits out, as the Java client does. */
export function isRetried(error: KafkaErrorName): boolean {
  return RETRIED.has(error);
}

/** True for a rejected request that may go well another time. */
export function mayRetry(error: unknown): boolean {
  return error instanceof HeadwaterError && error.retry !== "never";
}

/** An error of one partition that nobody can wait out. */
export function partitionFailed(
  { topic, partition }: TopicPartition,
  doing: string,
  error: KafkaErrorName,
): HeadwaterError {
  return new HeadwaterError(
    "KAFKA_REQUEST_FAILED",
    `partition ${topic}-${partition}: ${doing} failed with ${error}`,
    {
      domain: "external",
      retry: error === "CORRUPT_MESSAGE" ? "backoff" : "never",
      scope: "split",
      hint: error.endsWith("AUTHORIZATION_FAILED")
        ? "Allow this user to read the topic and to use the group."
        : "Look up this error in Kafka's protocol guide and in the log of the broker.",
    },
  );
}

/** A broker that sends the beginning of a batch alone would send it for ever. */
export function noWholeBatch(
  { topic, partition }: TopicPartition,
  offset: number,
  bytes: number,
): HeadwaterError {
  return new HeadwaterError(
    "KAFKA_REQUEST_FAILED",
    `partition ${topic}-${partition}: the broker sent ${bytes} bytes for offset ${offset}, and no whole batch behind it`,
    {
      domain: "external",
      retry: "never",
      scope: "split",
      hint: "Raise maxPartitionBytes above the size of the topic's largest batch (max.message.bytes).",
    },
  );
}

/** The offset to read on is not in the log, and the reader may not go on elsewhere. */
export function offsetOutOfRange(
  { topic, partition }: TopicPartition,
  offset: number,
  range: { readonly earliest: number | undefined; readonly latest: number | undefined },
): HeadwaterError {
  const known =
    range.earliest === undefined || range.latest === undefined
      ? ""
      : `; the log reaches from ${range.earliest} to ${range.latest}`;
  const isGone = range.earliest !== undefined && offset < range.earliest;
  return new HeadwaterError(
    "KAFKA_OFFSET_OUT_OF_RANGE",
    `partition ${topic}-${partition}: offset ${offset} is out of range${known}`,
    {
      domain: "user",
      retry: "never",
      scope: "split",
      hint: `${
        isGone
          ? "The records were deleted (retention) before they were read"
          : "The log is shorter than it was (the topic was made anew, or replicas were lost)"
      }. Set outOfRange to "earliest" or "latest" to go on there, or start without the checkpoint.`,
    },
  );
}

/** An unclean election has taken what was read out of the log, and the reader may not go on elsewhere (KIP-320). */
export function logTruncated(
  { topic, partition }: TopicPartition,
  offset: number,
  endOffset: number | undefined,
): HeadwaterError {
  const left =
    endOffset === undefined
      ? "nothing of what was read before it is in the log any more"
      : `what was read from ${endOffset} up to it is not in the log any more`;
  return new HeadwaterError(
    "KAFKA_OFFSET_OUT_OF_RANGE",
    `partition ${topic}-${partition}: the log was cut before offset ${offset}: ${left}`,
    {
      domain: "external",
      retry: "never",
      scope: "split",
      hint: 'A replica that was not in sync has become the leader (unclean.leader.election.enable), or the topic was made anew: records that were read are lost. Set outOfRange to "earliest" or "latest" to go on at the first offset that has changed, or start without the checkpoint.',
    },
  );
}

/** The group has committed nothing, and the reader may not go on elsewhere (`auto.offset.reset` none). */
export function noCommittedOffset(
  { topic, partition }: TopicPartition,
  groupId: string | undefined,
): HeadwaterError {
  const who = groupId === undefined ? "there is no group" : `group ${groupId} has committed none`;
  return new HeadwaterError(
    "KAFKA_OFFSET_OUT_OF_RANGE",
    `partition ${topic}-${partition}: undefined offset with no reset policy: ${who}`,
    {
      domain: "user",
      retry: "never",
      scope: "split",
      hint: "Set a reset of earliest or latest beside the committed offsets, or commit offsets with this group first.",
    },
  );
}
