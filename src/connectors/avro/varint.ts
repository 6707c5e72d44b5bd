/** Bytes of the longest 64-bit number. */
const MAX_LENGTH = 10;

/** The bytes do not end the number. */
export const UNENDED = 0;
/** No 64-bit number begins like this. */
export const INVALID = -1;

/** How many bytes the number at `from` takes; UNENDED when it goes on behind `to`, or INVALID. */
export function varintLength(bytes: Uint8Array, from: number, to: number): number {
  for (let i = 0; i < MAX_LENGTH; i++) {
    if (from + i >= to) return UNENDED;
    const byte = bytes[from + i] as number;
    if (byte < 0x80) return i === MAX_LENGTH - 1 && byte > 1 ? INVALID : i + 1;
  }
  return INVALID;
}

/** The zigzag number in these bytes; one beyond ±2^53 is rounded, with its sign. */
export function varintValue(bytes: Uint8Array, from: number, length: number): number {
  if (length <= 4) {
    let raw = 0;
    for (let i = 0; i < length; i++) raw |= ((bytes[from + i] as number) & 0x7f) << (7 * i);
    return (raw >>> 1) ^ -(raw & 1);
  }
  if (length <= 7) {
    let raw = 0;
    for (let i = length - 1; i >= 0; i--) raw = raw * 128 + ((bytes[from + i] as number) & 0x7f);
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }
  let raw = 0n;
  for (let i = length - 1; i >= 0; i--)
    raw = raw * 128n + BigInt((bytes[from + i] as number) & 0x7f);
  return Number((raw >> 1n) ^ -(raw & 1n));
}
