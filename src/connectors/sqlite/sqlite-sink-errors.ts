import { HeadwaterError, messageOf } from "../../errors/index.js";
import { sinkInterrupted, sinkRefused } from "../../sql/sink/sql-sink-error.js";
import { codeOf } from "./sqlite-driver.js";

/** Whether another connection's lock was in the way. */
export function isBusy(error: unknown): boolean {
  if (error instanceof HeadwaterError) return error.retry !== "never" && isBusy(error.cause);
  return /^SQLITE_(?:BUSY|LOCKED)/.test(codeOf(error));
}

/** A row that SQLite refused, and at which place in its batch. */
export class RowRefused extends Error {
  override readonly name = "RowRefused";
  readonly index: number;

  constructor(index: number, cause: unknown) {
    super("SQLite refused a row", { cause });
    this.index = index;
  }
}

/** Whether SQLite refused a row for what is in it. */
export function isRowRefused(error: unknown): boolean {
  return /^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG)/.test(codeOf(error));
}

/** SINK_FAILED for what SQLite said; `describe` names a row by its key. */
export function sqliteFailed(
  owner: string,
  doing: string,
  error: unknown,
  describe: (index: number) => string = String,
): HeadwaterError {
  if (error instanceof RowRefused) {
    return sinkRefused(
      owner,
      `cannot write row ${describe(error.index)}: ${whyRefused(error.cause)}`,
      "Leave such records out or mend them before the sink, or change the table; then start again from the last checkpoint.",
    );
  }
  if (error instanceof HeadwaterError) return error;
  if (/^SQLITE_(?:BUSY|LOCKED|IOERR|FULL|NOMEM|PROTOCOL|INTERRUPT)/.test(codeOf(error))) {
    return sinkInterrupted(owner, `cannot ${doing}`, error);
  }
  return sinkRefused(
    owner,
    `cannot ${doing}: ${messageOf(error)}`,
    "Check the sink's options, the table, and that the file may be written.",
  );
}

/** SQLite names columns and constraints, and only a trigger's own text could show a value. */
function whyRefused(error: unknown): string {
  const code = codeOf(error);
  if (code === "SQLITE_CONSTRAINT_TRIGGER") return `a trigger refused it (${code})`;
  return error instanceof Error ? `${error.message} (${code})` : code;
}
