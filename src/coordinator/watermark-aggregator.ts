import type { Watermark } from "../api/watermark.js";
import { illegalArgument } from "../errors/index.js";

interface Entry<K> {
  readonly key: K;
  watermark: Watermark;
  /** Where the entry is in the heap. */
  position: number;
}

/**
 * Owns: the latest watermark of each key. Called by: the loop of a coordinator or an alignment
 * group.
 * Invariants: the heap's root is the smallest latest watermark; a watermark may go down again.
 *
 * The minimum over keys (Flink `SourceCoordinator.WatermarkAggregator`); an update costs O(log n).
 */
export class WatermarkAggregator<K> {
  readonly #entries = new Map<K, Entry<K>>();
  /** A binary heap by watermark; each entry knows its place, so an update finds it at once. */
  readonly #heap: Entry<K>[] = [];

  /** The minimum; -Infinity while there is no key. */
  get combined(): Watermark {
    return this.#heap[0]?.watermark ?? Number.NEGATIVE_INFINITY;
  }

  /** The keys in the order in which they came first. */
  get keys(): Iterable<K> {
    return this.#entries.keys();
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Takes a key's new watermark; the new minimum when that changed, otherwise undefined. */
  aggregate(key: K, watermark: Watermark): Watermark | undefined {
    if (Number.isNaN(watermark)) throw illegalArgument(`the watermark of ${String(key)} is NaN`);
    const before = this.combined;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { key, watermark, position: this.#heap.length };
      this.#entries.set(key, entry);
      this.#heap.push(entry);
    } else {
      entry.watermark = watermark;
    }
    this.#sift(entry);
    return this.combined === before ? undefined : this.combined;
  }

  /** Forgets a key; the new minimum when that changed, otherwise undefined. */
  remove(key: K): Watermark | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const before = this.combined;
    this.#entries.delete(key);
    const last = this.#heap.pop() as Entry<K>;
    if (last !== entry) {
      last.position = entry.position;
      this.#heap[last.position] = last;
      this.#sift(last);
    }
    return this.combined === before ? undefined : this.combined;
  }

  #sift(entry: Entry<K>): void {
    const heap = this.#heap;
    let at = entry.position;
    for (let up = (at - 1) >> 1; at > 0; up = (at - 1) >> 1) {
      const parent = heap[up] as Entry<K>;
      if (parent.watermark <= entry.watermark) break;
      heap[at] = parent;
      parent.position = at;
      at = up;
    }
    for (let down = at * 2 + 1; down < heap.length; down = at * 2 + 1) {
      let child = heap[down] as Entry<K>;
      const sibling = heap[down + 1];
      if (sibling !== undefined && sibling.watermark < child.watermark) child = sibling;
      if (child.watermark >= entry.watermark) break;
      const from = child.position;
      heap[at] = child;
      child.position = at;
      at = from;
    }
    heap[at] = entry;
    entry.position = at;
  }
}
