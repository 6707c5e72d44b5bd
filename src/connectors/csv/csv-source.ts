import type { Source } from "../../api/source.js";
import { createFileSource, type FileEnumeratorState, type FileSplit } from "../../files/index.js";
import type { CsvColumns, CsvRecord } from "./csv-columns.js";
import { CsvFormat } from "./csv-format.js";
import { type CsvSourceOptions, parseCsvOptions } from "./csv-options.js";

/**
 * A source of the records of CSV files, each an object with a property a column; bounded unless the
 * options have a `discoveryInterval` (Flink `CsvReaderFormat`).
 *
 * Throws OPTION_INVALID here. FILE_NOT_FOUND, FILE_CHANGED, FILE_CORRUPT, DRIVER_MISSING, and
 * OPTION_INVALID for a column that a header does not have, fail the job when it runs.
 */
export function csvSource<
  const C extends CsvColumns,
  const N extends string | undefined = undefined,
>(
  options: CsvSourceOptions<C, N> & { readonly columns: C },
): Source<CsvRecord<C, N>, FileSplit, FileEnumeratorState>;
export function csvSource<const N extends string | undefined = undefined>(
  options: CsvSourceOptions<undefined, N>,
): Source<
  Record<string, string | (N extends string ? null : never)>,
  FileSplit,
  FileEnumeratorState
>;
export function csvSource(
  options: CsvSourceOptions,
): Source<unknown, FileSplit, FileEnumeratorState> {
  const parsed = parseCsvOptions(options);
  return createFileSource({
    name: "CSV",
    option: "csvSource",
    options: parsed.files,
    format: new CsvFormat<unknown>(parsed),
  });
}
