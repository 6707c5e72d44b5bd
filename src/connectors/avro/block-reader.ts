import type { UnreadableBytes } from "../../files/file-format.js";
import { badRecord } from "./avro-errors.js";
import { SYNC_SIZE } from "./avro-header.js";
import type { ByteWindow } from "./byte-window.js";
import { INVALID, UNENDED, varintLength, varintValue } from "./varint.js";

/** Of a bad block, so many bytes are kept. */
const MAX_RAW = 1024 * 1024;

/** A block of a container file, as it is on disk. */
export interface FileBlock {
  /** The byte where it begins, and where the next one does. */
  readonly position: number;
  readonly next: number;
  /** Records that it claims to hold. */
  readonly count: number;
  /** All its bytes, in memory of its own. */
  readonly raw: Buffer;
  /** Its records, maybe compressed: a view into `raw`. */
  readonly data: Buffer;
}

/** Bytes between two markers that are no block. */
export interface BadBlock {
  readonly bad: UnreadableBytes;
  readonly next: number;
}

/**
 * Reads the blocks of a container file one behind the other.
 *
 * Owns: the place in the file. Called by: the Avro reader. Invariants: the place is always behind a
 * sync marker, or at the end; behind bytes that are no block it goes on at the next marker, the same
 * that a split finds which begins there.
 */
export class BlockReader {
  readonly #window: ByteWindow;
  readonly #sync: Buffer;
  readonly #maxBlockSize: number;

  constructor(window: ByteWindow, sync: Buffer, maxBlockSize: number) {
    this.#window = window;
    this.#sync = sync;
    this.#maxBlockSize = maxBlockSize;
  }

  /** Where the next block begins. */
  get position(): number {
    return this.#window.position;
  }

  /** Goes behind the next sync marker, or to the end. */
  async findSync(): Promise<void> {
    await this.#pass(() => {});
  }

  /** The next block, or what is there instead; undefined: the content has ended. */
  async read(): Promise<FileBlock | BadBlock | undefined> {
    const window = this.#window;
    const { position } = window;
    if (!(await window.need(1))) return undefined;
    await window.need(20);
    const head = this.#head();
    if (typeof head === "string") return this.#bad(head);
    const { used, count, size } = head;
    const length = used + size + SYNC_SIZE;
    if (!(await window.need(length))) {
      return this.#bad(`the block claims ${size} bytes, and the file ends before`);
    }
    if (!window.view(used + size, length).equals(this.#sync)) {
      return this.#bad("the sync marker is not behind the block");
    }
    const raw = Buffer.from(window.view(0, length));
    window.skip(length);
    return { position, next: window.position, count, raw, data: raw.subarray(used, used + size) };
  }

  /** Count and size in front of the block, and the bytes they take; or what is wrong. */
  #head(): { readonly used: number; readonly count: number; readonly size: number } | string {
    const { bytes, start, end } = this.#window;
    const first = varintLength(bytes, start, end);
    const second = first > 0 ? varintLength(bytes, start + first, end) : first;
    if (first === INVALID || second === INVALID) return "the block begins with no number";
    if (second === UNENDED) return "the file ends within the block";
    const count = varintValue(bytes, start, first);
    const size = varintValue(bytes, start + first, second);
    if (!Number.isSafeInteger(count) || count < 0) return `the block claims ${count} records`;
    if (size < 0) return `the block claims ${size} bytes`;
    if (size > this.#maxBlockSize) {
      return `the block claims ${size} bytes, more than maxBlockSize (${this.#maxBlockSize})`;
    }
    return { used: first + second, count, size };
  }

  async #bad(reason: string): Promise<BadBlock> {
    const { position } = this.#window;
    const kept: Buffer[] = [];
    let length = 0;
    await this.#pass((bytes) => {
      if (length >= MAX_RAW) return;
      const part = Buffer.from(bytes.subarray(0, MAX_RAW - length));
      kept.push(part);
      length += part.length;
    });
    const next = this.#window.position;
    const raw = Buffer.concat(kept, length);
    return { bad: { position, raw, rawLength: next - position, error: badRecord(reason) }, next };
  }

  /** Goes behind the next sync marker, or to the end, and shows the bytes on the way. */
  async #pass(see: (bytes: Buffer) => void): Promise<void> {
    const window = this.#window;
    const step = (count: number): void => {
      see(window.view(0, count));
      window.skip(count);
    };
    while (await window.need(SYNC_SIZE)) {
      const index = window.view(0, window.available).indexOf(this.#sync);
      if (index >= 0) return step(index + SYNC_SIZE);
      step(window.available - SYNC_SIZE + 1);
    }
    step(window.available);
  }
}

/** The whole of a block that has been read, as one bad record. */
export function unreadableBlock({ position, raw }: FileBlock, error: unknown): UnreadableBytes {
  return { position, raw: raw.subarray(0, MAX_RAW), rawLength: raw.length, error };
}
