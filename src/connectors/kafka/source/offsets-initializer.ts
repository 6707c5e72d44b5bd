import { HeadwaterError } from "../../../errors/index.js";
import type { IsolationLevel, TopicPartition } from "../client/kafka-client.js";
import { EARLIEST_OFFSET, toSplitId } from "./kafka-split.js";
import type { PartitionOffsets, PartitionOffsetsRetriever } from "./partition-offsets.js";

/** What is done where there is no committed or named offset (Kafka's `auto.offset.reset`). */
export type OffsetResetStrategy = "none" | "earliest" | "latest";

/** A partition and an offset in it. */
export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: number;
}

/** Says where partitions start, or stop (Flink `OffsetsInitializer`); outside the coordinator's loop. */
export interface OffsetsInitializer {
  /**
   * By split id an offset, or EARLIEST_OFFSET for the reader to find. A partition that is absent has
   * no stopping offset; a starting offset must be there for each.
   */
  getPartitionOffsets(
    partitions: readonly TopicPartition[],
    retriever: PartitionOffsetsRetriever,
  ): Promise<PartitionOffsets>;
}

/** The first record that is still there when the reader begins. */
export function earliest(): OffsetsInitializer {
  return {
    getPartitionOffsets: async (partitions) =>
      new Map(partitions.map((partition) => [toSplitId(partition), EARLIEST_OFFSET])),
  };
}

/** The end as it is when the enumerator asks: a restored job does not ask again. */
export function latest(): OffsetsInitializer {
  return {
    getPartitionOffsets: (partitions, retriever) => retriever.endOffsets(partitions),
  };
}

/**
 * The first record with this timestamp (milliseconds) or a later one; the end when there is none.
 * `isolation`: whether open transactions count, by default as for the source's records.
 */
export function timestamp(milliseconds: number, isolation?: IsolationLevel): OffsetsInitializer {
  return {
    async getPartitionOffsets(partitions, retriever) {
      // The end first: a record that comes in between is found by its timestamp, never skipped.
      const ends = await retriever.endOffsets(partitions, isolation);
      const found = await retriever.offsetsForTime(partitions, milliseconds, isolation);
      return new Map([...ends, ...found]);
    },
  };
}

/** What the group has committed, as it is when the enumerator asks. */
export function committedOffsets(reset: OffsetResetStrategy): OffsetsInitializer {
  return offsets([], reset);
}

/** The named offsets; what the group has committed for the others. */
export function offsets(
  named: readonly TopicPartitionOffset[],
  reset: OffsetResetStrategy,
): OffsetsInitializer {
  const byId = new Map(named.map((place) => [toSplitId(place), place.offset]));
  return {
    async getPartitionOffsets(partitions, retriever) {
      const found = new Map<string, number>();
      const others: TopicPartition[] = [];
      for (const partition of partitions) {
        const id = toSplitId(partition);
        const offset = byId.get(id);
        if (offset === undefined) others.push(partition);
        else found.set(id, offset);
      }
      for (const [id, offset] of await retriever.committedOffsets(others)) found.set(id, offset);
      const missing = others.filter((partition) => !found.has(toSplitId(partition)));
      if (missing.length === 0) return found;
      return new Map([...found, ...(await resetOffsets(missing, reset, retriever))]);
    },
  };
}

/** Never: partitions are read for as long as there are records. */
export function noStoppingOffset(): OffsetsInitializer {
  return { getPartitionOffsets: async () => new Map() };
}

function resetOffsets(
  missing: readonly TopicPartition[],
  reset: OffsetResetStrategy,
  retriever: PartitionOffsetsRetriever,
): Promise<PartitionOffsets> {
  switch (reset) {
    case "earliest":
      return retriever.beginningOffsets(missing);
    case "latest":
      return retriever.endOffsets(missing);
    case "none":
      throw noOffset(missing);
  }
}

function noOffset(missing: readonly TopicPartition[]): HeadwaterError {
  const named = missing.slice(0, 5).map(toSplitId).join(", ");
  const more = missing.length > 5 ? ` and ${missing.length - 5} more` : "";
  const word = missing.length === 1 ? "partition" : "partitions";
  return new HeadwaterError(
    "KAFKA_REQUEST_FAILED",
    `${word} ${named}${more}: no offset is named or committed, and reset is "none"`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: 'Commit offsets for the group, name offsets, or set reset to "earliest" or "latest".',
    },
  );
}
