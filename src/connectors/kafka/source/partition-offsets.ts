import { HeadwaterError } from "../../../errors/index.js";
import type {
  IsolationLevel,
  KafkaClient,
  OffsetQuery,
  TopicPartition,
} from "../client/kafka-client.js";
import { isRetried } from "./fetch-errors.js";
import { toSplitId } from "./kafka-split.js";

/** Offsets by split id; a partition without one is absent. */
export type PartitionOffsets = ReadonlyMap<string, number>;

/** Looks offsets up for those who decide where to start and stop (Flink `PartitionOffsetsRetriever`). */
export class PartitionOffsetsRetriever {
  readonly #client: KafkaClient;
  readonly #groupId: string | undefined;
  readonly #isolation: IsolationLevel;

  constructor(client: KafkaClient, groupId: string | undefined, isolation: IsolationLevel) {
    this.#client = client;
    this.#groupId = groupId;
    this.#isolation = isolation;
  }

  /** What the group has committed; nothing without a group. */
  async committedOffsets(partitions: readonly TopicPartition[]): Promise<PartitionOffsets> {
    const offsets = new Map<string, number>();
    if (this.#groupId === undefined || partitions.length === 0) return offsets;
    for (const answer of await this.#client.committedOffsets(this.#groupId, partitions)) {
      if (answer.offset !== undefined) offsets.set(toSplitId(answer), answer.offset);
    }
    return offsets;
  }

  beginningOffsets(partitions: readonly TopicPartition[]): Promise<PartitionOffsets> {
    return this.#complete(partitions, "earliest");
  }

  /** With read_committed the last stable offset: an open transaction is behind the end. */
  endOffsets(
    partitions: readonly TopicPartition[],
    isolation: IsolationLevel = this.#isolation,
  ): Promise<PartitionOffsets> {
    return this.#complete(partitions, "latest", isolation);
  }

  /**
   * Milliseconds since the epoch → the first record with that timestamp or a later one; with
   * read_committed none that lies behind an open transaction.
   */
  offsetsForTime(
    partitions: readonly TopicPartition[],
    timestamp: number,
    isolation: IsolationLevel = this.#isolation,
  ): Promise<PartitionOffsets> {
    return this.#list(partitions, timestamp, isolation);
  }

  async #complete(
    partitions: readonly TopicPartition[],
    at: "earliest" | "latest",
    isolation: IsolationLevel = this.#isolation,
  ): Promise<PartitionOffsets> {
    const offsets = await this.#list(partitions, at, isolation);
    for (const partition of partitions) {
      if (!offsets.has(toSplitId(partition))) {
        throw offsetRefused(partition, at, "the answer leaves the partition out", true);
      }
    }
    return offsets;
  }

  async #list(
    partitions: readonly TopicPartition[],
    at: OffsetQuery["at"],
    isolation: IsolationLevel,
  ): Promise<PartitionOffsets> {
    const offsets = new Map<string, number>();
    if (partitions.length === 0) return offsets;
    const queries = partitions.map(({ topic, partition }) => ({ topic, partition, at }));
    for (const answer of await this.#client.listOffsets(queries, isolation)) {
      if (answer.error !== "NONE") {
        throw offsetRefused(answer, at, answer.error, isRetried(answer.error));
      }
      if (answer.offset !== undefined) offsets.set(toSplitId(answer), answer.offset);
    }
    return offsets;
  }
}

function offsetRefused(
  partition: TopicPartition,
  at: OffsetQuery["at"],
  reason: string,
  heals: boolean,
): HeadwaterError {
  const what = typeof at === "number" ? `offset at timestamp ${at}` : `${at} offset`;
  return new HeadwaterError(
    "KAFKA_REQUEST_FAILED",
    `the ${what} of partition ${toSplitId(partition)} could not be looked up: ${reason}`,
    {
      domain: "external",
      retry: heals ? "backoff" : "never",
      scope: "job",
      hint: heals
        ? "The partition is new, has no leader at the moment, or moves; see to the brokers if this goes on."
        : "Check that the topic exists and that this user may describe it.",
    },
  );
}
