import type {
  IsolationLevel,
  KafkaClient,
  OffsetQuery,
  TopicPartition,
} from "../client/kafka-client.js";
import type { AssignedPartition } from "./assigned-partition.js";
import { isRetried, noCommittedOffset, partitionFailed } from "./fetch-errors.js";
import { COMMITTED_OFFSET, EARLIEST_OFFSET, LATEST_OFFSET } from "./kafka-split.js";

/** How markers become offsets. */
export interface PositionOptions {
  readonly isolation: IsolationLevel;
  readonly groupId: string | undefined;
  /** Where to read a partition of which the group has committed nothing. */
  readonly committedReset: "fail" | "earliest" | "latest";
}

interface Wanted {
  readonly partition: AssignedPartition;
  readonly epoch: number;
  readonly which: "start" | "stop";
  readonly at: "earliest" | "latest";
}

/**
 * Turns the markers of these partitions into offsets, both of the start and of the end; those that keep
 * one have to be tried again. Throws what cannot be waited out, and what the client rejects with.
 */
export async function findPositions(
  client: KafkaClient,
  partitions: readonly AssignedPartition[],
  options: PositionOptions,
): Promise<void> {
  const wanted: Wanted[] = [];
  const committed = await findCommitted(client, partitions, options);
  for (const partition of partitions) {
    const { epoch, fetchOffset, stoppingOffset } = partition;
    const offset = committed.get(partition);
    if (fetchOffset === COMMITTED_OFFSET) {
      if (offset !== undefined) partition.moveTo(offset);
      else wanted.push({ partition, epoch, which: "start", at: resetOf(partition, options) });
    } else if (fetchOffset < 0) {
      const at = fetchOffset === EARLIEST_OFFSET ? "earliest" : "latest";
      wanted.push({ partition, epoch, which: "start", at });
    }
    if (stoppingOffset === LATEST_OFFSET) {
      wanted.push({ partition, epoch, which: "stop", at: "latest" });
    } else if (stoppingOffset === COMMITTED_OFFSET) {
      if (offset === undefined) throw noCommittedOffset(partition, options.groupId);
      partition.stoppingOffset = offset;
    }
  }
  await askBrokers(client, wanted, options.isolation);
}

async function findCommitted(
  client: KafkaClient,
  partitions: readonly AssignedPartition[],
  { groupId }: PositionOptions,
): Promise<ReadonlyMap<AssignedPartition, number>> {
  const wanted = partitions.filter(
    ({ fetchOffset, stoppingOffset }) =>
      fetchOffset === COMMITTED_OFFSET || stoppingOffset === COMMITTED_OFFSET,
  );
  const found = new Map<AssignedPartition, number>();
  if (wanted.length === 0 || groupId === undefined) return found;
  const asked = wanted.map(({ topic, partition }) => ({ topic, partition }));
  const owners = new Map(wanted.map((one) => [keyOf(one), one]));
  for (const answer of await client.committedOffsets(groupId, asked)) {
    const owner = owners.get(keyOf(answer));
    if (owner !== undefined && answer.offset !== undefined) found.set(owner, answer.offset);
  }
  return found;
}

function resetOf(partition: AssignedPartition, options: PositionOptions): "earliest" | "latest" {
  if (options.committedReset === "fail") throw noCommittedOffset(partition, options.groupId);
  return options.committedReset;
}

async function askBrokers(
  client: KafkaClient,
  wanted: readonly Wanted[],
  isolation: IsolationLevel,
): Promise<void> {
  // One query a partition in a request: a broker refuses duplicates.
  for (const which of ["stop", "start"] as const) {
    const asked = new Map<string, Wanted>();
    const queries: OffsetQuery[] = [];
    for (const one of wanted) {
      if (one.which !== which) continue;
      const { topic, partition } = one.partition;
      asked.set(keyOf(one.partition), one);
      queries.push({ topic, partition, at: one.at });
    }
    if (queries.length === 0) continue;
    for (const answer of await client.listOffsets(queries, isolation)) {
      const one = asked.get(keyOf(answer));
      if (one === undefined) continue;
      const { partition, epoch } = one;
      const { error, offset } = answer;
      if (partition.isRemoved || epoch !== partition.epoch || isRetried(error)) continue;
      if (error !== "NONE") throw partitionFailed(partition, "looking up an offset", error);
      if (offset === undefined) continue;
      if (which === "stop") partition.stoppingOffset = offset;
      else partition.moveTo(offset);
    }
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
