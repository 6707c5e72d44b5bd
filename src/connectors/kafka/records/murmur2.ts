const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

/** MurmurHash2 with Kafka's seed, a signed 32-bit number (Utils.murmur2). */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  let hash = SEED ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    word = Math.imul(word, MIX);
    word = Math.imul(word ^ (word >>> 24), MIX);
    hash = Math.imul(hash, MIX) ^ word;
  }
  const rest = length - i;
  if (rest === 3) hash ^= (bytes[i + 2] as number) << 16;
  if (rest >= 2) hash ^= (bytes[i + 1] as number) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[i] as number), MIX);
  hash = Math.imul(hash ^ (hash >>> 13), MIX);
  return hash ^ (hash >>> 15);
}

/** The partition that Kafka's producers choose for a key (BuiltInPartitioner.partitionForKey). */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
