import type { FileHandle } from "node:fs/promises";
import type { AsyncBuffer } from "hyparquet";

/** Reads exactly the bytes from `start` up to `end`; undefined when the file ends before. */
export async function readBytes(
  handle: FileHandle,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) return undefined;
    filled += bytesRead;
  }
  return bytes;
}

/** The open file as hyparquet reads it; a slice that the file does not have is refused. */
export function toAsyncBuffer(handle: FileHandle, fileSize: number): AsyncBuffer {
  const slice = async (start: number, end: number): Promise<ArrayBuffer> => {
    if (!(start >= 0 && end >= start && end <= fileSize)) {
      throw new RangeError(`bytes ${start} to ${end} do not lie within the file`);
    }
    const bytes = await readBytes(handle, start, end);
    if (bytes === undefined) throw new RangeError("the file shrank while it was read");
    return bytes.buffer;
  };
  return {
    byteLength: fileSize,
    slice(start, end = fileSize) {
      const read = slice(start, end);
      // Reads begin before there is anybody to see them fail; whoever needs the bytes sees it.
      read.catch(() => {});
      return read;
    },
  };
}
