import { type ErrorFacts, HeadwaterError } from "../../../errors/index.js";
import type { KafkaErrorName } from "./kafka-client.js";
import { COORDINATOR_MOVED, STALE_METADATA } from "./protocol/error-names.js";

/** No broker could be reached, or the connection to one broke. */
export function connectionFailed(message: string, hint: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("CONNECTION_FAILED", message, {
    domain: "external",
    retry: "backoff",
    scope: "reader",
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** One side does not trust the other's certificate; no restart helps. */
export function certificateRefused(address: string, code: string, why: string): HeadwaterError {
  const isOurs = code.startsWith("ERR_SSL_");
  return new HeadwaterError(
    "CONNECTION_FAILED",
    isOurs
      ? `${address} does not trust the certificate of this client, or got none: ${why}`
      : `the certificate of ${address} is not trusted: ${why} (${code})`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: isOurs
        ? "Give a certificate that the broker trusts: ssl: { cert, key }."
        : "Give the certificate of the authority that has signed it, ssl: { ca }, and the broker's name as it is in its certificate.",
    },
  );
}

/** The broker does not let this user in; never tried again: accounts get locked that way. */
export function authenticationFailed(address: string, why: string): HeadwaterError {
  return new HeadwaterError(
    "KAFKA_AUTHENTICATION_FAILED",
    `${address} has refused the authentication: ${why}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Check the option sasl (mechanism, username, password), and that this port of the broker takes that mechanism.",
    },
  );
}

/** The brokers refuse a request, or one partition of it; `protocolErrorOf` gives the error's name. */
export function requestFailed(what: string, error: KafkaErrorName): HeadwaterError {
  const mayPass = STALE_METADATA.has(error) || COORDINATOR_MOVED.has(error) || PASSING.has(error);
  const facts: ErrorFacts = {
    domain: "external",
    retry: mayPass ? "backoff" : "never",
    scope: "job",
    cause: new ProtocolError(error),
  };
  const hint = hintFor(error);
  return new HeadwaterError("KAFKA_REQUEST_FAILED", `Kafka has refused ${what}: ${error}`, {
    ...facts,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The name of the protocol's error that a KAFKA_REQUEST_FAILED is about. */
export function protocolErrorOf(error: unknown): KafkaErrorName | undefined {
  if (!(error instanceof HeadwaterError) || error.code !== "KAFKA_REQUEST_FAILED") return undefined;
  const cause = error.cause as Error | undefined;
  return cause?.name === "KafkaProtocolError" ? cause.message : undefined;
}

/** What was under way when the client was closed. */
export function clientClosed(name: string): HeadwaterError {
  return new HeadwaterError("CONNECTION_FAILED", `the Kafka client ${name} is closed`, {
    domain: "internal",
    retry: "never",
    scope: "reader",
  });
}

/** The innermost cause of a KAFKA_REQUEST_FAILED; its message is the error's name. */
class ProtocolError extends Error {
  override readonly name = "KafkaProtocolError";
}

const PASSING: ReadonlySet<KafkaErrorName> = new Set([
  "CONCURRENT_TRANSACTIONS",
  "NOT_ENOUGH_REPLICAS",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "NETWORK_EXCEPTION",
  "UNKNOWN_SERVER_ERROR",
]);

function hintFor(error: KafkaErrorName): string | undefined {
  if (error.endsWith("_AUTHORIZATION_FAILED")) {
    return "Give this user the right to it (kafka-acls), or use another user.";
  }
  switch (error) {
    case "UNKNOWN_TOPIC_OR_PARTITION":
      return "Check the topic's name, and that it exists: topics are not created here.";
    case "UNKNOWN_MEMBER_ID":
    case "REBALANCE_IN_PROGRESS":
    case "ILLEGAL_GENERATION":
      return "The group has members of its own (a running consumer). Use another group id, or end them.";
    case "INVALID_TRANSACTION_TIMEOUT":
      return "The transaction timeout is above the brokers' transaction.max.timeout.ms: lower the one or raise the other.";
    case "INVALID_PRODUCER_EPOCH":
    case "PRODUCER_FENCED":
      return "A newer producer with the same transactional id runs: two jobs may share one prefix.";
    default:
      return undefined;
  }
}
