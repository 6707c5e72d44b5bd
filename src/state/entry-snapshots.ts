import type { StateSnapshot } from "../stream/operator-context.js";
import {
  concat,
  endText,
  entryText,
  headText,
  KEYED_STATE_VERSION,
  type KeyedStateHead,
} from "./keyed-state-bytes.js";
import { hashOfKey, type StateKey } from "./state-key.js";

/** Entries looked at, and characters encoded, in one go: about a millisecond's work. */
const ENTRIES_PER_SLICE = 1024;
const CHARACTERS_PER_SLICE = 128 * 1024;

/** A piece of keyed state that is snapshotted by itself. */
export interface SnapshotEntry {
  readonly key: StateKey;
  /** The last snapshot that has it, or that it is too new for; see `EntrySnapshots.touch`. */
  generation: number;
}

/**
 * Snapshots of entries that go on being changed: a snapshot takes no time at the barrier. An entry is
 * encoded when its turn comes, or just before it is changed for the first time after the barrier.
 *
 * Owns: the snapshot under way. Called by: the subtask's loop.
 * Invariants: an entry whose generation is the present one is in the snapshot, or came after it;
 * whoever changes or removes an entry calls `touch` before. One snapshot is under way at a time.
 */
export class EntrySnapshots<E extends SnapshotEntry> {
  readonly #partsOf: (entry: E) => readonly unknown[];
  #generation = 0;
  #current: EntrySnapshot<E> | undefined;

  /** `partsOf`: what a checkpoint holds of an entry, as JSON; throws when it is none. */
  constructor(partsOf: (entry: E) => readonly unknown[]) {
    this.#partsOf = partsOf;
  }

  /** What a new entry begins with. */
  get generation(): number {
    return this.#generation;
  }

  /** Before the entry is changed or removed. */
  touch(entry: E): void {
    if (entry.generation !== this.#generation) this.#save(entry);
  }

  /** The state as it is now; `entries` are gone through later, while they change. */
  begin(head: KeyedStateHead, entries: Iterator<E>): StateSnapshot {
    this.#current?.serializeAll();
    this.#generation++;
    const snapshot = new EntrySnapshot(head, entries, {
      isIn: (entry) => entry.generation === this.#generation,
      save: (entry) => this.#save(entry),
      ended: () => {
        if (this.#current === snapshot) this.#current = undefined;
      },
    });
    this.#current = snapshot;
    return snapshot;
  }

  #save(entry: E): void {
    entry.generation = this.#generation;
    this.#current?.add(entry.key, () => this.#partsOf(entry));
  }
}

interface Saving<E> {
  isIn(entry: E): boolean;
  save(entry: E): void;
  ended(): void;
}

/** One snapshot on its way to bytes. */
class EntrySnapshot<E> implements StateSnapshot {
  readonly version = KEYED_STATE_VERSION;
  readonly #parts: Uint8Array[] = [];
  readonly #entries: Iterator<E>;
  readonly #saving: Saving<E>;
  #text: string;
  #isEmpty = true;
  #error: unknown;
  #state: "RUNNING" | "SERIALIZED" | "CANCELLED" = "RUNNING";

  constructor(head: KeyedStateHead, entries: Iterator<E>, saving: Saving<E>) {
    this.#text = headText(head);
    this.#entries = entries;
    this.#saving = saving;
  }

  get isSerialized(): boolean {
    return this.#state === "SERIALIZED";
  }

  get bytes(): Uint8Array {
    return concat(this.#parts);
  }

  /** A mistake is kept: it declines the checkpoint and not the record that touched the entry. */
  add(key: StateKey, parts: () => readonly unknown[]): void {
    if (this.#error !== undefined) return;
    try {
      this.#text += entryText(this.#isEmpty, hashOfKey(key), parts());
      this.#isEmpty = false;
    } catch (error) {
      this.#error = error;
    }
    if (this.#text.length > CHARACTERS_PER_SLICE) this.#encode();
  }

  serializeSome(): void {
    if (this.#state !== "RUNNING") return;
    const encoded = this.#parts.length;
    for (let i = 0; i < ENTRIES_PER_SLICE && this.#parts.length === encoded; i++) {
      const { done, value } = this.#entries.next();
      if (done === true) {
        this.#finish();
        break;
      }
      if (!this.#saving.isIn(value)) this.#saving.save(value);
    }
    if (this.#error === undefined) return;
    this.cancel();
    throw this.#error;
  }

  /** Before the next snapshot; a mistake shows in the next `serializeSome`. */
  serializeAll(): void {
    try {
      while (this.#state === "RUNNING") this.serializeSome();
    } catch {
      this.#state = "RUNNING";
    }
  }

  cancel(): void {
    this.#state = "CANCELLED";
    this.#parts.length = 0;
    this.#text = "";
    this.#saving.ended();
  }

  #finish(): void {
    if (this.#error !== undefined) return;
    this.#text += endText();
    this.#encode();
    this.#state = "SERIALIZED";
    this.#saving.ended();
  }

  #encode(): void {
    this.#parts.push(new TextEncoder().encode(this.#text));
    this.#text = "";
  }
}
