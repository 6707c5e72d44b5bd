import { constants } from "node:buffer";
import * as v from "valibot";
import { wholeNumber } from "../options/parse-options.js";
import type { FileFormat, FormatReader, OpenFile } from "./file-format.js";
import { type FileSourceOptions, fileSourceEntries } from "./file-source-options.js";
import type { FileSplit } from "./file-split.js";
import type { LineDecoder } from "./line-batch.js";
import { isUtf16Mark, LineReader, TAIL } from "./line-reader.js";

const DEFAULT_MAX_LINE_LENGTH = 128 * 1024 * 1024;
const BLOCK_SIZE = 1024 * 1024;

/** What a source of lines takes. */
export interface LineSourceOptions extends FileSourceOptions {
  /** Bytes of a line, without its end; a longer one is a bad record. Default 128 MiB. */
  readonly maxLineLength?: number;
}

/** The entries of the schema of `LineSourceOptions`. */
export const lineSourceEntries = {
  ...fileSourceEntries,
  maxLineLength: v.optional(
    v.pipe(wholeNumber(1), v.maxValue(constants.MAX_STRING_LENGTH)),
    DEFAULT_MAX_LINE_LENGTH,
  ),
};

/** What `LineFormat` takes. */
export interface LineFormatOptions<T> {
  readonly name: string;
  readonly decoder: LineDecoder<T>;
  readonly maxLineLength: number;
  /** Bytes that are read at once; default 1 MiB. */
  readonly blockSize?: number;
}

/**
 * Lines of UTF-8 that end with "\n" or "\r\n". A split has the lines that begin in it, the last of
 * which may end behind it.
 */
export class LineFormat<T> implements FileFormat<T> {
  readonly name: string;
  readonly splittable = true;
  readonly #options: LineFormatOptions<T>;

  constructor(options: LineFormatOptions<T>) {
    this.name = options.name;
    this.#options = options;
  }

  async open(file: OpenFile, split: FileSplit): Promise<FormatReader<T>> {
    const { decoder, maxLineLength, blockSize = BLOCK_SIZE } = this.#options;
    const { start, position } = split;
    const end = file.isCompressed ? Number.POSITIVE_INFINITY : split.end;
    const isUtf16 = position > 0 && position < end && (await beginsWithUtf16Mark(file));
    // One byte earlier, to see whether a line begins here.
    const beginsInLine = start > 0 && position === start;
    const base = beginsInLine ? position - 1 : position;
    return new LineReader({
      stream: file.stream(base),
      base,
      end,
      beginsInLine,
      isUtf16,
      decoder,
      blockSize: blockSizeFor(file, blockSize, end - base),
      maxLineLength,
    });
  }
}

/** Small files are many. */
function blockSizeFor(file: OpenFile, blockSize: number, left: number): number {
  const content = file.isCompressed ? Math.max(TAIL, 8 * file.size) : Math.max(0, left) + 1;
  return Math.min(blockSize, content);
}

async function beginsWithUtf16Mark(file: OpenFile): Promise<boolean> {
  const stream = file.stream(0);
  const mark = new Uint8Array(2);
  try {
    for (let filled = 0; filled < 2; ) {
      const count = await stream.read(mark.subarray(filled));
      if (count === 0) return false;
      filled += count;
    }
    return isUtf16Mark(mark[0], mark[1]);
  } finally {
    await stream.close();
  }
}
