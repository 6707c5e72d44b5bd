import * as v from "valibot";
import { optionInvalid } from "../../errors/index.js";
import {
  type FileSourceOptions,
  fileSourceEntries,
  type ParsedFileSourceOptions,
} from "../../files/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import type { CsvColumns } from "./csv-columns.js";
import type { CsvDialect } from "./csv-dialect.js";

/** What `csvSource` takes. A file is always one split. */
export interface CsvSourceOptions<
  C extends CsvColumns | undefined = CsvColumns | undefined,
  N extends string | undefined = string | undefined,
> extends Omit<FileSourceOptions, "splitSize"> {
  /**
   * The columns that go into the record, and what their texts become; default all of the header, as
   * text. With a header they are found by name, without one by their order.
   */
  readonly columns?: C;
  /** Whether the first record of each file names the columns; default true. */
  readonly header?: boolean;
  /** What stands between fields; default ",". */
  readonly delimiter?: string;
  /** One ASCII character; default `"`. Null: there are no quoted fields. */
  readonly quote?: string | null;
  /** One ASCII character, which in a quoted field hides what the next one means; default the quote. */
  readonly escape?: string;
  /** Lines that begin with it are left out; default none. */
  readonly comment?: string;
  /** Leaves out white space around fields; default false. */
  readonly trim?: boolean;
  /** A text that becomes null, in every column; default none. */
  readonly nullValue?: N;
  /** Leaves out lines without anything on them; default true. */
  readonly skipBlankLines?: boolean;
  /** Bytes that a record may have, beyond which its first line is a bad record; default 1 MiB. */
  readonly maxRecordLength?: number;
}

/** The options with defaults filled in. */
export interface ParsedCsvOptions {
  readonly files: ParsedFileSourceOptions;
  readonly columns: CsvColumns | undefined;
  readonly header: boolean;
  readonly nullValue: string | undefined;
  readonly dialect: CsvDialect;
}

const TYPES: ReadonlySet<unknown> = new Set([
  "string",
  "integer",
  "number",
  "boolean",
  "date",
  "bigint",
]);

const isOneLine = (value: unknown): boolean =>
  typeof value === "string" && value !== "" && !/[\r\n]/.test(value);
const isAscii = (value: unknown): boolean =>
  isOneLine(value) && (value as string).length === 1 && (value as string).charCodeAt(0) < 0x80;

const character = "one ASCII character, no newline";
const { splitSize: _, ...fileEntries } = fileSourceEntries;

const schema = v.strictObject({
  ...fileEntries,
  columns: v.optional(
    expecting<CsvColumns>(
      isColumns,
      'names of one or more columns, each with "string", "integer", "number", "boolean", "date", "bigint" or a function',
    ),
  ),
  header: v.optional(v.boolean(), true),
  delimiter: v.optional(expecting<string>(isOneLine, "a text without a newline"), ","),
  quote: v.optional(v.nullable(expecting<string>(isAscii, `${character}, or null`)), '"'),
  escape: v.optional(expecting<string>(isAscii, character)),
  comment: v.optional(expecting<string>(isOneLine, "a text without a newline")),
  trim: v.optional(v.boolean(), false),
  nullValue: v.optional(v.string()),
  skipBlankLines: v.optional(v.boolean(), true),
  maxRecordLength: v.optional(wholeNumber(1), 1024 * 1024),
});

/** Checks what the user gave; throws OPTION_INVALID naming the option. */
export function parseCsvOptions(options: unknown): ParsedCsvOptions {
  const {
    columns,
    header,
    nullValue,
    delimiter,
    quote,
    escape: escapeCharacter = quote ?? '"',
    comment,
    trim,
    skipBlankLines,
    maxRecordLength,
    ...files
  } = parseOptions("csvSource", schema, options);
  if (!header) checkPositions(columns);
  checkApart("delimiter", delimiter, {
    quote,
    escape: quote === null ? null : escapeCharacter,
  });
  if (comment !== undefined) checkApart("comment", comment, { quote, delimiter });
  if (trim && quote !== null) {
    for (const [name, value] of Object.entries({ quote, escape: escapeCharacter })) {
      if (value.trim() === "") {
        throw optionInvalid(`csvSource.${name}`, value, "no white space together with trim");
      }
    }
  }
  return {
    files: { ...files, splitSize: Number.MAX_SAFE_INTEGER },
    columns,
    header,
    nullValue,
    dialect: {
      delimiter,
      quote,
      escape: escapeCharacter,
      comment,
      trim,
      skipBlankLines,
      maxRecordLength,
    },
  };
}

function isColumns(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const types = Object.values(value);
  return types.length > 0 && types.every((type) => TYPES.has(type) || typeof type === "function");
}

/** Without a header the order of the names counts, which an object does not keep for whole numbers. */
function checkPositions(columns: CsvColumns | undefined): void {
  if (columns === undefined) {
    throw optionInvalid("csvSource.columns", columns, "the names of all columns, without a header");
  }
  for (const name of Object.keys(columns)) {
    if (/^\d+$/.test(name)) {
      throw optionInvalid(
        "csvSource.columns",
        name,
        "names that are no whole numbers, without a header: an object does not keep their order",
      );
    }
  }
}

function checkApart(
  name: string,
  value: string,
  others: Readonly<Record<string, string | null>>,
): void {
  for (const [other, text] of Object.entries(others)) {
    if (text !== null && (value.includes(text) || text.includes(value))) {
      throw optionInvalid(`csvSource.${name}`, value, `a text apart from the ${other}`);
    }
  }
}
