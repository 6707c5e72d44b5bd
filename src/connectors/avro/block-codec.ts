import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { HeadwaterError } from "../../errors/index.js";
import type { AvroCodec, ParsedAvroOptions } from "./avro-options.js";

const inflate = promisify(inflateRaw);

/** Decompresses the blocks of a file; throws UNSUPPORTED_OPERATION for a codec nobody knows. */
export function codecOf(path: string, name: string, options: ParsedAvroOptions): AvroCodec {
  const { codecs, maxBlockSize } = options;
  const own = Object.hasOwn(codecs, name) ? codecs[name] : undefined;
  if (own !== undefined) return own;
  if (name === "null") return (data) => data;
  if (name === "deflate") return (data) => inflate(data, { maxOutputLength: maxBlockSize });
  throw new HeadwaterError(
    "UNSUPPORTED_OPERATION",
    `Avro file ${path}: its blocks are compressed with ${JSON.stringify(name.slice(0, 80))}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Give a function that decompresses a block, under this name in avroSource.codecs.",
    },
  );
}
