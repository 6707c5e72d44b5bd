import { HeadwaterError } from "../../errors/index.js";
import type { KeyRange, SqlKey, SqlTable } from "./sql-table.js";

/** Splits that one enumerator may have waiting. */
export const MAX_WAITING_SPLITS = 100_000;

/** How a table is cut: into parts of so many rows, or into so many parts. */
export type CutPlan = { readonly splitSize: number } | { readonly splits: number };

/** Marks kept for each split of a plan that says how many there are to be. */
const MARKS_PER_SPLIT = 16;
const MIN_MARKS = 2048;

/** What the cutter needs. */
export interface SplitCutterOptions {
  readonly table: Pick<SqlTable, "highest" | "marks">;
  readonly plan: CutPlan;
  /** Only what lies above it. */
  readonly after: SqlKey | null;
  readonly rowsPerLook: number;
}

/**
 * Cuts a table into ranges of keys with equal numbers of rows, however the keys are spread: it walks
 * over the keys in their order and remembers each so-many-th of them.
 *
 * Owns: the walk. Called by: the enumerator, one step at a time.
 * Invariants: a step looks at `rowsPerLook` rows at most; the ranges follow each other without a gap;
 * the last one ends with the highest key that was there at the start. Where the number of splits is
 * given, at most a few thousand marks are kept: when there are more, every second one goes.
 */
export class SplitCutter {
  readonly #options: SplitCutterOptions;
  readonly #maxMarks: number;
  readonly #marks: SqlKey[] = [];
  /** Rows from one mark to the next. */
  #rowsPerMark: number;
  #rowsSinceMark = 0;
  #after: SqlKey | null;
  #highest: SqlKey | undefined;

  constructor(options: SplitCutterOptions) {
    const { plan, after } = options;
    this.#options = options;
    this.#after = after;
    this.#rowsPerMark = "splitSize" in plan ? plan.splitSize : 1;
    this.#maxMarks =
      "splitSize" in plan ? MAX_WAITING_SPLITS : Math.max(MIN_MARKS, MARKS_PER_SPLIT * plan.splits);
  }

  /** One look at the table; the ranges when it was the last one. Throws LIMIT_EXCEEDED. */
  async step(): Promise<readonly KeyRange[] | undefined> {
    const { table, after } = this.#options;
    if (this.#highest === undefined) {
      const highest = await table.highest();
      if (highest === null) return [];
      this.#highest = highest;
      return undefined;
    }
    const to = this.#highest;
    const { rows, every } = this.#nextLook();
    const keys = await table.marks({ after: this.#after, to }, rows, every);
    for (const key of keys) this.#pass(key, every);
    if (keys.length === rows / every) return undefined;
    // Nothing above `after`: the table has not grown.
    if (this.#after === after && (await this.#isEmpty())) return [];
    return this.#ranges(to);
  }

  async #isEmpty(): Promise<boolean> {
    const range = { after: this.#after, to: this.#highest as SqlKey };
    return (await this.#options.table.marks(range, 1, 1)).length === 0;
  }

  #nextLook(): { readonly rows: number; readonly every: number } {
    const { rowsPerLook } = this.#options;
    const perMark = this.#rowsPerMark;
    const left = perMark - this.#rowsSinceMark;
    if (left < perMark || perMark >= rowsPerLook) {
      const rows = Math.min(rowsPerLook, left);
      return { rows, every: rows };
    }
    const marks = Math.min(Math.floor(rowsPerLook / perMark), this.#maxMarks);
    return { rows: marks * perMark, every: perMark };
  }

  #pass(key: SqlKey, rows: number): void {
    this.#after = key;
    this.#rowsSinceMark += rows;
    if (this.#rowsSinceMark < this.#rowsPerMark) return;
    this.#rowsSinceMark = 0;
    this.#marks.push(key);
    if (this.#marks.length < this.#maxMarks) return;
    if ("splitSize" in this.#options.plan) throw tooManySplits();
    for (let i = 0; i < this.#maxMarks / 2; i++) this.#marks[i] = this.#marks[2 * i + 1] as SqlKey;
    this.#marks.length = this.#maxMarks / 2;
    this.#rowsPerMark *= 2;
  }

  #ranges(to: SqlKey): readonly KeyRange[] {
    const { plan } = this.#options;
    const marks = this.#marks;
    const ends = "splitSize" in plan ? marks : pick(marks, plan.splits);
    const ranges: KeyRange[] = [];
    let after = this.#options.after;
    for (const end of ends) {
      ranges.push({ after, to: end });
      after = end;
    }
    // A mark on the highest key has nothing behind it.
    if (after === null || after.some((value, i) => value !== to[i])) ranges.push({ after, to });
    return ranges;
  }
}

/** The ends of all but the last of `splits` parts, as even as the marks allow. */
function pick(marks: readonly SqlKey[], splits: number): readonly SqlKey[] {
  const ends: SqlKey[] = [];
  let last = 0;
  for (let i = 1; i < splits; i++) {
    const at = Math.round((i * marks.length) / splits);
    if (at > last) ends.push(marks[at - 1] as SqlKey);
    last = at;
  }
  return ends;
}

function tooManySplits(): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `the table makes more than ${MAX_WAITING_SPLITS} splits`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Raise splitSize, or say with splits how many there are to be.",
    },
  );
}
