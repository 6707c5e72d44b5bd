import type { DecodedArray, ParquetParsers } from "hyparquet";

/** Up to here a quotient by 1000 or more, as a double, never rounds up to the next whole number. */
const EXACT_QUOTIENT = 2n ** 52n;

/** The time parsers for `Date` objects or milliseconds; parts of a millisecond are cut off downwards. */
export function timestampParsers(kind: "date" | "number"): Partial<ParquetParsers> {
  const make: (millis: number) => unknown =
    kind === "number" ? (millis) => millis : (millis) => new Date(millis);
  return {
    timestampFromMilliseconds: (millis) => make(Number(millis)),
    timestampFromMicroseconds: (micros) => make(floorToMillis(micros, 1000)),
    timestampFromNanoseconds: (nanos) => make(floorToMillis(nanos, 1_000_000)),
    dateFromDays: (days) => make(days * 86_400_000),
  };
}

function floorToMillis(value: bigint, unitsPerMilli: number): number {
  if (value < EXACT_QUOTIENT && value > -EXACT_QUOTIENT) {
    return Math.floor(Number(value) / unitsPerMilli);
  }
  const units = BigInt(unitsPerMilli);
  const rest = value % units;
  return Number((value - (rest < 0n ? rest + units : rest)) / units);
}

/**
 * The values with numbers in place of 64-bit integers, also of those within lists and objects, which
 * are changed in place. A row with an integer that is no safe number is told to `onUnsafe`.
 */
export function int64ToNumbers(
  values: DecodedArray,
  onUnsafe: (row: number, value: bigint) => void,
): DecodedArray {
  const first = values[0];
  if (!Array.isArray(values) && typeof first !== "bigint") return values;
  const numbers: unknown[] = Array.isArray(values) ? values : new Array(values.length);
  const found: { unsafe: bigint | undefined } = { unsafe: undefined };
  for (let i = 0; i < values.length; i++) {
    const value: unknown = values[i];
    if (typeof value !== "bigint" && typeof value !== "object") continue;
    numbers[i] = toNumbers(value, found);
    if (found.unsafe === undefined) continue;
    onUnsafe(i, found.unsafe);
    found.unsafe = undefined;
  }
  return numbers;
}

function toNumbers(value: unknown, found: { unsafe: bigint | undefined }): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) found.unsafe ??= value;
    return number;
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = toNumbers(value[i], found);
  } else if (isPlainObject(value)) {
    for (const key of Object.keys(value)) value[key] = toNumbers(value[key], found);
  }
  return value;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}
