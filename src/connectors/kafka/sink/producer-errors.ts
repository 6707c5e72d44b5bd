import { type ErrorFacts, HeadwaterError } from "../../../errors/index.js";
import { protocolErrorOf } from "../client/client-errors.js";
import type { KafkaErrorName, TopicPartition } from "../client/kafka-client.js";

/** Errors after which the same batch or request may go well. */
const RETRIABLE: ReadonlySet<KafkaErrorName> = new Set([
  "CORRUPT_MESSAGE",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "NOT_LEADER_FOR_PARTITION",
  "REQUEST_TIMED_OUT",
  "REPLICA_NOT_AVAILABLE",
  "BROKER_NOT_AVAILABLE",
  "NETWORK_EXCEPTION",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR",
  "GROUP_LOAD_IN_PROGRESS",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR_FOR_GROUP",
  "NOT_ENOUGH_REPLICAS",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "CONCURRENT_TRANSACTIONS",
  "KAFKA_STORAGE_ERROR",
  "UNKNOWN_LEADER_EPOCH",
  "FENCED_LEADER_EPOCH",
  "THROTTLING_QUOTA_EXCEEDED",
]);

/** The transaction is no longer this producer's: another one has its id, or its time is over. */
export const TRANSACTION_LOST: ReadonlySet<KafkaErrorName> = new Set([
  "INVALID_PRODUCER_EPOCH",
  "PRODUCER_FENCED",
  "INVALID_PRODUCER_ID_MAPPING",
  "INVALID_TXN_STATE",
  "UNKNOWN_PRODUCER_ID",
  "TRANSACTION_ABORTABLE",
]);

/** The broker gives a transactional id a new epoch for another producer, and when it aborts after the timeout. */
const FENCED: ReadonlySet<KafkaErrorName> = new Set(["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"]);

const LOST_HINT =
  "Another producer has taken the transactional id, or the transaction was open for longer than transactionTimeout. Give each sink a transactionalIdPrefix of its own; keep transactionTimeout well above the checkpoint interval.";

/** Refused for good: somebody has to change something. */
const REFUSED =
  /AUTHORIZATION_FAILED|AUTHENTICATION_FAILED|^INVALID_(?!PRODUCER_|TXN_)|^UNSUPPORTED_|^POLICY_VIOLATION$/;

export function isRetriable(error: KafkaErrorName): boolean {
  return RETRIABLE.has(error);
}

/** Whether trying again is of no use until somebody changes something. */
export function isRefused(error: KafkaErrorName): boolean {
  return REFUSED.test(error);
}

/** Whether a rejected request may go well when it is sent again. */
export function mayRetry(error: unknown): boolean {
  if (!(error instanceof HeadwaterError) || error.retry === "never") return false;
  const name = protocolErrorOf(error);
  return name === undefined || RETRIABLE.has(name);
}

export function placeName({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** How long a transaction has been open, and may be; milliseconds. */
export interface TransactionAge {
  readonly age: number;
  readonly timeout: number;
}

/** The transaction is no longer the producer's own. */
function transactionLost(
  what: string,
  error: KafkaErrorName,
  transaction: TransactionAge | undefined,
): HeadwaterError {
  const age = transaction === undefined ? "" : ` (open for ${Math.round(transaction.age)} ms)`;
  // Too young for its timeout: somebody has taken over, and a restart would take it back from them.
  const isReplaced =
    FENCED.has(error) && transaction !== undefined && transaction.age < transaction.timeout;
  return sinkError(`${what}: ${error}${age}`, {
    domain: "external",
    retry: isReplaced ? "never" : "backoff",
    scope: "reader",
    hint: LOST_HINT,
  });
}

/** A transaction that takes no further partition; `reason`: what the request was rejected with. */
export function notAdded(
  owner: string,
  transactionalId: string,
  reason: unknown,
  transaction: TransactionAge | undefined,
): unknown {
  const error = protocolErrorOf((reason as Error | undefined)?.cause);
  if (error === undefined || !TRANSACTION_LOST.has(error)) return reason;
  const what = `${owner} could not add partitions to transaction ${transactionalId}`;
  return transactionLost(what, error, transaction);
}

/** A batch that the broker does not take, or not in time. */
export function notDelivered(
  owner: string,
  place: TopicPartition,
  records: number,
  error: KafkaErrorName,
  transaction: TransactionAge | undefined,
): HeadwaterError {
  const written = `${owner} could not write ${records} records to ${placeName(place)}`;
  if (TRANSACTION_LOST.has(error)) return transactionLost(written, error, transaction);
  const what = `${written}: ${error}`;
  return sinkError(what, {
    domain: isRefused(error) ? "user" : "external",
    retry: isRefused(error) ? "never" : "backoff",
    scope: "reader",
    ...(error.endsWith("AUTHORIZATION_FAILED") && {
      hint: "Give the sink's user the right to write to the topic, and for exactly-once to its transactional ids.",
    }),
  });
}

/** A record that the broker does not take even alone. */
export function recordRefused(owner: string, place: TopicPartition, bytes: number): HeadwaterError {
  return sinkError(
    `${owner} could not write a record to ${placeName(place)}: its batch has ${bytes} bytes, and the broker does not take it (MESSAGE_TOO_LARGE)`,
    {
      domain: "user",
      retry: "never",
      scope: "reader",
      hint: "Raise max.message.bytes of the topic, use a compression, or make the record smaller.",
    },
  );
}

/** A record that does not fit into a request. */
export function recordOverLimit(
  owner: string,
  place: TopicPartition,
  cause: HeadwaterError,
): HeadwaterError {
  return sinkError(`${owner} cannot write a record to ${placeName(place)}: ${cause.message}`, {
    domain: "user",
    retry: "never",
    scope: "reader",
    hint: "Make the record smaller, or raise maxRequestSize of the sink and max.message.bytes of the topic.",
    cause,
  });
}

/** What was not in the log in time. */
export function timedOut(owner: string, what: string, limit: number, cause?: unknown) {
  return sinkError(`${owner} could not ${what} within ${limit} ms`, {
    domain: "external",
    retry: "backoff",
    scope: "reader",
    hint: "Check the brokers; deliveryTimeout is how long the sink goes on trying.",
    cause,
  });
}

/** A request that is not to be sent again. */
export function requestRefused(owner: string, what: string, cause: unknown): HeadwaterError {
  const known = cause instanceof HeadwaterError ? cause : undefined;
  const error = protocolErrorOf(cause);
  const refused = error !== undefined && isRefused(error);
  return sinkError(`${owner} could not ${what}${error === undefined ? "" : `: ${error}`}`, {
    domain: refused ? "user" : (known?.domain ?? "external"),
    retry: refused ? "never" : (known?.retry ?? "backoff"),
    scope: "reader",
    ...(known?.hint !== undefined && { hint: known.hint }),
    ...(error !== undefined && TRANSACTION_LOST.has(error) && { hint: LOST_HINT }),
    ...(error === "INVALID_TRANSACTION_TIMEOUT" && {
      hint: "The sink's transactionTimeout is above transaction.max.timeout.ms of the broker: lower the one or raise the other.",
    }),
    cause,
  });
}

export function sinkError(message: string, facts: ErrorFacts): HeadwaterError {
  return new HeadwaterError("SINK_FAILED", message, facts);
}
