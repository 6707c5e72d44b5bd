import { fileCorrupt } from "../../files/index.js";
import type { ByteWindow } from "./byte-window.js";
import { INVALID, UNENDED, varintLength, varintValue } from "./varint.js";

/** "Obj" and version 1: at the front of every Avro object container file. */
const MAGIC = Buffer.from("Obj\x01", "latin1");
export const SYNC_SIZE = 16;
const MAX_HEADER = 16 * 1024 * 1024;

/** What the front of a container file says. */
export interface AvroHeader {
  /** The writer's schema, JSON. */
  readonly schema: string;
  readonly codec: string;
  /** What stands behind every block. */
  readonly sync: Buffer;
  /** The byte where the first block begins. */
  readonly end: number;
}

/** Reads the header and goes behind it; throws FILE_CORRUPT when there is none. */
export async function readHeader(path: string, window: ByteWindow): Promise<AvroHeader> {
  const cursor = new HeaderCursor(path, window);
  if (!(await window.need(1))) throw fileCorrupt(path, "it is empty, which no Avro file is");
  const magic = await cursor.take(MAGIC.length);
  if (!magic.equals(MAGIC)) throw fileCorrupt(path, 'it is no Avro file: "Obj" is not in front');
  let schema: string | undefined;
  let codec = "null";
  for (let count = await cursor.long(); count !== 0; count = await cursor.long()) {
    // A negative count comes with the size of the entries.
    if (count < 0) await cursor.long();
    for (let left = Math.abs(count); left > 0; left--) {
      const key = (await cursor.bytes()).toString();
      const value = await cursor.bytes();
      if (key === "avro.schema") schema = value.toString();
      else if (key === "avro.codec") codec = value.toString();
    }
  }
  const sync = Buffer.from(await cursor.take(SYNC_SIZE));
  if (schema === undefined) throw fileCorrupt(path, "its header has no avro.schema");
  const end = cursor.used;
  window.skip(end);
  return { schema, codec, sync, end };
}

class HeaderCursor {
  readonly #path: string;
  readonly #window: ByteWindow;
  used = 0;

  constructor(path: string, window: ByteWindow) {
    this.#path = path;
    this.#window = window;
  }

  async take(count: number): Promise<Buffer> {
    const to = this.used + count;
    if (to > MAX_HEADER) {
      throw fileCorrupt(this.#path, `its header has more than ${MAX_HEADER} bytes`);
    }
    if (!(await this.#window.need(to))) throw fileCorrupt(this.#path, "its header is cut short");
    const bytes = this.#window.view(this.used, to);
    this.used = to;
    return bytes;
  }

  async long(): Promise<number> {
    await this.#window.need(this.used + 10);
    const { bytes, start, end } = this.#window;
    const at = start + this.used;
    const length = varintLength(bytes, at, end);
    if (length === UNENDED) throw fileCorrupt(this.#path, "its header is cut short");
    if (length === INVALID) throw fileCorrupt(this.#path, "its header has a number without an end");
    this.used += length;
    return varintValue(bytes, at, length);
  }

  async bytes(): Promise<Buffer> {
    const length = await this.long();
    if (length < 0) throw fileCorrupt(this.#path, "its header has a text of negative length");
    return this.take(length);
  }
}
