import type { SplitIterator } from "../api/source-reader.js";
import type { FileSplit } from "./file-split.js";

/**
 * How the bytes of files become records (Flink `BulkFormat`); one object serves every split and
 * attempt, so it holds options only, no state.
 */
export interface FileFormat<T> {
  /** For people: such as "text" or "Avro". */
  readonly name: string;
  /**
   * True: a split may begin at any byte, and holds the records that begin in it. False: a split is
   * always a whole file.
   */
  readonly splittable: boolean;
  /** Loads what the format needs; called before the first file is opened. Throws DRIVER_MISSING. */
  prepare?(): Promise<void>;
  /** Starts reading where the split stands (`position`, then `skip` records further). */
  open(file: OpenFile, split: FileSplit): FormatReader<T> | Promise<FormatReader<T>>;
}

/** Reads one split; driven by the file split reader, one call at a time, in the fetcher's loop. */
export interface FormatReader<T> {
  /** The next records in their order, maybe none; undefined: the split has ended. */
  read(): Promise<FileBatch<T> | undefined>;
  /** Frees what it holds, but not the file. */
  close?(): void | Promise<void>;
}

/** Records that were read together; each is decoded when it is asked for, in the operator's loop. */
export interface FileBatch<T> {
  /**
   * Fills `into` with the next record, or with an input that is none, and where a restored split goes
   * on behind it; false: no more. Called per record: it allocates nothing but the record.
   */
  next(into: FileRecord<T>): boolean;
  /** Records that may be emitted in a run; what it does not have comes from `next`. Optional. */
  readonly run?: FileRun<T>;
  /** The batch has been read: its buffers may be used again. */
  recycle?(): void;
}

/** The records of a batch up to the next that needs a look of its own, such as one that is bad. */
export interface FileRun<T> extends SplitIterator<T> {
  /** As `FileRecord.position`, behind what has been taken; the skip is 0. */
  readonly position: number;
  fill(records: T[], at: number, atMost: number): number;
}

/** A place for one record, used again for the next. */
export interface FileRecord<T> {
  /** Counts only while `bad` is undefined. */
  value: T;
  /** Where a restored split goes on: this byte of the content … */
  position: number;
  /** … and then so many records further. */
  skip: number;
  /** Set for an input that is no record. */
  bad: UnreadableBytes | undefined;
}

/** Bytes of a file that are no record, and why. */
export interface UnreadableBytes {
  /** The first byte of the content that belongs to it. */
  readonly position: number;
  /** Its bytes, or the first of them; may be a view into the batch's buffer. */
  readonly raw: Uint8Array;
  readonly rawLength: number;
  readonly error: unknown;
}

/** A file that is being read. What its bytes give is checked: it has neither shrunk nor changed. */
export interface OpenFile {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  /** True: the content is what decompressing the file gives, and can only be read from front to back. */
  readonly isCompressed: boolean;
  /** Fills `into` from byte `position` on disk; throws FILE_CHANGED when the file ends before. */
  readAt(into: Uint8Array, position: number): Promise<void>;
  /** The content from byte `position` on; of a compressed file after decompressing what is before. */
  stream(position: number): ByteStream;
}

/** The content of a file, from front to back; one read at a time. */
export interface ByteStream {
  /**
   * Puts the next bytes into `into` and says how many, at least one; 0: the content has ended. Throws
   * FILE_CHANGED or, for bytes that cannot be decompressed, FILE_CORRUPT.
   */
  read(into: Uint8Array): Promise<number>;
  close(): void | Promise<void>;
}
