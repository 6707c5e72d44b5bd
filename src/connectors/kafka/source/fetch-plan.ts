import type { AssignedPartition } from "./assigned-partition.js";

/** The sizes that a plan keeps to; see the consumer's options. */
export interface FetchSizes {
  readonly maxWait: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  readonly maxBufferedBytes: number;
}

/** A fetch that is to be sent. */
export interface PlannedFetch {
  readonly broker: number;
  readonly partitions: readonly AssignedPartition[];
  readonly maxBytes: number;
  readonly maxWait: number;
}

/** Answers of a partition that may wait while the next one is fetched. */
const AHEAD = 2;
/** Fetches at a broker at the same time: the second is for those that the first leaves out, or are far behind. */
const PER_BROKER = 2;
/**
 * Where the last answer had so many bytes of two partitions, they are fetched apart: a broker sends no more than
 * its socket's buffer ahead of whoever reads, and two connections have two of them.
 */
const MUCH = 262_144;
/** How long a fetch may hold up those that cannot be part of it yet. */
const SHORT_WAIT = 50;

/**
 * Says which fetches to send next.
 *
 * Owns: the number and bytes of the fetches under way. Called by: the consumer.
 * Invariants: bytes under way and bytes held stay within the limit; a partition is in one fetch at most.
 */
export class FetchPlan {
  readonly #sizes: FetchSizes;
  readonly #underWay = new Map<number, number>();
  #reserved = 0;

  constructor(sizes: FetchSizes) {
    this.#sizes = sizes;
  }

  /** Each has to be given to `ended` once. */
  next(partitions: Iterable<AssignedPartition>, handedOut: number): PlannedFetch[] {
    const ready = new Map<number, AssignedPartition[]>();
    /** Brokers with partitions that will be ready soon. */
    const others = new Set<number>();
    const paused: AssignedPartition[] = [];
    const leaders = new Set<number>();
    let held = handedOut;
    /** It may turn out to be led by any broker. */
    let isOneLocating = false;
    for (const partition of partitions) {
      const { leader } = partition;
      held += partition.arrivedBytes;
      if (partition.isPaused && partition.arrived.length > 0) paused.push(partition);
      if (leader === undefined && partition.isLocating) isOneLocating = true;
      if (leader === undefined || partition.isPaused || partition.isFetchedToEnd) continue;
      leaders.add(leader);
      if (!canFetch(partition)) {
        if (!partition.isFetching) others.add(leader);
        continue;
      }
      const together = ready.get(leader);
      if (together === undefined) ready.set(leader, [partition]);
      else together.push(partition);
    }
    // Every broker has a share, twice over: for what is under way and for what has arrived.
    const share = Math.max(1, Math.floor(this.#sizes.maxBufferedBytes / (2 * leaders.size)));
    const planned: PlannedFetch[] = [];
    for (const [broker, all] of ready) {
      const parts = this.#parts(broker, all);
      for (const together of parts) {
        if (this.#room(held) <= 0) held -= forgetArrived(paused.splice(0));
        const room = this.#room(held);
        if (room <= 0) return planned;
        const { maxBytes, maxPartitionBytes, maxWait } = this.#sizes;
        const underWay = this.#underWay.get(broker) ?? 0;
        const isShort = isOneLocating || others.has(broker) || underWay > 0 || parts.length > 1;
        const one = {
          broker,
          partitions: together,
          maxBytes: Math.min(
            maxBytes,
            room,
            Math.ceil(share / parts.length),
            together.length * maxPartitionBytes,
          ),
          maxWait: isShort ? Math.min(SHORT_WAIT, maxWait) : maxWait,
        };
        this.#underWay.set(broker, underWay + 1);
        this.#reserved += one.maxBytes;
        planned.push(one);
      }
    }
    return planned;
  }

  ended({ broker, maxBytes }: PlannedFetch): void {
    this.#underWay.set(broker, (this.#underWay.get(broker) ?? 1) - 1);
    this.#reserved -= maxBytes;
  }

  /** Which of a broker's partitions to fetch together. */
  #parts(broker: number, ready: readonly AssignedPartition[]): (readonly AssignedPartition[])[] {
    const underWay = this.#underWay.get(broker) ?? 0;
    if (underWay >= PER_BROKER) return [];
    if (underWay > 0) {
      // Those that have nothing new wait for the other fetch to end, and go on with its partitions.
      const busy = ready.filter(({ isIdle }) => !isIdle);
      return busy.length > 0 ? [busy] : [];
    }
    const behind = ready.filter(({ fetchedBytes }) => fetchedBytes >= MUCH);
    if (behind.length < 2) return [ready];
    const second = new Set(behind.slice(behind.length >> 1));
    return [ready.filter((partition) => !second.has(partition)), [...second]];
  }

  #room(held: number): number {
    return this.#sizes.maxBufferedBytes - held - this.#reserved;
  }
}

function canFetch(partition: AssignedPartition): boolean {
  const { isFetching, isLocating, isBackingOff, hasPosition, arrived } = partition;
  return !isFetching && !isLocating && !isBackingOff && hasPosition && arrived.length < AHEAD;
}

/** Paused partitions must not keep others from being read: theirs is fetched again. */
function forgetArrived(paused: readonly AssignedPartition[]): number {
  let bytes = 0;
  for (const partition of paused) {
    bytes += partition.arrivedBytes;
    partition.restartAt(partition.takenOffset);
  }
  return bytes;
}
