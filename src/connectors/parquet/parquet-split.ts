import * as v from "valibot";
import type { SourceSplit } from "../../api/source-split.js";
import { jsonSerializer } from "../../serde/json-serializer.js";

/** One row group of one file, and how much of it has been read. */
export interface ParquetSplit extends SourceSplit {
  readonly path: string;
  /** Bytes; another size later means that the file was replaced. */
  readonly fileSize: number;
  readonly rowGroup: number;
  /** Rows of the file that the row group holds: `rowStart` up to, not including, `rowEnd`. */
  readonly rowStart: number;
  readonly rowEnd: number;
  /** Rows of the row group that have been emitted; the next one to read. */
  readonly position: number;
}

/** A split while it is read; `position` moves with every emitted row. */
export interface ParquetSplitState {
  readonly split: ParquetSplit;
  position: number;
}

/** What the enumerator keeps: whether the footers have been read, and the splits nobody reads yet. */
export interface ParquetEnumeratorState {
  readonly discovered: boolean;
  readonly splits: readonly ParquetSplit[];
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const splitSchema = v.pipe(
  v.strictObject({
    splitId: v.string(),
    path: v.string(),
    fileSize: count,
    rowGroup: count,
    rowStart: count,
    rowEnd: count,
    position: count,
  }),
  v.check(
    (split) => split.position <= split.rowEnd - split.rowStart,
    "a position within the row group",
  ),
);

export const parquetSplitSerializer = jsonSerializer<ParquetSplit>({
  name: "parquet split",
  version: 1,
  schema: splitSchema,
});

export const parquetEnumeratorStateSerializer = jsonSerializer<ParquetEnumeratorState>({
  name: "parquet enumerator state",
  version: 1,
  schema: v.strictObject({ discovered: v.boolean(), splits: v.array(splitSchema) }),
});
