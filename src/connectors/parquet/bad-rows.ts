import { HeadwaterError } from "../../errors/index.js";

/** Where a row group is: the file, its number, and the file's row with which it begins. */
interface RowGroupPlace {
  readonly path: string;
  readonly rowGroup: number;
  readonly rowStart: number;
}

/**
 * The rows of a row group that hold an integer which is no safe number.
 *
 * Owns: the first such integer of each. Called by: the decoder, then the batches of the row group.
 */
export class BadRows {
  readonly #place: RowGroupPlace;
  readonly #integers = new Map<number, { readonly column: string; readonly value: bigint }>();

  constructor(place: RowGroupPlace) {
    this.#place = place;
  }

  get size(): number {
    return this.#integers.size;
  }

  add(row: number, column: string, value: bigint): void {
    if (!this.#integers.has(row)) this.#integers.set(row, { column, value });
  }

  /** What is wrong with a row; undefined: nothing. */
  errorOf(row: number): HeadwaterError | undefined {
    const integer = this.#integers.get(row);
    if (integer === undefined) return undefined;
    const { path, rowGroup, rowStart } = this.#place;
    return new HeadwaterError(
      "LIMIT_EXCEEDED",
      `Parquet file ${path}, row group ${rowGroup}, column ${integer.column}, row ${rowStart + row}: ${integer.value} is beyond ±(2^53 − 1) and no exact number`,
      {
        domain: "user",
        retry: "never",
        scope: "record",
        hint: 'Set parquetSource.int64 to "bigint", or leave the column out with parquetSource.columns.',
      },
    );
  }
}
