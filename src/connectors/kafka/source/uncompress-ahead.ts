import type { FetchedPartition } from "../client/kafka-client.js";
import { type RecordCodecs, type UncompressedBatches, uncompressAhead } from "../records/index.js";
import type { AssignedPartition, PartitionRecords } from "./assigned-partition.js";

/**
 * Uncompresses what has arrived beside the loop, while the operator reads what came before.
 *
 * Owns: the count of uncompressed bytes under way and handed out. Called by: the consumer.
 * Invariant: at most `limit` uncompressed bytes are held; what does not fit is uncompressed when it is read.
 */
export class UncompressAhead {
  readonly #limit: number;
  #underWay = 0;
  #handedOut = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves when each of the answers is uncompressed, or left to be so when it is read. */
  async run(
    answers: readonly FetchedPartition[],
    codecs: RecordCodecs,
    partitions: Iterable<AssignedPartition>,
  ): Promise<ReadonlyMap<FetchedPartition, UncompressedBatches>> {
    let room = this.#limit - this.#underWay - this.#handedOut;
    for (const { arrived } of partitions) for (const part of arrived) room -= bytesOf(part);
    const started = answers.flatMap((answer) => {
      const work = answer.records && uncompressAhead(answer.records, codecs, room);
      if (work === undefined) return [];
      room -= work.atMost;
      return [{ answer, ...work }];
    });
    const reserved = started.reduce((sum, { atMost }) => sum + atMost, 0);
    this.#underWay += reserved;
    const found = await Promise.all(started.map(({ done }) => done));
    this.#underWay -= reserved;
    return new Map(started.map(({ answer }, i) => [answer, found[i] as UncompressedBatches]));
  }

  handedOut(part: PartitionRecords): void {
    this.#handedOut += bytesOf(part);
  }

  givenBack(part: PartitionRecords): void {
    this.#handedOut -= bytesOf(part);
  }
}

function bytesOf({ uncompressed }: PartitionRecords): number {
  let bytes = 0;
  for (const { length } of uncompressed?.values() ?? []) bytes += length;
  return bytes;
}
