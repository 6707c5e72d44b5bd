import * as v from "valibot";
import type { SourceSplit } from "../../api/source-split.js";
import { type FileEnumeratorState, fileEnumeratorStateSerializer } from "../../files/index.js";
import { jsonSerializer } from "../../serde/json-serializer.js";

/** One row group of one file, and how much of it has been read. */
export interface ParquetSplit extends SourceSplit {
  readonly path: string;
  /** Bytes, when the file was found: later it must be the same. */
  readonly fileSize: number;
  /** Milliseconds since the epoch, likewise; null in a split of an older checkpoint. */
  readonly modified: number | null;
  readonly rowGroup: number;
  /** Rows of the file that the row group holds: `rowStart` up to, not including, `rowEnd`. */
  readonly rowStart: number;
  readonly rowEnd: number;
  /** Rows of the row group that are done with; the next one to read. */
  readonly position: number;
}

/** What the enumerator keeps: the splits nobody reads yet, and which files it has seen. */
export type ParquetEnumeratorState = FileEnumeratorState<ParquetSplit>;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const splitSchema = v.pipe(
  v.strictObject({
    splitId: v.string(),
    path: v.string(),
    fileSize: count,
    modified: v.nullable(v.pipe(v.number(), v.finite())),
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

/** Version 1 did not know when a file was modified. */
const upgradeSplit = (split: unknown): unknown =>
  isObject(split) ? { ...split, modified: null } : split;

/** Version 1 looked for files once, by their names. */
function upgradeState(state: unknown): unknown {
  if (!isObject(state)) return state;
  const { splits } = state;
  return {
    ...state,
    splits: Array.isArray(splits) ? splits.map(upgradeSplit) : splits,
    continuous: false,
    processed: [],
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const parquetSplitSerializer = jsonSerializer<ParquetSplit>({
  name: "parquet split",
  version: 2,
  schema: splitSchema,
  upgrade: (_version, split) => upgradeSplit(split),
});

export const parquetEnumeratorStateSerializer = fileEnumeratorStateSerializer<ParquetSplit>(
  "parquet enumerator state",
  splitSchema,
  { version: 2, upgrade: (_version, state) => upgradeState(state) },
);
