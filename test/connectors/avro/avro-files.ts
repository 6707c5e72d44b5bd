import { deflateRawSync } from "node:zlib";
import avsc from "avsc";

export const SYNC = Buffer.from("0123456789abcdef");

/** A number as Avro writes it. */
export function long(value: number | bigint): Buffer {
  let raw = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  for (; raw >= 0x80n; raw >>= 7n) bytes.push(Number(raw & 0x7fn) | 0x80);
  bytes.push(Number(raw));
  return Buffer.from(bytes);
}

export function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([long(bytes.length), bytes]);
}

export function header(schema: unknown, codec?: string, sync = SYNC): Buffer {
  const entries = [["avro.schema", typeof schema === "string" ? schema : JSON.stringify(schema)]];
  if (codec !== undefined) entries.push(["avro.codec", codec]);
  const map = entries.flatMap(([key = "", value = ""]) => [text(key), text(value)]);
  return Buffer.concat([
    Buffer.from("Obj\x01", "latin1"),
    long(entries.length),
    ...map,
    long(0),
    sync,
  ]);
}

/** A block with these bytes as its records. */
export function block(count: number | bigint, data: Uint8Array, sync = SYNC): Buffer {
  return Buffer.concat([long(count), long(data.length), data, sync]);
}

/** A container file with these records in each block. */
export function container(
  schema: unknown,
  blocks: readonly (readonly unknown[])[],
  codec?: "null" | "deflate",
): Buffer {
  const type = avsc.Type.forSchema(schema as Parameters<typeof avsc.Type.forSchema>[0]);
  return Buffer.concat([
    header(schema, codec),
    ...blocks.map((records) => {
      const data = Buffer.concat(records.map((record) => type.toBuffer(record)));
      return block(records.length, codec === "deflate" ? deflateRawSync(data) : data);
    }),
  ]);
}

/** What avsc's own encoder writes. */
export async function encoded(
  schema: object,
  records: readonly unknown[],
  options: { readonly codec?: string; readonly blockSize?: number } = {},
): Promise<Buffer> {
  const encoder = new avsc.streams.BlockEncoder(
    schema as ConstructorParameters<typeof avsc.streams.BlockEncoder>[0],
    options,
  );
  const parts: Buffer[] = [];
  const done = new Promise((resolve, reject) => {
    encoder.on("data", (part: Buffer) => parts.push(part));
    encoder.on("end", resolve);
    encoder.on("error", reject);
  });
  for (const record of records) encoder.write(record);
  encoder.end();
  await done;
  return Buffer.concat(parts);
}
