import { messageOf } from "../../errors/index.js";
import type { ByteStream, FileBatch, FormatReader, OpenFile } from "../../files/file-format.js";
import type { FileSplit } from "../../files/file-split.js";
import type { ColumnPlan } from "./csv-columns.js";
import { headerUnusable } from "./csv-errors.js";
import type { ParsedCsvOptions } from "./csv-options.js";
import { planByName, planByPosition } from "./csv-plan.js";
import { RecordInput } from "./record-input.js";
import type { RowParser } from "./row-parser.js";

/** What every reader of one source needs. */
export interface CsvSetup {
  readonly options: ParsedCsvOptions;
  readonly parser: RowParser;
  readonly blockSize: number;
}

/** Reads the records of one CSV file; the header first, whatever the position. */
export class CsvReader<T> implements FormatReader<T> {
  readonly #input: RecordInput;
  readonly #plan: ColumnPlan;

  private constructor(input: RecordInput, plan: ColumnPlan) {
    this.#input = input;
    this.#plan = plan;
  }

  /** Throws FILE_CORRUPT or OPTION_INVALID for a header that does not fit. */
  static async open<T>(file: OpenFile, split: FileSplit, setup: CsvSetup): Promise<CsvReader<T>> {
    const { columns, header, nullValue } = setup.options;
    if (!header) {
      const plan = planByPosition(columns ?? {}, nullValue);
      return new CsvReader<T>(inputAt(file, split.position, setup), plan);
    }
    const input = inputAt(file, 0, setup);
    try {
      const names = await readHeader(file.path, input);
      const plan = planByName(file.path, names, columns, nullValue);
      if (split.position <= input.position) return new CsvReader<T>(input, plan);
      await input.close();
      return new CsvReader<T>(inputAt(file, split.position, setup), plan);
    } catch (error) {
      await input.close();
      throw error;
    }
  }

  async read(): Promise<FileBatch<T> | undefined> {
    const batch = await this.#input.read<T>(Number.POSITIVE_INFINITY);
    return batch?.planned(this.#plan);
  }

  close(): void | Promise<void> {
    return this.#input.close();
  }
}

function inputAt(file: OpenFile, position: number, setup: CsvSetup): RecordInput {
  const stream: ByteStream = file.stream(position);
  const { options, parser, blockSize } = setup;
  return new RecordInput(stream, position, options.dialect, parser, blockSize);
}

/** The fields of the first record; undefined: the file has none. */
async function readHeader(
  path: string,
  input: RecordInput,
): Promise<readonly string[] | undefined> {
  const entry = (await input.read(1))?.first;
  if (entry === undefined || Array.isArray(entry)) return entry;
  const { error } = entry as { readonly error: unknown };
  const reason = messageOf(error);
  throw headerUnusable(path, `its header cannot be read: ${reason}`, error);
}
