import type { AsyncBuffer } from "hyparquet";
import type { OpenFile } from "../../files/index.js";

/** Reads exactly the bytes from `start` up to `end`; throws FILE_CHANGED when the file ends before. */
export async function readBytes(
  file: OpenFile,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  await file.readAt(bytes, start);
  return bytes;
}

/** The open file as hyparquet reads it; a slice that the file does not have is refused. */
export function toAsyncBuffer(file: OpenFile): AsyncBuffer {
  const slice = async (start: number, end: number): Promise<ArrayBuffer> => {
    if (!(start >= 0 && end >= start && end <= file.size)) {
      throw new RangeError(`bytes ${start} to ${end} do not lie within the file`);
    }
    return (await readBytes(file, start, end)).buffer;
  };
  return {
    byteLength: file.size,
    slice(start, end = file.size) {
      const read = slice(start, end);
      // Reads begin before there is anybody to see them fail; whoever needs the bytes sees it.
      read.catch(() => {});
      return read;
    },
  };
}
