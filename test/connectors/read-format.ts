import type {
  ByteStream,
  FileFormat,
  FileRecord,
  OpenFile,
  UnreadableBytes,
} from "../../src/files/file-format.js";
import type { FileSplit } from "../../src/files/file-split.js";

/** A file in memory whose streams give at most so many bytes at a time. */
export class MemoryFile implements OpenFile {
  readonly path = "memory";
  readonly isCompressed: boolean;
  readonly #content: Uint8Array;
  readonly #chunk: number;
  openStreams = 0;

  constructor(content: Uint8Array | string, chunk = 65_536, isCompressed = false) {
    this.#content = typeof content === "string" ? Buffer.from(content) : content;
    this.#chunk = chunk;
    this.isCompressed = isCompressed;
  }

  get size(): number {
    return this.#content.length;
  }

  async readAt(into: Uint8Array, position: number): Promise<void> {
    into.set(this.#content.subarray(position, position + into.length));
  }

  stream(position: number): ByteStream {
    let at = position;
    this.openStreams++;
    return {
      read: async (into) => {
        const part = this.#content.subarray(at, at + Math.min(this.#chunk, into.length));
        into.set(part);
        at += part.length;
        return part.length;
      },
      close: () => {
        this.openStreams--;
      },
    };
  }
}

/** The split of a whole file, or a part of it. */
export function splitOf(file: OpenFile, part: Partial<FileSplit> = {}): FileSplit {
  const start = part.start ?? 0;
  return {
    splitId: "memory@0",
    path: file.path,
    fileSize: file.size,
    modified: 0,
    start,
    end: file.size,
    position: start,
    skip: 0,
    ...part,
  };
}

/** What a format gave, with where a restored split would go on behind it. */
export interface Read<T> {
  readonly value?: T;
  readonly bad?: UnreadableBytes;
  readonly position: number;
  readonly skip: number;
}

/** Reads a split to its end; bytes of bad inputs are copied when they come, as the job would. */
export async function readFormat<T>(
  format: FileFormat<T>,
  file: OpenFile,
  split: FileSplit = splitOf(file),
): Promise<Read<T>[]> {
  await format.prepare?.();
  const reader = await format.open(file, split);
  const read: Read<T>[] = [];
  const into: FileRecord<T> = { value: undefined as T, position: 0, skip: 0, bad: undefined };
  try {
    for (;;) {
      const batch = await reader.read();
      if (batch === undefined) return read;
      while (batch.next(into)) {
        const { value, position, skip, bad } = into;
        if (bad === undefined) read.push({ value, position, skip });
        else read.push({ bad: { ...bad, raw: Uint8Array.from(bad.raw) }, position, skip });
      }
      batch.recycle?.();
    }
  } finally {
    await reader.close?.();
  }
}

export function valuesOf<T>(read: readonly Read<T>[]): T[] {
  return read.filter(({ bad }) => bad === undefined).map(({ value }) => value as T);
}

/** The bytes of the bad inputs, as text, and what is wrong with each. */
export function badOf(read: readonly Read<unknown>[]): [string, string][] {
  return read.flatMap(({ bad }) =>
    bad === undefined
      ? []
      : [[Buffer.from(bad.raw).toString(), (bad.error as Error).message] as [string, string]],
  );
}
