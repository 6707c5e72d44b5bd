import type { Cancel, ProcessingTimeService } from "../../../mailbox/ports.js";
import type { AssignedPartition } from "./assigned-partition.js";
import { backOff } from "./back-off.js";

/**
 * The partitions that wait before they are tried again.
 *
 * Owns: their timers, and the topics whose leaders are to be asked for anew. Called by: the consumer.
 * Invariants: a partition rests once at a time; `rested` is called behind each rest, and never after `close`.
 */
export class PartitionRests {
  readonly #timers: ProcessingTimeService;
  readonly #rested: () => void;
  readonly #staleTopics = new Set<string>();
  readonly #cancels = new Set<Cancel>();
  #isClosed = false;

  constructor(timers: ProcessingTimeService, rested: () => void) {
    this.#timers = timers;
    this.#rested = rested;
  }

  /** Its leader is looked up anew, after 50 ms to 1 s. */
  tryLater(partition: AssignedPartition): void {
    if (partition.isRemoved || partition.isBackingOff) return;
    partition.leader = undefined;
    partition.isIdle = false;
    this.#staleTopics.add(partition.topic);
    this.rest(partition, backOff(++partition.attempts));
  }

  /** It is left alone for so many milliseconds. */
  rest(partition: AssignedPartition, delay: number): void {
    if (this.#isClosed) return;
    partition.isBackingOff = true;
    const cancel = this.#timers.registerTimer(delay, () => {
      this.#cancels.delete(cancel);
      partition.isBackingOff = false;
      this.#rested();
    });
    this.#cancels.add(cancel);
  }

  /** The topics of these partitions whose leaders are not known any more; each once. */
  takeStaleTopics(partitions: readonly AssignedPartition[]): string[] {
    const topics = new Set(partitions.map(({ topic }) => topic));
    return [...topics].filter((topic) => this.#staleTopics.delete(topic));
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#cancels) cancel();
  }
}
