import type { ColumnMetaData, SchemaTree } from "hyparquet";
import { PageCursor, type ThriftFields } from "./page-cursor.js";
import { checkDeltas, checkRuns } from "./page-runs.js";

/** A page may have as many bytes, whatever the footer says of the column. */
const MODEST_PAGE = 64 * 1024 * 1024;

type PageKind = "data" | "data-v2" | "dictionary";
const KINDS: readonly (PageKind | undefined)[] = ["data", undefined, "dictionary", "data-v2"];

// Numbers of encodings in Parquet's format.
const PLAIN_DICTIONARY = 2;
const RLE = 3;
const DELTA_BINARY_PACKED = 5;
const DELTA_LENGTH_BYTE_ARRAY = 6;
const DELTA_BYTE_ARRAY = 7;
const RLE_DICTIONARY = 8;

interface Page {
  readonly kind: PageKind;
  readonly values: number;
  readonly encoding: number;
  /** Of "data-v2": how many of the values are null. */
  readonly nulls: number;
}

/**
 * The pages of one column chunk, whose numbers are checked before hyparquet believes them: it makes
 * as many values as a run claims, and may go on for ever with a size that cannot be.
 *
 * Owns: the pages that are compressed and not decompressed yet, in their order. Called by: the
 * decoder of a row group, and hyparquet through `decompress`.
 */
export class ColumnPages {
  readonly #meta: ColumnMetaData;
  readonly #maxRepetition: number;
  readonly #maxDefinition: number;
  readonly #compressed: Page[] = [];

  /** `path` leads from the schema's root to the column. */
  constructor(meta: ColumnMetaData, path: readonly SchemaTree[]) {
    this.#meta = meta;
    const repetitions = path.map(({ element }) => element.repetition_type);
    this.#maxRepetition = repetitions.filter((one) => one === "REPEATED").length;
    this.#maxDefinition = repetitions.slice(1).filter((one) => one !== "REQUIRED").length;
  }

  /** Checks the headers of all pages, and what is not compressed; throws for what cannot be. */
  check(chunk: Uint8Array, isFlat: boolean): void {
    const cursor = new PageCursor(chunk);
    const total = Number(this.#meta.num_values);
    let seen = 0;
    while (cursor.offset < chunk.length - 1 && !(isFlat && seen >= total)) {
      const header = cursor.thriftStruct();
      const { offset } = cursor;
      cursor.skip(numberOf(header, 3));
      const page = this.#checkPage(header, chunk.subarray(offset, cursor.offset));
      if (page.kind === "dictionary") continue;
      seen += page.values;
      if (seen > total) throw new Error(`its pages have more than the footer's ${total} values`);
    }
  }

  /** What a compressor made of the next compressed page. */
  decompressed(bytes: Uint8Array): void {
    const page = this.#compressed.shift();
    if (page !== undefined) this.#checkContent(page, bytes);
  }

  #checkPage(header: ThriftFields, bytes: Uint8Array): Page {
    const kind = KINDS[numberOf(header, 1)];
    if (kind === undefined) throw new Error("a page is of no kind that is known");
    const size = numberOf(header, 2);
    const limit = Math.max(MODEST_PAGE, Number(this.#meta.total_uncompressed_size));
    if (size < 0 || size > limit) throw new Error(`a page claims ${size} bytes decompressed`);
    const fields = header.get({ data: 5, dictionary: 7, "data-v2": 8 }[kind]);
    if (typeof fields !== "object") throw new Error("a page header lacks what belongs to its kind");
    const values = numberOf(fields, 1);
    // A value has a bit at least; in data pages a run may stand for many.
    const most = kind === "dictionary" ? size * 8 : Number(this.#meta.num_values);
    if (values < 0 || values > most) throw new Error(`a page claims ${values} values`);
    if (kind === "data-v2") return this.#checkV2(fields, values, bytes);
    const page = { kind, values, encoding: numberOf(fields, 2), nulls: 0 };
    if (this.#meta.codec === "UNCOMPRESSED") this.#checkContent(page, bytes);
    else this.#compressed.push(page);
    return page;
  }

  #checkV2(fields: ThriftFields, values: number, bytes: Uint8Array): Page {
    const nulls = numberOf(fields, 2);
    const rows = numberOf(fields, 3);
    const definitions = numberOf(fields, 5);
    const repetitions = numberOf(fields, 6);
    const isPossible =
      Math.min(definitions, repetitions, nulls, rows) >= 0 &&
      definitions + repetitions <= bytes.length &&
      Math.max(nulls, rows) <= values;
    if (!isPossible) throw new Error("a page header contradicts itself");
    const cursor = new PageCursor(bytes);
    if (this.#maxRepetition > 0) checkRuns(cursor, widthOf(this.#maxRepetition), values);
    cursor.offset = repetitions;
    if (this.#maxDefinition > 0) {
      checkRuns(cursor, widthOf(this.#maxDefinition), values);
      cursor.offset = repetitions + definitions;
    }
    const page: Page = { kind: "data-v2", values, encoding: numberOf(fields, 4), nulls };
    const isPlain = fields.get(7) === false || this.#meta.codec === "UNCOMPRESSED";
    if (isPlain) this.#checkContent(page, bytes.subarray(cursor.offset));
    if (!isPlain) this.#compressed.push(page);
    return page;
  }

  #checkContent({ kind, values, encoding, nulls }: Page, bytes: Uint8Array): void {
    if (kind === "dictionary") return;
    const cursor = new PageCursor(bytes);
    let present = values - nulls;
    if (kind === "data") {
      this.#checkLevels(cursor, this.#maxRepetition, values);
      if (this.#maxDefinition > 0) {
        present = this.#checkLevels(cursor, this.#maxDefinition, values);
      }
    }
    this.#checkValues(cursor, encoding, present, kind);
  }

  /** Levels with their length in front; says how many are the highest. */
  #checkLevels(cursor: PageCursor, highest: number, values: number): number {
    if (highest === 0) return 0;
    const length = cursor.uint32();
    const start = cursor.offset;
    const found = checkRuns(cursor, widthOf(highest), values, highest);
    cursor.offset = start + length;
    return found;
  }

  #checkValues(cursor: PageCursor, encoding: number, count: number, kind: PageKind): void {
    switch (encoding) {
      case PLAIN_DICTIONARY:
      case RLE_DICTIONARY:
      case RLE: {
        if (this.#meta.type === "BOOLEAN") {
          cursor.skip(4);
          checkRuns(cursor, 1, count);
          return;
        }
        const width = cursor.byte();
        if (width > 0 || kind === "data-v2") checkRuns(cursor, width, count);
        return;
      }
      case DELTA_BYTE_ARRAY:
        checkDeltas(cursor, count);
        checkDeltas(cursor, count);
        return;
      case DELTA_BINARY_PACKED:
      case DELTA_LENGTH_BYTE_ARRAY:
        checkDeltas(cursor, count);
    }
  }
}

function numberOf(fields: ThriftFields, id: number): number {
  const value = fields.get(id);
  if (typeof value !== "number") throw new Error("a page header is not complete");
  return value;
}

/** Bits of a number up to this. */
function widthOf(highest: number): number {
  return 32 - Math.clz32(highest);
}
