/** Bytes that a signed 32-bit number takes as a zigzag varint. */
export function sizeOfVarint(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0;
  if (raw < 0x80) return 1;
  if (raw < 0x4000) return 2;
  if (raw < 0x200000) return 3;
  return raw < 0x10000000 ? 4 : 5;
}

/** Writes a signed 32-bit number as a zigzag varint; returns where it ends. */
export function writeVarint(bytes: Uint8Array, value: number, at: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0;
  let o = at;
  while (raw > 0x7f) {
    bytes[o++] = (raw & 0x7f) | 0x80;
    raw >>>= 7;
  }
  bytes[o++] = raw;
  return o;
}

/** Bytes that an integer of up to ±2^53 takes as a zigzag varlong. */
export function sizeOfVarlong(value: number): number {
  if (value === (value | 0)) return sizeOfVarint(value);
  let rest = (value < 0 ? -(value + 1) : value) / 64;
  let size = 1;
  for (; rest >= 1; rest /= 128) size++;
  return size;
}

/** Writes an integer of up to ±2^53 as a zigzag varlong; returns where it ends. */
export function writeVarlong(bytes: Uint8Array, value: number, at: number): number {
  if (value === (value | 0)) return writeVarint(bytes, value, at);
  // Half of the zigzag number stays exact where the number itself would not.
  const half = value < 0 ? -(value + 1) : value;
  let rest = Math.floor(half / 64);
  let o = at;
  bytes[o++] = (half % 64) * 2 + (value < 0 ? 1 : 0) + (rest > 0 ? 0x80 : 0);
  while (rest > 0) {
    const next = Math.floor(rest / 128);
    bytes[o++] = (rest % 128) + (next > 0 ? 0x80 : 0);
    rest = next;
  }
  return o;
}
