import type { FileFormat, FormatReader, OpenFile } from "../../files/file-format.js";
import type { FileSplit } from "../../files/file-split.js";
import type { ParsedCsvOptions } from "./csv-options.js";
import { loadCsvParse } from "./csv-parse-driver.js";
import { CsvReader } from "./csv-reader.js";
import { RowParser } from "./row-parser.js";

/** Bytes that csv-parse gets in one call. */
const BLOCK_SIZE = 128 * 1024;

/** CSV files; a newline may stand inside quotes, so only reading from the front finds the records. */
export class CsvFormat<T> implements FileFormat<T> {
  readonly name = "CSV";
  readonly splittable = false;
  readonly #options: ParsedCsvOptions;
  readonly #blockSize: number;

  constructor(options: ParsedCsvOptions, blockSize = BLOCK_SIZE) {
    this.#options = options;
    this.#blockSize = blockSize;
  }

  async prepare(): Promise<void> {
    await loadCsvParse();
  }

  async open(file: OpenFile, split: FileSplit): Promise<FormatReader<T>> {
    const parser = new RowParser(await loadCsvParse(), this.#options.dialect);
    return CsvReader.open<T>(file, split, {
      options: this.#options,
      parser,
      blockSize: this.#blockSize,
    });
  }
}
