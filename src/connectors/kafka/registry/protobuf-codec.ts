import {
  messageIn,
  type ProtobufNamespace,
  type ProtobufReader,
  type ProtobufRoot,
  type ProtobufType,
} from "./protobuf-driver.js";
import { exactIntegers, withLongs } from "./protobuf-integers.js";
import type { RegisteredSchema } from "./registry-client.js";
import type { RegistryDriver } from "./registry-driver.js";
import type { CodecOptions, SchemaCodec } from "./schema-codec.js";

/** Levels of messages within messages, and bytes of one varint. */
const MAX_INDEXES = 100;
const MAX_VARINT = 5;

/** One message of a schema, ready for use. */
interface Message {
  readonly type: ProtobufType;
  readonly fix: (value: Record<string, unknown>) => void;
  readonly hasBytes: boolean;
}

/**
 * Values of a Protobuf schema: before each stand the indexes of its message, from the outermost one to
 * the innermost, among the messages that the schema declares.
 */
export function protobufCodec(
  { protobuf }: RegistryDriver,
  schema: RegisteredSchema,
  { int64, messageName }: CodecOptions,
): SchemaCodec {
  const { root, declared } = parse(protobuf, schema);
  root.resolveAll();
  const messages = new Map<ProtobufType, Message>();
  const messageOf = (type: ProtobufType): Message => {
    let message = messages.get(type);
    if (message === undefined) {
      message = { type, fix: exactIntegers(type, int64), hasBytes: hasBytes(type) };
      messages.set(type, message);
    }
    return message;
  };
  const typesIn = (parent: ProtobufNamespace): ProtobufType[] =>
    parent.nestedArray.filter(
      (one): one is ProtobufType => one instanceof protobuf.Type && one.group !== true,
    );
  const first = findMessage(declared, typesIn, messageName);
  const reader = protobuf.Reader.create(Buffer.alloc(0));
  reader.string = readString;
  let at = 0;
  const varint = (bytes: Buffer, end: number): number => {
    let raw = 0;
    for (let i = 0; i < MAX_VARINT && at < end; i++) {
      const byte = bytes[at++] as number;
      raw |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
    throw new Error("its message indexes are cut short");
  };
  /** Moves `at` behind the indexes. */
  const messageAt = (bytes: Buffer, end: number): Message => {
    const count = varint(bytes, end);
    if (count < 0 || count > MAX_INDEXES) throw new Error(`it has ${count} message indexes`);
    let among: readonly ProtobufType[] = declared;
    let type: ProtobufType | undefined;
    // A single byte 0 stands for the first message.
    for (let level = 0; level < Math.max(count, 1); level++) {
      const index = count === 0 ? 0 : varint(bytes, end);
      type = among[index];
      if (type === undefined) throw new Error(`its schema has no message with index ${index}`);
      if (level + 1 < count) among = typesIn(type);
    }
    return messageOf(type as ProtobufType);
  };
  return {
    decode(bytes, start, end) {
      at = start;
      const { type, fix, hasBytes: copies } = messageAt(bytes, end);
      reader.buf = copies ? Buffer.from(bytes.subarray(at, end)) : bytes;
      reader.pos = copies ? 0 : at;
      reader.len = copies ? end - at : end;
      const message = type.decode(reader);
      const value = type.toObject(message, { defaults: true, arrays: true, objects: true });
      fix(value);
      return value;
    },
    encode(prefix, value) {
      if (first === undefined) throw new Error(`its schema has no message ${messageName ?? ""}`);
      const { type, indexes } = first;
      const payload = withLongs(protobuf, value) as Record<string, unknown>;
      const problem =
        typeof payload === "object" && payload !== null ? type.verify(payload) : "object expected";
      if (problem) throw new Error(`its schema refuses it: ${problem}`);
      return Buffer.concat([prefix, indexes, type.encode(type.fromObject(payload)).finish()]);
    },
  };
}

/** protobufjs's own takes what is left where less is left than the text should have. */
function readString(this: ProtobufReader): string {
  const length = this.uint32();
  const start = this.pos;
  if (length > this.len - start) throw new Error("it is cut short for its schema");
  this.pos = start + length;
  return (this.buf as Buffer).toString("utf8", start, this.pos);
}

/** A message and the bytes that name it. */
interface Found {
  readonly type: ProtobufType;
  readonly indexes: Buffer;
}

/** `name`: as in the schema, with or without its package; default the first one. */
function findMessage(
  declared: readonly ProtobufType[],
  typesIn: (parent: ProtobufNamespace) => ProtobufType[],
  name: string | undefined,
): Found | undefined {
  const visit = (types: readonly ProtobufType[], path: readonly number[]): Found | undefined => {
    for (const [i, type] of types.entries()) {
      const here = [...path, i];
      const fullName = type.fullName.slice(1);
      if (name === undefined || fullName === name || fullName.endsWith(`.${name}`)) {
        return { type, indexes: indexesOf(here) };
      }
      const inside = visit(typesIn(type), here);
      if (inside !== undefined) return inside;
    }
    return undefined;
  };
  return visit(declared, []);
}

function indexesOf(path: readonly number[]): Buffer {
  if (path.length === 1 && path[0] === 0) return Buffer.from([0]);
  const bytes: number[] = [];
  for (const index of [path.length, ...path]) {
    let raw = index * 2;
    for (; raw >= 0x80; raw >>>= 7) bytes.push((raw & 0x7f) | 0x80);
    bytes.push(raw);
  }
  return Buffer.from(bytes);
}

/** The schema with what it imports, and the messages that it declares itself, in their order. */
function parse(
  protobuf: RegistryDriver["protobuf"],
  { schema, references }: RegisteredSchema,
): { readonly root: ProtobufRoot; readonly declared: readonly ProtobufType[] } {
  const root = new protobuf.Root();
  const parsed = protobuf.parse(schema, root);
  const inside = parsed.package === undefined ? root : root.lookup(parsed.package);
  const declared = (inside?.nestedArray ?? []).filter(
    (one): one is ProtobufType => one instanceof protobuf.Type,
  );
  const imports = new Set([...(parsed.imports ?? []), ...(parsed.weakImports ?? [])]);
  for (const text of new Set(references.map((one) => one.schema))) {
    const other = protobuf.parse(text, root);
    for (const name of [...(other.imports ?? []), ...(other.weakImports ?? [])]) imports.add(name);
  }
  const known = new Set(references.map(({ name }) => name));
  for (const name of imports) {
    const wellKnown = known.has(name) ? null : protobuf.common.get(name);
    if (wellKnown?.nested !== undefined) root.addJSON(wellKnown.nested);
  }
  return { root, declared };
}

function hasBytes(type: ProtobufType, seen = new Set<ProtobufType>()): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  return type.fieldsArray.some((field) => {
    const message = messageIn(field);
    return field.type === "bytes" || (message !== undefined && hasBytes(message, seen));
  });
}
