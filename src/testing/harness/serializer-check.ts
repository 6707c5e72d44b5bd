import type { SimpleVersionedSerializer } from "../../api/source-split.js";
import { canonicalText } from "../lifecycle/canonical-text.js";
import { check } from "./failed.js";

/** Throws when the value does not come back as it was, or when the serializer takes what it never wrote. */
export function checkSerializer<V>(
  serializer: SimpleVersionedSerializer<V>,
  value: V,
  what: string,
): void {
  const { version } = serializer;
  check(Number.isSafeInteger(version), `the serializer's version ${version} is no whole number`);
  const before = canonicalText(value);
  const bytes = serializer.serialize(value);
  check(canonicalText(value) === before, `to serialize ${what} has changed it`);
  const stored = new Uint8Array(bytes);
  const restored = serializer.deserialize(version, stored);
  const again = serializer.serialize(restored);
  check(Buffer.compare(bytes, again) === 0, `${what} has other bytes after a restore`);
  const text = canonicalText(restored);
  stored.fill(0);
  check(canonicalText(restored) === text, `${what} changes when the bytes it came from do`);
  refuses(serializer, version, new Uint8Array(0), what, "no bytes");
  refuses(serializer, version, bytes.subarray(0, bytes.length - 1), what, "bytes without the last");
  refuses(serializer, version, bytes.subarray(0, bytes.length >> 1), what, "half of the bytes");
  refuses(serializer, version, Uint8Array.of(255, 0, 254, 1, 253, 2, 252, 3), what, "garbage");
  refuses(serializer, version + 1, bytes, what, "bytes of a later version");
}

function refuses<V>(
  serializer: SimpleVersionedSerializer<V>,
  version: number,
  bytes: Uint8Array,
  what: string,
  kind: string,
): void {
  let isRefused = false;
  try {
    serializer.deserialize(version, bytes);
  } catch {
    isRefused = true;
  }
  check(isRefused, `the serializer takes ${kind} for ${what}`);
}
