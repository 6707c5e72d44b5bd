const SIZE_BYTES = 4;
/** Small responses are read into one buffer of this size, many at a time. */
const SMALL = 65_536;

/**
 * Cuts what a socket reads into responses. The socket reads right into a large response's own buffer:
 * nothing is collected in pieces and put together, which costs more than reading itself.
 *
 * Owns: the buffers that are read into. Called by: one socket.
 * Invariants: what `next` gives is filled from its beginning; a response is given on once, whole, in a
 * buffer of its own.
 */
export class ResponseFrames {
  readonly #onFrame: (frame: Buffer) => void;
  readonly #takeLarge: (size: number) => Buffer;
  readonly #small = Buffer.allocUnsafeSlow(SMALL);
  /** What `small` holds that has not been cut yet. */
  #held = 0;
  #large: Buffer | undefined;
  #filled = 0;

  /** `onFrame` gets a response without its size; `takeLarge` gives the buffer of a large one. */
  constructor(onFrame: (frame: Buffer) => void, takeLarge: (size: number) => Buffer) {
    this.#onFrame = onFrame;
    this.#takeLarge = takeLarge;
  }

  /** Where the next bytes are read into. */
  next(): Uint8Array {
    return this.#large === undefined
      ? this.#small.subarray(this.#held)
      : this.#large.subarray(this.#filled);
  }

  /** So many bytes have been read into what `next` gave; throws RangeError when they are no responses. */
  read(count: number): void {
    const large = this.#large;
    if (large === undefined) {
      this.#cut(this.#held + count);
      return;
    }
    this.#filled += count;
    if (this.#filled < large.length) return;
    this.#large = undefined;
    this.#onFrame(large);
  }

  #cut(end: number): void {
    const small = this.#small;
    let at = 0;
    this.#held = 0;
    while (end - at >= SIZE_BYTES) {
      const size = small.readInt32BE(at);
      if (size < 0) throw new RangeError(`a response says that it has ${size} bytes`);
      at += SIZE_BYTES;
      const frame = size > SMALL ? this.#takeLarge(size) : Buffer.allocUnsafeSlow(size);
      const there = small.copy(frame, 0, at, Math.min(at + size, end));
      at += there;
      if (there < size) {
        this.#large = frame;
        this.#filled = there;
        return;
      }
      this.#onFrame(frame);
    }
    small.copyWithin(0, at, end);
    this.#held = end - at;
  }
}
