/** How fields are written; checked by `parseCsvOptions`. */
export interface CsvDialect {
  readonly delimiter: string;
  /** One ASCII character; null: there are no quoted fields. */
  readonly quote: string | null;
  /** One ASCII character: in a quoted field it takes the meaning from the next one. */
  readonly escape: string;
  /** A line that begins with it is left out. */
  readonly comment: string | undefined;
  /** White space around fields is left out. */
  readonly trim: boolean;
  readonly skipBlankLines: boolean;
  /** Bytes that a record may have, its newline included. */
  readonly maxRecordLength: number;
}

export const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Whether the line from `start` to `end`, its newline included, is blank and so no record. */
export function isLeftOut(
  { skipBlankLines, trim }: CsvDialect,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (!skipBlankLines) return false;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === NEWLINE || (byte === CARRIAGE_RETURN && i + 1 < end && bytes[i + 1] === NEWLINE)) {
      continue;
    }
    if (!trim || !isBlank(byte)) return false;
  }
  return true;
}

/** Whether the bytes from `start` on are those of `text`. */
export function startsWith(
  bytes: Uint8Array,
  start: number,
  end: number,
  text: Uint8Array,
): boolean {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}

/** ASCII white space. */
export function isBlank(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}
