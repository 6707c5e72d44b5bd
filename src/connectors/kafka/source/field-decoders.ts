import { isUtf8 } from "node:buffer";
import { HeadwaterError, messageOf } from "../../../errors/index.js";

/** Decodes bytes[start..end); `isOwn`: the bytes are a batch's alone, and nobody uses their memory again. */
export type FieldDecoder<T> = (bytes: Buffer, start: number, end: number, isOwn?: boolean) => T;

/** A schema of the Standard Schema specification, as far as it is used. */
export interface StandardSchema<T> {
  readonly "~standard": {
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly output: T } | undefined;
  };
}

/** Returns the value as a record, or throws. */
export type JsonCheck<T> = (value: unknown) => T;

/** Levels of objects and arrays in a value; a parser spends about 50 bytes on each. */
const MAX_DEPTH = 1_000_000;
const NO_BYTES = Buffer.alloc(0);
/** Bytes that are copied together, all of which a kept value keeps: each copy costs as much as a few views of it. */
const COPIED_AT_ONCE = 65_536;
/** Bytes of a batch's own that a kept value may keep instead; as many as most producers put into one. */
const OWN_AT_MOST = 131_072;
const SHORT = 1024;
/** So far behind each other values may lie: the fields between them are short. */
const NEAR = 256;
const REPLACEMENT = "\ufffd";

type BufferViewConstructor = new (memory: ArrayBufferLike, start: number, length: number) => Buffer;
/**
 * Buffer's own class, whose constructor makes a view of some memory: in less than half the time of
 * `subarray`, which looks up and checks for each view what is the same for all of a batch.
 */
const BufferView = (Buffer as unknown as { readonly [Symbol.species]: BufferViewConstructor })[
  Symbol.species
];

export const textField: FieldDecoder<string> = (bytes, start, end) => {
  const text = bytes.toString("utf8", start, end);
  // It stands for bytes that are no UTF-8, or for itself.
  if (text.includes(REPLACEMENT) && !isUtf8(bytes.subarray(start, end))) {
    throw badField("the bytes are no valid UTF-8");
  }
  return text;
};

/**
 * Copies, so that what is kept does not keep a whole fetch: short values that follow each other are copied
 * together and handed out as views of that, which takes half the time of a copy each. Of a batch that was
 * uncompressed into memory of its own, and little of that, it hands out views.
 */
export function bytesField(): FieldDecoder<Buffer> {
  let from: Buffer = NO_BYTES;
  let memory: ArrayBufferLike = NO_BYTES.buffer;
  let memoryStart = 0;
  let mayKeep = false;
  let copy: ArrayBufferLike = NO_BYTES.buffer;
  /** Where the copy begins and ends in `from`. */
  let copyStart = 0;
  let copyEnd = 0;
  let lastEnd = 0;
  return (bytes, start, end, isOwn) => {
    const isSame = bytes === from;
    if (!isSame) {
      from = bytes;
      memory = bytes.buffer;
      memoryStart = bytes.byteOffset;
      mayKeep = memory.byteLength <= OWN_AT_MOST;
      copyEnd = 0;
    }
    if (mayKeep && isOwn === true) return new BufferView(memory, memoryStart + start, end - start);
    const isNear = isSame && start >= lastEnd && start - lastEnd <= NEAR;
    lastEnd = end;
    if (start < copyStart || end > copyEnd) {
      if (!isNear || end - start > SHORT) return Buffer.from(bytes.subarray(start, end));
      copyStart = start;
      copyEnd = Math.min(start + COPIED_AT_ONCE, bytes.length);
      copy = copyOf(bytes, copyStart, copyEnd);
    }
    return new BufferView(copy, start - copyStart, end - start);
  };
}

/** Memory of its own; none of Buffer's pool, which others have parts of. */
function copyOf(bytes: Buffer, start: number, end: number): ArrayBufferLike {
  const copy = Buffer.allocUnsafeSlow(end - start);
  bytes.copy(copy, 0, start, end);
  return copy.buffer;
}

/** Parses a text with `jsonText`. */
export function jsonField<T>(parse: (text: string) => T): FieldDecoder<T> {
  return (bytes, start, end) => parse(textField(bytes, start, end));
}

/** Parses and checks JSON; what it gives has copies of the text only. */
export function jsonText<T>(schema?: JsonCheck<T> | StandardSchema<T>): (text: string) => T {
  const check = schema === undefined ? undefined : checkOf(schema);
  return (text) => {
    if (text.length > MAX_DEPTH && isDeeper(text, MAX_DEPTH)) {
      throw badField(`more than ${MAX_DEPTH} levels of objects and arrays`);
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw badField(`no JSON: ${withoutInput(error)}`);
    }
    return check === undefined ? (value as T) : check(value);
  };
}

/** Why a key or value is none of its format. */
export function badField(reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("BAD_RECORD", reason, {
    domain: "external",
    retry: "never",
    scope: "record",
    cause,
  });
}

function checkOf<T>(schema: JsonCheck<T> | StandardSchema<T>): JsonCheck<T> {
  if (typeof schema === "function" && !("~standard" in schema)) {
    return (value) => {
      try {
        return schema(value);
      } catch (error) {
        throw badField(`refused by the schema of kafkaJson: ${shorten(messageOf(error))}`, error);
      }
    };
  }
  const { validate } = (schema as StandardSchema<T>)["~standard"];
  return (value) => {
    const result = validate(value) as {
      readonly value?: T;
      readonly issues?: readonly { readonly message: string }[];
    };
    if (result instanceof Promise) {
      throw badField("the schema of kafkaJson answers with a promise; records are checked at once");
    }
    if (result.issues === undefined) return result.value as T;
    const reasons = result.issues.map(({ message }) => message).join("; ");
    throw badField(`refused by the schema of kafkaJson: ${shorten(reasons)}`);
  };
}

/** What the parser says, without the text that it quotes. */
function withoutInput(error: unknown): string {
  return shorten(messageOf(error).replace(/, (?:\.\.\.)?".*"?(?:\.\.\.)? is not valid JSON$/s, ""));
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

function isDeeper(text: string, maxDepth: number): boolean {
  let depth = 0;
  let isText = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) isText = !isText;
    else if (isText) i += code === 0x5c ? 1 : 0;
    else if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    if (depth > maxDepth) return true;
  }
  return false;
}
