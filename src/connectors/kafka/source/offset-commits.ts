import type { KafkaClient, TopicPartition } from "../client/kafka-client.js";
import type { KafkaReadState } from "./kafka-record-emitter.js";
import type { KafkaSourceMetrics } from "./kafka-source-metrics.js";

/** An offset of one split that a group is to know. */
export interface CommittableOffset extends TopicPartition {
  readonly offset: number;
}

type Offsets = ReadonlyMap<string, CommittableOffset>;

/**
 * Commits to the group what checkpoints cover (Flink `KafkaSourceReader`): for people and tools that look
 * at the group. The job's own state never depends on it.
 *
 * Owns: the offsets of checkpoints that are not complete, and of finished splits until they are
 * committed. Called by: the operator's loop.
 * Invariants: one commit at a time; of those that wait the last wins, so a group never goes back; a
 * failure is counted, and the next checkpoint says all of it again.
 */
export class OffsetCommits {
  readonly #groupId: string;
  readonly #client: () => Promise<KafkaClient>;
  readonly #metrics: KafkaSourceMetrics;
  readonly #byCheckpoint = new Map<number, Offsets>();
  readonly #ofFinished = new Map<string, CommittableOffset>();
  #lastCompleted = Number.NEGATIVE_INFINITY;
  #waiting: Offsets | undefined;
  #underWay: Promise<void> | undefined;

  constructor(groupId: string, client: () => Promise<KafkaClient>, metrics: KafkaSourceMetrics) {
    this.#groupId = groupId;
    this.#client = client;
    this.#metrics = metrics;
  }

  /** By checkpoint: what is committed when it completes. */
  get offsetsToCommit(): ReadonlyMap<number, Offsets> {
    return this.#byCheckpoint;
  }

  /** Offsets of finished splits that the group does not know. */
  get hasUncommitted(): boolean {
    return this.#ofFinished.size > 0;
  }

  snapshot(checkpointId: number, states: Iterable<KafkaReadState>): void {
    this.#byCheckpoint.set(checkpointId, this.#offsetsOf(states));
  }

  splitFinished(state: KafkaReadState): void {
    const offset = committable(state);
    if (offset !== undefined) this.#ofFinished.set(state.split.splitId, offset);
  }

  /** The split is read again here: what it finished at is no longer the last word. */
  splitAdded(splitId: string): void {
    this.#ofFinished.delete(splitId);
  }

  /**
   * `isAtEnd`: every split has been read to its end. Then a checkpoint that asked for no snapshot is one
   * that holds the final state of the subtask (FLIP-147).
   */
  checkpointComplete(checkpointId: number, isAtEnd: boolean): void {
    const offsets = this.#byCheckpoint.get(checkpointId);
    if (offsets === undefined) {
      if (isAtEnd && checkpointId > this.#lastCompleted) this.#commit(new Map(this.#ofFinished));
      return;
    }
    this.#lastCompleted = checkpointId;
    for (const id of this.#byCheckpoint.keys()) {
      if (id <= checkpointId) this.#byCheckpoint.delete(id);
    }
    this.#commit(offsets);
  }

  checkpointAborted(checkpointId: number): void {
    this.#byCheckpoint.delete(checkpointId);
  }

  /** Commits where the splits stand now. */
  commitNow(states: Iterable<KafkaReadState>): void {
    this.#commit(this.#offsetsOf(states));
  }

  /** Resolves when no commit is under way; never rejects. */
  async close(): Promise<void> {
    while (this.#underWay !== undefined) await this.#underWay;
  }

  #offsetsOf(states: Iterable<KafkaReadState>): Offsets {
    const offsets = new Map(this.#ofFinished);
    for (const state of states) {
      const offset = committable(state);
      if (offset !== undefined) offsets.set(state.split.splitId, offset);
    }
    return offsets;
  }

  #commit(offsets: Offsets): void {
    if (offsets.size === 0) return;
    if (this.#underWay !== undefined) {
      this.#waiting = offsets;
      return;
    }
    this.#underWay = this.#send(offsets).finally(() => {
      this.#underWay = undefined;
      const next = this.#waiting;
      this.#waiting = undefined;
      if (next !== undefined) this.#commit(next);
    });
  }

  async #send(offsets: Offsets): Promise<void> {
    try {
      const client = await this.#client();
      await client.commitOffsets(this.#groupId, [...offsets.values()]);
    } catch {
      this.#metrics.commitsFailed.inc();
      return;
    }
    this.#metrics.commitsSucceeded.inc();
    for (const [splitId, committed] of offsets) {
      this.#metrics.committed(splitId, committed.offset);
      if (this.#ofFinished.get(splitId)?.offset === committed.offset) {
        this.#ofFinished.delete(splitId);
      }
    }
  }
}

/** Undefined for a split that has not been read: a marker is no offset. */
function committable({ split, currentOffset }: KafkaReadState): CommittableOffset | undefined {
  if (currentOffset < 0) return undefined;
  return { topic: split.topic, partition: split.partition, offset: currentOffset };
}
