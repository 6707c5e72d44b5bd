import { HeadwaterError } from "../../../errors/index.js";

/** Bytes that are no record batch, or no longer the one that was written. */
export function corruptBatch(place: string, reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("BAD_RECORD", `${place}: ${reason}`, {
    domain: "external",
    retry: "never",
    scope: "record",
    hint: "The batch is damaged where the broker stores it, or was on its way. Read it again with another client; when that fails too, go on behind it.",
    cause,
  });
}

/** A batch of Kafka before 0.11. */
export function legacyBatch(place: string, magic: number): HeadwaterError {
  return new HeadwaterError(
    "UNSUPPORTED_OPERATION",
    `${place}: the batch has message format ${magic}; only format 2 (Kafka 0.11 and later) is read`,
    {
      domain: "user",
      retry: "never",
      scope: "split",
      hint: "Copy the topic with a current producer, which writes format 2, and read the copy.",
    },
  );
}

/** A number that a JavaScript number cannot hold exactly. */
export function inexactNumber(place: string, what: string, value: bigint): HeadwaterError {
  return new HeadwaterError("LIMIT_EXCEEDED", `${place}: ${what} ${value} is beyond ±2^53`, {
    domain: "external",
    retry: "never",
    scope: "record",
    hint: "Timestamps are milliseconds; a producer that writes nanoseconds has to divide them.",
  });
}

/** A batch that grows beyond what it may take in memory. */
export function batchTooLarge(place: string, limit: number): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `${place}: the batch takes more than ${limit} bytes when it is decompressed`,
    {
      domain: "external",
      retry: "never",
      scope: "record",
      hint: "Raise maxUncompressedBytes when such batches are meant; else find the producer that writes them.",
    },
  );
}

/** A record that does not fit into a batch even alone. */
export function recordTooLarge(size: number, limit: number): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `a record takes ${size} bytes; a batch with it would exceed its limit of ${limit} bytes`,
    {
      domain: "user",
      retry: "never",
      scope: "record",
      hint: "Make the record smaller, or raise maxBatchBytes here and max.message.bytes of the topic.",
    },
  );
}
