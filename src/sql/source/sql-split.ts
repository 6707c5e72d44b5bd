import * as v from "valibot";
import type { SourceSplit } from "../../api/source-split.js";
import { HeadwaterError } from "../../errors/index.js";
import { jsonSerializer } from "../../serde/json-serializer.js";
import type { KeyRange, SqlKey } from "./sql-table.js";

/** Rows of a range of keys; `after` is the key of the last row that is done with. */
export interface SqlSplit extends SourceSplit, KeyRange {
  /** The table and its key. */
  readonly table: string;
  /** Rows that are done with. */
  readonly rows: number;
}

/** What the enumerator keeps. */
export interface SqlEnumeratorState {
  readonly table: string;
  /** False: no splits have been made yet. */
  readonly isCut: boolean;
  /** The highest key that a split covers. */
  readonly highest: SqlKey | null;
  /** How many splits have been made. */
  readonly made: number;
  /** The splits that nobody reads yet, in their order. */
  readonly splits: readonly SqlSplit[];
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const key = v.pipe(v.array(v.string()), v.minLength(1));

const splitSchema = v.strictObject({
  splitId: v.string(),
  table: v.string(),
  after: v.nullable(key),
  to: key,
  rows: count,
});

export const sqlSplitSerializer = jsonSerializer<SqlSplit>({
  name: "SQL split",
  version: 1,
  schema: splitSchema,
});

export const sqlEnumeratorStateSerializer = jsonSerializer<SqlEnumeratorState>({
  name: "SQL enumerator state",
  version: 1,
  schema: v.strictObject({
    table: v.string(),
    isCut: v.boolean(),
    highest: v.nullable(key),
    made: count,
    splits: v.array(splitSchema),
  }),
});

/** Throws CHECKPOINT_STATE_UNMATCHED for state of another table, or of another key. */
export function checkSameTable(written: string, current: string): void {
  if (written === current) return;
  throw new HeadwaterError(
    "CHECKPOINT_STATE_UNMATCHED",
    `the checkpoint holds positions in ${written}, but the source reads ${current}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Give the source the table and the key that it had, or start without the checkpoint.",
    },
  );
}
