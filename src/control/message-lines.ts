import { MAX_MESSAGE_BYTES, messageTooLong } from "./control-protocol.js";

const NEWLINE = 10;

/** Lines out of bytes as a socket gives them; never holds more than one read beyond one message. */
export class MessageLines {
  #bytes: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  /** The next whole line without its end; undefined until there is one. Throws LIMIT_EXCEEDED. */
  next(): Buffer | undefined {
    const end = this.#bytes.subarray(0, MAX_MESSAGE_BYTES).indexOf(NEWLINE);
    if (end < 0) {
      if (this.#bytes.length >= MAX_MESSAGE_BYTES) throw messageTooLong();
      return undefined;
    }
    const line = this.#bytes.subarray(0, end);
    this.#bytes = this.#bytes.subarray(end + 1);
    return line;
  }
}
