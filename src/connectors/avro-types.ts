import type { Type, types } from "avsc";

/** What is taken from avsc. */
interface Avsc {
  readonly Type: typeof import("avsc").Type;
  readonly types: typeof import("avsc").types;
}

/** How avsc is to represent 64-bit integers. */
export type Int64 = "fast" | "number" | "bigint";

/** What becomes of times and unions. */
interface AvroTypeOptions {
  readonly timestamps: "date" | "number";
  readonly wrapUnions: "auto" | "always" | "never";
}

type Schema = Parameters<Avsc["Type"]["forSchema"]>[0];

/** What else goes into a type. */
interface AvroTypeParts {
  /** Schemas that it refers to by name. */
  readonly named?: readonly unknown[];
  /** Makes another type of those of exact 64-bit integers, of arrays and of maps; avsc freezes its own. */
  readonly adapt?: (type: Type) => Type;
}

/** What avsc makes of a schema, for one way of reading 64-bit integers. */
export function typeOf(
  driver: Avsc,
  schema: unknown,
  options: AvroTypeOptions,
  int64: Int64,
  { named = [], adapt }: AvroTypeParts = {},
): Type {
  const { timestamps, wrapUnions } = options;
  // avsc's own long is fast, but wrong below −2^52 and at ±(2^53 − 1).
  const exact = int64 === "fast" ? undefined : exactLong(driver, int64 === "bigint");
  const long = exact && adapt ? adapt(exact) : exact;
  let underlying: unknown;
  const logicalTypes = timeTypes(driver, timestamps, int64 === "bigint", (within) => {
    underlying = within;
  });
  const settings = {
    // Without a prototype: a schema may have a type named like one of its properties.
    registry: Object.create(null) as Record<string, Type>,
    logicalTypes,
    omitRecordMethods: true,
    wrapUnions,
    // `{type: "long"}` does not go through the registry, as "long" does.
    typeHook: (part: unknown, opts: unknown) => {
      if (adapt !== undefined && isContainer(part)) {
        const { ArrayType, MapType } = driver.types;
        const Container = (part.type === "array" ? ArrayType : MapType) as new (
          schema: unknown,
          options: unknown,
        ) => Type;
        return adapt(new Container(part, opts));
      }
      if (!isLong(part)) return undefined;
      const { logicalType } = part as { readonly logicalType?: string };
      const isTime = logicalType !== undefined && logicalTypes[logicalType] !== undefined;
      return isTime && part !== underlying ? undefined : long;
    },
  };
  const make = (one: unknown): Type =>
    driver.Type.forSchema(one as Schema, settings as Parameters<Avsc["Type"]["forSchema"]>[1]);
  for (const one of named) make(one);
  const type = make(schema);
  for (const part of partsOf(type)) {
    if (part.typeName !== "record" && part.typeName !== "error") continue;
    const { fields, recordConstructor } = part as types.RecordType;
    if (fields.some(({ name }) => name === "__proto__")) {
      throw new Error(`${part.name} has a field __proto__, which would set the record's prototype`);
    }
    // Records become plain objects.
    recordConstructor.prototype = Object.prototype;
  }
  return type;
}

/** The type and all that it consists of. */
export function partsOf(type: Type, seen = new Set<Type>()): ReadonlySet<Type> {
  if (seen.has(type)) return seen;
  seen.add(type);
  const part = type as unknown as {
    readonly fields?: readonly { readonly type: Type }[];
    readonly itemsType?: Type;
    readonly valuesType?: Type;
    readonly types?: readonly Type[];
    readonly underlyingType?: Type;
  };
  for (const field of part.fields ?? []) partsOf(field.type, seen);
  for (const branch of part.types ?? []) partsOf(branch, seen);
  for (const child of [part.itemsType, part.valuesType, part.underlyingType]) {
    if (child !== undefined) partsOf(child, seen);
  }
  return seen;
}

function exactLong({ types }: Avsc, isBigint: boolean): Type {
  return types.LongType.__with({
    fromBuffer: (bytes: Buffer) => {
      const value = bytes.readBigInt64LE();
      return isBigint ? value : Number(value);
    },
    toBuffer: (value: number | bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt(value));
      return bytes;
    },
    fromJSON: (value: number) => (isBigint ? BigInt(value) : value),
    toJSON: Number,
    isValid: (value: unknown) =>
      isBigint ? typeof value === "bigint" : Number.isSafeInteger(value),
    compare: (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0),
  });
}

function isContainer(schema: unknown): schema is { readonly type: "array" | "map" } {
  const { type } = (schema ?? {}) as { readonly type?: unknown };
  return type === "array" || type === "map";
}

function isLong(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return schema === "long";
  return (schema as { readonly type?: unknown }).type === "long";
}

type Logical = new (schema: unknown, options?: unknown) => types.LogicalType;

/** Dates and timestamps; parts of a millisecond are cut off downwards. */
function timeTypes(
  { types }: Avsc,
  kind: "date" | "number",
  isBigint: boolean,
  onUnderlying: (schema: unknown) => void,
): Record<string, Logical> {
  const make = (millis: number): Date | number => {
    const date = new Date(millis);
    if (Number.isNaN(date.getTime())) throw new RangeError(`${millis} ms are beyond a Date`);
    return kind === "date" ? date : millis;
  };
  const timeType = (toMillis: (value: number | bigint) => number, perMilli: number): Logical =>
    class extends types.LogicalType {
      constructor(schema: Schema, opts?: unknown) {
        // The next type that avsc makes of this schema is the one below.
        onUnderlying(schema);
        super(schema, opts);
      }
      protected override _fromValue(value: number | bigint): unknown {
        return make(toMillis(value));
      }
      /** Needed for the defaults of a schema. */
      protected override _toValue(value: unknown): unknown {
        const millis = value instanceof Date ? value.getTime() : value;
        if (typeof millis !== "number") return undefined;
        const whole = Math.round(millis * perMilli);
        return isBigint && this.underlyingType.typeName !== "int" ? BigInt(whole) : whole;
      }
      protected override _resolve(type: Type): unknown {
        const { typeName } = type;
        const isWhole = ["int", "long", "abstract:long", this.typeName].includes(typeName);
        if (!isWhole) return undefined;
        return (value: number | bigint | Date) =>
          typeName === this.typeName ? value : this._fromValue(value as number | bigint);
      }
    } as unknown as Logical;
  return Object.assign(Object.create(null), {
    date: timeType((days) => Number(days) * 86_400_000, 1 / 86_400_000),
    "timestamp-millis": timeType((millis) => Number(millis), 1),
    "timestamp-micros": timeType(
      (micros) =>
        typeof micros === "bigint"
          ? Number((micros - (((micros % 1000n) + 1000n) % 1000n)) / 1000n)
          : Math.floor(micros / 1000),
      1000,
    ),
  });
}
