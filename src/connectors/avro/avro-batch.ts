import type { FileBatch, FileRecord, UnreadableBytes } from "../../files/file-format.js";
import type { AvroDecoder } from "./avro-decoder.js";
import { badRecord } from "./avro-errors.js";
import { type BadBlock, type FileBlock, unreadableBlock } from "./block-reader.js";
import { RecordCursor, type RecordFacts } from "./record-check.js";

/** A block whose records are decompressed. */
export interface LoadedBlock {
  readonly block: FileBlock;
  readonly records: Buffer;
  /** Records that were emitted before. */
  readonly skip: number;
}

/** Blocks that were read together. A block is checked as a whole before its first record is decoded. */
export class AvroBatch<T> implements FileBatch<T> {
  readonly #decoder: AvroDecoder;
  readonly #blocks: readonly (LoadedBlock | BadBlock)[];
  #next = 0;
  #records: BlockRecords | undefined;

  constructor(decoder: AvroDecoder, blocks: readonly (LoadedBlock | BadBlock)[]) {
    this.#decoder = decoder;
    this.#blocks = blocks;
  }

  next(into: FileRecord<T>): boolean {
    while (this.#records === undefined || !this.#records.next(into as FileRecord<unknown>)) {
      this.#records = undefined;
      const block = this.#blocks[this.#next++];
      if (block === undefined) return false;
      if ("bad" in block) return putBad(into, block.bad, block.next);
      try {
        this.#records = new BlockRecords(this.#decoder, block);
      } catch (error) {
        return putBad(into, unreadableBlock(block.block, error), block.block.next);
      }
    }
    return true;
  }
}

function putBad(into: FileRecord<unknown>, bad: UnreadableBytes, next: number): true {
  into.bad = bad;
  into.position = next;
  into.skip = 0;
  return true;
}

/** The records of one block, whose ends are known. */
class BlockRecords {
  readonly #decoder: AvroDecoder;
  readonly #loaded: LoadedBlock;
  /** Where each record ends; undefined: none takes a byte. */
  readonly #ends: Int32Array | undefined;
  readonly #facts = new Map<number, RecordFacts>();
  #index: number;

  /** Throws BAD_RECORD when the block cannot be what it claims. */
  constructor(decoder: AvroDecoder, loaded: LoadedBlock) {
    this.#decoder = decoder;
    this.#loaded = loaded;
    this.#index = loaded.skip;
    this.#ends = this.#check();
  }

  next(into: FileRecord<unknown>): boolean {
    const { block, records } = this.#loaded;
    const index = this.#index;
    if (index >= block.count) return false;
    this.#index = index + 1;
    const isLast = index + 1 === block.count;
    into.position = isLast ? block.next : block.position;
    into.skip = isLast ? 0 : index + 1;
    const start = index === 0 ? 0 : (this.#ends?.[index - 1] ?? 0);
    const end = this.#ends?.[index] ?? 0;
    try {
      into.bad = undefined;
      into.value = this.#decoder.decode(records, start, end, this.#facts.get(index));
    } catch (error) {
      const raw = records.subarray(start, end);
      into.bad = { position: block.position, raw, rawLength: end - start, error };
    }
    return true;
  }

  #check(): Int32Array | undefined {
    const { block, records } = this.#loaded;
    const { count } = block;
    const cursor = new RecordCursor(records, this.#decoder.isInt64Number);
    if (records.length === 0) {
      if (count > 0) {
        cursor.check(this.#decoder.check);
        cursor.claim(count - 1);
      }
      return undefined;
    }
    if (count > records.length) {
      throw badRecord(`the block claims ${count} records in ${records.length} bytes`);
    }
    const ends = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      cursor.check(this.#decoder.check);
      ends[i] = cursor.at;
      if (cursor.hasLargeLong || cursor.problem !== undefined) {
        const { hasLargeLong, hasLargeNegativeLong, problem } = cursor;
        this.#facts.set(i, { hasLargeLong, hasLargeNegativeLong, problem });
      }
    }
    if (cursor.at < records.length) {
      throw badRecord(`the block has ${records.length - cursor.at} bytes behind its last record`);
    }
    return ends;
  }
}
