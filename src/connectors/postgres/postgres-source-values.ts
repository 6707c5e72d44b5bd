import type { SqlColumn } from "../../sql/source/index.js";
import type { PostgresDriver } from "./postgres-driver.js";

/** What becomes of types that more than one value could stand for. */
export interface PostgresValueOptions {
  readonly int64: "number" | "bigint";
  readonly timestamps: "string" | "date";
  readonly json: "parse" | "string";
}

type Decode = (text: string) => unknown;

/** Oids of types whose arrays pg reads without loss: bool, int2, int4, text, float4, float8, varchar, uuid. */
const SAFE_ARRAYS = new Set([1000, 1005, 1007, 1009, 1021, 1022, 1015, 2951]);

/**
 * How the text of a value becomes the value, by the oid of its type; undefined: the text is the value,
 * exact as the server writes it.
 */
export function decoderOf(
  oid: number,
  { types }: Pick<PostgresDriver, "types">,
  options: PostgresValueOptions,
): Decode | undefined {
  switch (oid) {
    case 16:
      return (text) => text === "t";
    case 17:
      return (text) => Buffer.from(text.slice(2), "hex");
    case 20:
      return options.int64 === "bigint" ? BigInt : toSafeInteger;
    case 21:
    case 23:
    case 26:
    case 700:
    case 701:
      return Number;
    case 114:
    case 3802:
      return options.json === "parse" ? parseJson : undefined;
    case 1114:
    case 1184:
      return options.timestamps === "date" ? toDate : undefined;
    default:
      return SAFE_ARRAYS.has(oid) ? (types.getTypeParser(oid, "text") as Decode) : undefined;
  }
}

/** A wanted column with its decoder. */
export function columnOf(name: string, decode: Decode | undefined): SqlColumn {
  return decode === undefined ? { name } : { name, decode };
}

function toSafeInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`the bigint ${text} is beyond what a number holds: set int64: "bigint"`);
}

/** As the server writes it with DateStyle ISO and TimeZone UTC; a timestamp without zone counts as UTC. */
const TIMESTAMP = /^(\d{4,6})-(\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00)?$/;

function toDate(text: string): Date {
  const match = TIMESTAMP.exec(text);
  if (match !== null) {
    const [, year = "", day, time, fraction = ""] = match;
    const sign = year.length > 4 ? `+${year.padStart(6, "0")}` : year;
    const date = new Date(`${sign}-${day}T${time}.${fraction.padEnd(3, "0").slice(0, 3)}Z`);
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw new RangeError(
    `the timestamp ${text} is beyond what a Date holds: set timestamps: "string"`,
  );
}

/** Parses JSON; throws for a number that would not come out as it stands. */
function parseJson(text: string): unknown {
  // Up to 15 digits are always exact; most texts have no longer number, and no exponent.
  if (/\d[\d.]{15}|\d[eE]/.test(text)) checkNumbers(text);
  return JSON.parse(text);
}

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function checkNumbers(text: string): void {
  for (const [token] of text.matchAll(STRING_OR_NUMBER)) {
    if (token.startsWith('"') || canonical(token) === canonical(String(Number(token)))) continue;
    throw new RangeError(
      `JSON with the number ${token.slice(0, 40)}, which a number cannot hold: set json: "string"`,
    );
  }
}

/** The digits without zeros at the ends, and where the point is. */
function canonical(number: string): string {
  const match = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number);
  if (match === null) return number;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
