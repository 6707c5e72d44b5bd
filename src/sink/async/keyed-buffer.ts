import { describeValue, illegalArgument } from "../../errors/index.js";
import { type Batch, highest, placesOf, type RequestBuffer } from "./request-buffer.js";

/** What tells records apart; values that are equal are the same key. */
export type UpsertKey = string | number | bigint | boolean;

/** The newest record of a key that waits. */
interface Entry<T> {
  readonly key: UpsertKey;
  record: T;
  sizeInBytes: number;
  /** How often a record of the key has been sent since one went through. */
  retries: number;
}

interface KeyedBatch<T> extends Batch<T> {
  readonly entries: readonly Entry<T>[];
}

/**
 * Owns: the newest record of each key that waits, and which keys are in flight.
 * Called by: the writer, in the subtask's loop.
 * Invariants: a key waits once at most; while it is in flight its next record waits aside, so that
 * neither a batch nor all batches in flight together hold a key twice. A record that is to be sent
 * again gives way to a newer one of its key.
 */
export class KeyedBuffer<T> implements RequestBuffer<T> {
  readonly #keyOf: (record: T) => UpsertKey;
  readonly #waiting = new Map<UpsertKey, Entry<T>>();
  readonly #inFlight = new Set<UpsertKey>();
  /** Those whose key is not in flight, in the order in which they are sent. */
  #ready: Entry<T>[] = [];
  #head = 0;
  #readyBytes = 0;

  constructor(keyOf: (record: T) => UpsertKey) {
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get sendable(): number {
    return this.#ready.length - this.#head;
  }

  get sendableBytes(): number {
    return this.#readyBytes;
  }

  /** A record takes the place of the one of its key that waits. */
  add(record: T, sizeInBytes: number): void {
    const key = this.#checkedKeyOf(record);
    const waiting = this.#waiting.get(key);
    const isAside = this.#inFlight.has(key);
    if (waiting !== undefined) {
      if (!isAside) this.#readyBytes += sizeInBytes - waiting.sizeInBytes;
      waiting.record = record;
      waiting.sizeInBytes = sizeInBytes;
      return;
    }
    const entry = { key, record, sizeInBytes, retries: 0 };
    this.#waiting.set(key, entry);
    if (!isAside) this.#makeReady(entry);
  }

  take(maxSize: number, maxBytes: number): KeyedBatch<T> {
    const from = this.#head;
    const most = Math.min(this.#ready.length, from + maxSize);
    let to = from;
    let bytes = 0;
    for (; to < most; to++) {
      const { key, sizeInBytes } = this.#ready[to] as Entry<T>;
      if (to > from && bytes + sizeInBytes > maxBytes) break;
      bytes += sizeInBytes;
      this.#waiting.delete(key);
      this.#inFlight.add(key);
    }
    const entries = this.#ready.slice(from, to);
    this.#readyBytes -= bytes;
    this.#head = to;
    if (to * 2 >= this.#ready.length) this.#compact();
    return {
      entries,
      requests: entries.map(({ record }) => record),
      sizeInBytes: bytes,
      retries: entries.map(({ retries }) => retries),
    };
  }

  release(batch: KeyedBatch<T>, retry: readonly T[]): number {
    const { entries, requests } = batch;
    const places = retry === requests ? requests.keys() : placesOf(requests, retry);
    const again = Array.from(places, (place) => entries[place] as Entry<T>);
    for (const { key } of entries) this.#inFlight.delete(key);
    const first = again.map((entry) => this.#newestOf(entry));
    const isFirst = new Set(first);
    for (const { key } of entries) {
      const newer = this.#waiting.get(key);
      if (newer !== undefined && !isFirst.has(newer)) this.#makeReady(newer);
    }
    this.#ready = [...first, ...this.#ready.slice(this.#head)];
    this.#head = 0;
    for (const { sizeInBytes } of first) this.#readyBytes += sizeInBytes;
    return highest(first.map(({ retries }) => retries));
  }

  /** What is sent instead of an entry that did not go through. */
  #newestOf(entry: Entry<T>): Entry<T> {
    const newest = this.#waiting.get(entry.key) ?? entry;
    newest.retries = entry.retries + 1;
    this.#waiting.set(entry.key, newest);
    return newest;
  }

  #makeReady(entry: Entry<T>): void {
    this.#ready.push(entry);
    this.#readyBytes += entry.sizeInBytes;
  }

  #compact(): void {
    this.#ready = this.#ready.slice(this.#head);
    this.#head = 0;
  }

  #checkedKeyOf(record: T): UpsertKey {
    const key = this.#keyOf(record);
    switch (typeof key) {
      case "string":
      case "number":
      case "bigint":
      case "boolean":
        return key;
      default:
        throw illegalArgument(
          `keyOf gave ${describeValue(key)}; a key is a string, a number, a bigint or a boolean`,
        );
    }
  }
}
