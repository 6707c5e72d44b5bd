import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type {
  AbortedTransaction,
  KafkaRecord,
} from "../../../../src/connectors/kafka/records/index.js";

/** A record as GoldenBatches.java prints it: offset, timestamp, key, value, headers. */
export type GoldenRecord = readonly [
  number,
  number,
  string | null,
  string | null,
  readonly (readonly [string, string | null])[],
];

/** A fetch response, and what Kafka's Java consumer makes of it. */
export interface GoldenResponse {
  readonly name: string;
  readonly hex: string;
  readonly from: number;
  readonly readCommitted: boolean;
  readonly aborted: readonly AbortedTransaction[];
  readonly batches: readonly Readonly<Record<string, unknown>>[];
  readonly records: readonly GoldenRecord[];
  readonly nextOffset: number;
}

interface Line extends Partial<GoldenResponse> {
  readonly name: string;
  readonly hashes?: readonly (readonly [string, number, number])[];
}

const LINES = readFileSync(new URL("./golden/batches.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Line);

/** Everything that the Java client reads, apart from what is refused here. */
export const RESPONSES = LINES.filter(
  ({ name, batches }) => batches !== undefined && !name.startsWith("refused"),
) as readonly GoldenResponse[];

/** Keys, their murmur2 and their partition of 12, by Kafka's own classes. */
export const HASHES = LINES.find(({ name }) => name === "murmur2")?.hashes ?? [];

/** The bytes of one response, in a buffer of their own. */
export function bytesOf(name: string): Buffer {
  const hex = LINES.find((line) => line.name === name)?.hex;
  if (hex === undefined) throw new Error(`there is no golden response ${name}`);
  return Buffer.from(hex, "hex");
}

/** A record as GoldenBatches.java prints it. */
export function golden(record: KafkaRecord): GoldenRecord {
  return [
    record.offset,
    record.timestamp,
    textOf(record.key),
    textOf(record.value),
    record.headers.map(({ key, value }) => [key, textOf(value)] as const),
  ];
}

function textOf(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  if (bytes.length <= 300) return bytes.toString("hex");
  return `${bytes.length}:${createHash("sha256").update(bytes).digest("hex")}`;
}
