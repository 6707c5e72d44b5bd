import { protocolErrorOf } from "../client/client-errors.js";
import type { EpochEnd, EpochQuery, KafkaClient } from "../client/kafka-client.js";
import type { AssignedPartition } from "./assigned-partition.js";
import { isRetried, partitionFailed } from "./fetch-errors.js";

/** A partition whose leader does not have all that was read of it. */
export interface Truncation {
  readonly partition: AssignedPartition;
  /** The first offset that is another record now, or none; undefined: the leader does not know. */
  readonly endOffset: number | undefined;
}

/**
 * Asks the leaders that are new whether their logs still hold the records before each position (KIP-320,
 * Java's `OffsetsForLeaderEpochClient`): an unclean election cuts a log, and the same offsets come again
 * with other records. A leader that cannot say is forgotten: it has to be looked up again.
 *
 * Rejects with what the client rejects with, and with KAFKA_REQUEST_FAILED.
 */
export async function findTruncations(
  client: KafkaClient,
  partitions: readonly AssignedPartition[],
): Promise<readonly Truncation[]> {
  const byLeader = new Map<number, AssignedPartition[]>();
  for (const partition of partitions) {
    const { leader, leaderEpoch, lastEpoch, validEpoch, hasPosition } = partition;
    if (leader === undefined || leaderEpoch === validEpoch || !hasPosition) continue;
    if (leaderEpoch === undefined || lastEpoch === undefined) {
      partition.validEpoch = leaderEpoch;
      continue;
    }
    const led = byLeader.get(leader);
    if (led === undefined) byLeader.set(leader, [partition]);
    else led.push(partition);
  }
  const found = await Promise.all([...byLeader].map(([leader, led]) => ask(client, leader, led)));
  return found.flat();
}

async function ask(
  client: KafkaClient,
  leader: number,
  partitions: readonly AssignedPartition[],
): Promise<readonly Truncation[]> {
  const asked = partitions.map((partition) => ({
    partition,
    epoch: partition.epoch,
    query: {
      topic: partition.topic,
      partition: partition.partition,
      leaderEpoch: partition.leaderEpoch,
      epoch: partition.lastEpoch,
    } as EpochQuery,
  }));
  const answers = await epochEnds(
    client,
    leader,
    asked.map(({ query }) => query),
  );
  const byPlace = new Map(answers.map((answer) => [keyOf(answer), answer]));
  const truncations: Truncation[] = [];
  for (const { partition, epoch, query } of asked) {
    const { error = "UNKNOWN_SERVER_ERROR", endOffset } = byPlace.get(keyOf(query)) ?? {};
    if (partition.isRemoved) continue;
    if (error !== "NONE") {
      if (!isRetried(error)) throw partitionFailed(partition, "looking up an epoch", error);
      partition.leader = undefined;
    } else if (partition.epoch !== epoch) {
      // It goes on elsewhere since then: asked again.
      partition.leader = undefined;
    } else if (endOffset === undefined || endOffset < partition.fetchOffset) {
      truncations.push({ partition, endOffset });
    } else {
      partition.validEpoch = query.leaderEpoch;
    }
  }
  return truncations;
}

/** A server that does not know the request cannot tell: then every position counts as good. */
async function epochEnds(
  client: KafkaClient,
  leader: number,
  queries: readonly EpochQuery[],
): Promise<readonly EpochEnd[]> {
  try {
    return await client.epochEnds(leader, queries);
  } catch (error) {
    if (protocolErrorOf(error) !== "UNSUPPORTED_VERSION") throw error;
    return queries.map(({ topic, partition }) => ({
      topic,
      partition,
      error: "NONE",
      endOffset: Number.POSITIVE_INFINITY,
    }));
  }
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }) {
  return `${topic}-${partition}`;
}
