/** Up to here a loop is faster than a call of a typed array's method. */
const SHORT = 48;

/** Copies `length` bytes that lie apart; the caller has checked both ranges. */
export function copyBytes(
  from: Uint8Array,
  start: number,
  to: Uint8Array,
  at: number,
  length: number,
): void {
  if (length > SHORT) {
    to.set(from.subarray(start, start + length), at);
    return;
  }
  for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number;
}

/** Repeats what lies `distance` bytes before `at`, also when that is shorter than `length`. */
export function copyBack(bytes: Uint8Array, at: number, distance: number, length: number): void {
  if (length <= SHORT) {
    for (let i = at; i < at + length; i++) bytes[i] = bytes[i - distance] as number;
    return;
  }
  const from = at - distance;
  let done = 0;
  // What is there doubles with every copy.
  while (done < length) {
    const part = Math.min(distance + done, length - done);
    bytes.copyWithin(at + done, from, from + part);
    done += part;
  }
}

/** A buffer that grows and is used again, for output whose size is known only at its end. */
export class ScratchBytes {
  #bytes = Buffer.alloc(0);

  /** At least `size` bytes; the first `keep` are those of the call before. */
  withRoom(size: number, keep: number): Buffer {
    if (this.#bytes.length >= size) return this.#bytes;
    const grown = Buffer.allocUnsafeSlow(Math.max(size, 2 * keep, 65_536));
    this.#bytes.copy(grown, 0, 0, keep);
    this.#bytes = grown;
    return grown;
  }

  /** A copy of the first bytes; room beyond `retained` bytes is given back. */
  take(length: number, retained = 4_194_304): Buffer {
    const copy = Buffer.allocUnsafeSlow(length);
    this.#bytes.copy(copy, 0, 0, length);
    if (this.#bytes.length > retained) this.#bytes = Buffer.alloc(0);
    return copy;
  }
}
