import { messageIn, type ProtobufDriver, type ProtobufType } from "./protobuf-driver.js";

const WIDE = new Set(["int64", "uint64", "sint64", "fixed64", "sfixed64"]);
const UNSIGNED = new Set(["uint64", "fixed64"]);

/** What protobufjs gives for a 64-bit integer. */
interface Long {
  readonly low: number;
  readonly high: number;
}

type Fix = (value: Record<string, unknown>) => void;

/** Turns a message's 64-bit integers into numbers or bigints, in place; throws for one that is no exact number. */
export function exactIntegers(type: ProtobufType, int64: "number" | "bigint"): Fix {
  return fixOf(type, int64, new Map()) ?? (() => {});
}

/** Undefined: nothing to do. */
function fixOf(
  type: ProtobufType,
  int64: "number" | "bigint",
  known: Map<ProtobufType, Fix>,
): Fix | undefined {
  const before = known.get(type);
  if (before !== undefined) return before;
  const steps: Fix[] = [];
  // A message may contain itself.
  known.set(type, (value) => {
    for (const step of steps) step(value);
  });
  for (const field of type.fieldsArray) {
    const { name } = field;
    const message = messageIn(field);
    const fixOne = WIDE.has(field.type)
      ? (value: unknown) => exact(value as Long | number, UNSIGNED.has(field.type), int64)
      : message !== undefined
        ? inMessage(fixOf(message, int64, known))
        : undefined;
    if (fixOne === undefined) continue;
    const isMap = field.map;
    steps.push((values) => {
      const value = values[name];
      if (value === undefined || value === null) return;
      if (field.repeated) values[name] = (value as unknown[]).map(fixOne);
      else if (isMap) {
        const entries = value as Record<string, unknown>;
        for (const key of Object.keys(entries)) entries[key] = fixOne(entries[key]);
      } else values[name] = fixOne(value);
    });
  }
  return known.get(type);
}

function inMessage(fix: Fix | undefined): ((value: unknown) => unknown) | undefined {
  if (fix === undefined) return undefined;
  return (value) => {
    if (value !== null) fix(value as Record<string, unknown>);
    return value;
  };
}

function exact(
  value: Long | number,
  isUnsigned: boolean,
  int64: "number" | "bigint",
): number | bigint {
  if (typeof value === "number") return int64 === "bigint" ? BigInt(value) : value;
  const high = isUnsigned ? value.high >>> 0 : value.high;
  if (int64 === "bigint") return (BigInt(high) << 32n) | BigInt(value.low >>> 0);
  const number = high * 2 ** 32 + (value.low >>> 0);
  if (Number.isSafeInteger(number)) return number;
  throw new Error('a 64-bit integer is beyond ±(2^53 − 1); set int64 to "bigint"');
}

/** A copy whose bigints are what protobufjs takes for 64-bit integers. */
export function withLongs(protobuf: ProtobufDriver, value: unknown): unknown {
  if (typeof value === "bigint") {
    if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) {
      throw new Error("an integer has more than 64 bits");
    }
    const isUnsigned = value > 0x7fffffffffffffffn;
    const low = Number(BigInt.asIntN(32, value));
    return new protobuf.util.Long(low, Number(BigInt.asIntN(32, value >> 32n)), isUnsigned);
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((one) => withLongs(protobuf, one));
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withLongs(protobuf, one)]),
  );
}
