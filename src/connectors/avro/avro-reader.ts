import { messageOf } from "../../errors/index.js";
import type { FileBatch, FormatReader, OpenFile } from "../../files/file-format.js";
import type { FileSplit } from "../../files/file-split.js";
import { AvroBatch, type LoadedBlock } from "./avro-batch.js";
import { AvroDecoder } from "./avro-decoder.js";
import type { AvroDriver } from "./avro-driver.js";
import { badRecord } from "./avro-errors.js";
import { readHeader, SYNC_SIZE } from "./avro-header.js";
import type { AvroCodec, ParsedAvroOptions } from "./avro-options.js";
import { codecOf } from "./block-codec.js";
import { type BadBlock, BlockReader, type FileBlock, unreadableBlock } from "./block-reader.js";
import { ByteWindow } from "./byte-window.js";

/** Bytes on disk of the blocks in one batch, beyond its first block. */
const BATCH_SIZE = 64 * 1024;

/** Reads the blocks of one file that begin in the split's range. */
export class AvroReader<T> implements FormatReader<T> {
  readonly #window: ByteWindow;
  readonly #blocks: BlockReader;
  readonly #decoder: AvroDecoder;
  readonly #codec: AvroCodec;
  readonly #maxBlockSize: number;
  readonly #end: number;
  /** Records to leave out of the block at this byte. */
  readonly #position: number;
  readonly #skip: number;

  private constructor(
    window: ByteWindow,
    blocks: BlockReader,
    decoder: AvroDecoder,
    codec: AvroCodec,
    maxBlockSize: number,
    split: FileSplit,
    end: number,
  ) {
    this.#window = window;
    this.#blocks = blocks;
    this.#decoder = decoder;
    this.#codec = codec;
    this.#maxBlockSize = maxBlockSize;
    this.#end = end;
    this.#position = blocks.position;
    this.#skip = split.skip;
  }

  static async open<T>(
    file: OpenFile,
    split: FileSplit,
    driver: AvroDriver,
    options: ParsedAvroOptions,
  ): Promise<AvroReader<T>> {
    const { path } = file;
    const { maxBlockSize } = options;
    let window = new ByteWindow(file.stream(0), 0);
    try {
      const header = await readHeader(path, window);
      const codec = codecOf(path, header.codec, options);
      const decoder = new AvroDecoder(driver, path, header.schema, options);
      const isBehindHeader = split.position > header.end;
      const isAtStart = split.position === split.start;
      if (isBehindHeader) {
        await window.close();
        // A block at the first byte of the split has its marker before.
        const from = isAtStart ? split.position - SYNC_SIZE : split.position;
        window = new ByteWindow(file.stream(from), from);
      }
      const blocks = new BlockReader(window, header.sync, maxBlockSize);
      if (isBehindHeader && isAtStart) await blocks.findSync();
      const end = file.isCompressed ? Number.POSITIVE_INFINITY : split.end;
      return new AvroReader<T>(window, blocks, decoder, codec, maxBlockSize, split, end);
    } catch (error) {
      await window.close();
      throw error;
    }
  }

  async read(): Promise<FileBatch<T> | undefined> {
    const read: (FileBlock | BadBlock)[] = [];
    for (let size = 0; size < BATCH_SIZE && this.#blocks.position < this.#end; ) {
      const block = await this.#blocks.read();
      if (block === undefined) break;
      read.push(block);
      size += "bad" in block ? block.bad.rawLength : block.raw.length;
    }
    if (read.length === 0) return undefined;
    const blocks = await Promise.all(
      read.map((block) => ("bad" in block ? block : this.#load(block))),
    );
    return new AvroBatch<T>(this.#decoder, blocks);
  }

  close(): void | Promise<void> {
    return this.#window.close();
  }

  async #load(block: FileBlock): Promise<LoadedBlock | BadBlock> {
    const skip = block.position === this.#position ? this.#skip : 0;
    try {
      const { buffer, byteOffset, byteLength } = await this.#codec(block.data);
      if (byteLength > this.#maxBlockSize) {
        throw new RangeError(`it has ${byteLength} bytes then, more than maxBlockSize`);
      }
      return { block, records: Buffer.from(buffer, byteOffset, byteLength), skip };
    } catch (cause) {
      const error = badRecord(`the block cannot be decompressed: ${messageOf(cause)}`, cause);
      return { bad: unreadableBlock(block, error), next: block.next };
    }
  }
}
