import { printable } from "../errors/printable.js";
import { formatCount } from "./format.js";

/** Bytes of a serializer, as far as they can be read without it. */
export interface ReadableState {
  readonly bytes: number;
  /** When they are JSON in UTF-8. */
  readonly json?: unknown;
  /** When they are other text in UTF-8 without control characters. */
  readonly text?: string;
  /** When they are neither. */
  readonly base64?: string;
}

/** Never throws. */
export function readState(bytes: Uint8Array): ReadableState {
  const text = decode(bytes);
  if (text === undefined) return { bytes: bytes.length, base64: base64(bytes) };
  try {
    return { bytes: bytes.length, json: JSON.parse(text) as unknown };
  } catch {
    if (text === "" || printable(text) !== text) {
      return { bytes: bytes.length, base64: base64(bytes) };
    }
    return { bytes: bytes.length, text };
  }
}

/** In one line: the JSON, the text in quotes, or how many bytes there are. */
export function stateLine(state: ReadableState): string {
  if (state.json !== undefined) return printable(JSON.stringify(state.json));
  if (state.text !== undefined) return printable(JSON.stringify(state.text));
  return byteCount(state.bytes);
}

export function byteCount(bytes: number): string {
  return `${formatCount(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
