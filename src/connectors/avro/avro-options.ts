import * as v from "valibot";
import {
  type FileSourceOptions,
  fileSourceEntries,
  type ParsedFileSourceOptions,
} from "../../files/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";

/** Decompresses the data of one block, as it stands in the file. */
export type AvroCodec = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** What `avroSource` takes. */
export interface AvroSourceOptions extends FileSourceOptions {
  /**
   * The schema in which records are to come, as JSON text or parsed; default the one that each file was
   * written with.
   */
  readonly readerSchema?: string | object;
  /** What a 64-bit integer becomes; default "number", a bad record for one beyond ±(2^53 − 1). */
  readonly int64?: "number" | "bigint";
  /** What `date`, `timestamp-millis` and `timestamp-micros` become; default "date". */
  readonly timestamps?: "date" | "number";
  /** Whether a value of a union is wrapped in an object, see avsc; default "auto". */
  readonly wrapUnions?: "auto" | "always" | "never";
  /** Codecs beside "null" and "deflate", by their name in the file's header. */
  readonly codecs?: Readonly<Record<string, AvroCodec>>;
  /** Bytes of a block, compressed or not, beyond which it is a bad record; default 64 MiB. */
  readonly maxBlockSize?: number;
}

/** The options with defaults filled in. */
export interface ParsedAvroOptions {
  readonly files: ParsedFileSourceOptions;
  readonly readerSchema: string | object | undefined;
  readonly int64: "number" | "bigint";
  readonly timestamps: "date" | "number";
  readonly wrapUnions: "auto" | "always" | "never";
  readonly codecs: Readonly<Record<string, AvroCodec>>;
  readonly maxBlockSize: number;
}

const schema = v.strictObject({
  ...fileSourceEntries,
  readerSchema: v.optional(
    expecting<string | object>(
      (value) =>
        (typeof value === "string" && value !== "") ||
        (typeof value === "object" && value !== null),
      "an Avro schema",
    ),
  ),
  int64: v.optional(v.picklist(["number", "bigint"]), "number"),
  timestamps: v.optional(v.picklist(["date", "number"]), "date"),
  wrapUnions: v.optional(v.picklist(["auto", "always", "never"]), "auto"),
  codecs: v.optional(
    expecting<Readonly<Record<string, AvroCodec>>>(
      (value) =>
        typeof value === "object" &&
        value !== null &&
        Object.values(value).every((codec) => typeof codec === "function"),
      "an object with a function by the name of each codec",
    ),
    {},
  ),
  maxBlockSize: v.optional(
    v.pipe(wholeNumber(1), v.maxValue(2 ** 30, "at most 1 GiB")),
    64 * 1024 * 1024,
  ),
});

/** Checks what the user gave; throws OPTION_INVALID naming the option. */
export function parseAvroOptions(options: unknown): ParsedAvroOptions {
  const { readerSchema, int64, timestamps, wrapUnions, codecs, maxBlockSize, ...files } =
    parseOptions("avroSource", schema, options);
  return { files, readerSchema, int64, timestamps, wrapUnions, codecs, maxBlockSize };
}
