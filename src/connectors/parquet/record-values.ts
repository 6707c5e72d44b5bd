import type { DecodedArray, ParquetParsers } from "hyparquet";
import { HeadwaterError } from "../../errors/index.js";
import type { ParquetPlace } from "./file-errors.js";

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
 * are changed in place. Throws LIMIT_EXCEEDED naming the row of an integer that is no safe number;
 * `rowStart` is the file's row of the first value.
 */
export function int64ToNumbers(
  place: ParquetPlace,
  rowStart: number,
  values: DecodedArray,
): DecodedArray {
  const first = values[0];
  if (!Array.isArray(values) && typeof first !== "bigint") return values;
  const numbers: unknown[] = Array.isArray(values) ? values : new Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value: unknown = values[i];
    if (typeof value !== "bigint" && typeof value !== "object") continue;
    try {
      numbers[i] = toNumbers(value);
    } catch (cause) {
      throw cause instanceof UnsafeInteger
        ? unsafeInteger(place, rowStart + i, cause.value)
        : cause;
    }
  }
  return numbers;
}

class UnsafeInteger extends Error {
  readonly value: bigint;

  constructor(value: bigint) {
    super(`${value} is no safe number`);
    this.value = value;
  }
}

function toNumbers(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new UnsafeInteger(value);
    return number;
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = toNumbers(value[i]);
  } else if (isPlainObject(value)) {
    for (const key of Object.keys(value)) value[key] = toNumbers(value[key]);
  }
  return value;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

function unsafeInteger(place: ParquetPlace, row: number, value: bigint): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `Parquet file ${place.path}, row group ${place.rowGroup}, column ${place.column}, row ${row}: ${value} is beyond ±(2^53 − 1) and no exact number`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: 'Set parquetSource.int64 to "bigint", or leave the column out with parquetSource.columns.',
    },
  );
}
