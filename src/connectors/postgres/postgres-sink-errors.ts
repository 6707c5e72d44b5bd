import { HeadwaterError, messageOf } from "../../errors/index.js";
import type { Batch } from "../../sql/sink/database-sink-writer.js";
import { sinkInterrupted, sinkRefused } from "../../sql/sink/sql-sink-error.js";
import { sqlStateOf } from "./postgres-error.js";

/** Classes and codes that say that the same may succeed in a moment. */
const TRANSIENT = /^(?:08|57P|40001|40P01|55P03|53300|57014|25P03)/;

/** Whether the same thing may succeed on a new connection. */
export function isTransient(error: unknown): boolean {
  if (error instanceof HeadwaterError) return error.retry !== "never";
  const state = sqlStateOf(error);
  if (state !== "") return TRANSIENT.test(state);
  // What pg says without a code of the server is about the connection; the rest would be our mistake.
  return error instanceof Error && !(error instanceof TypeError || error instanceof RangeError);
}

/** What pg's error of the server says beyond its text. */
interface ServerError {
  /** Where in the server's source it comes from. */
  readonly routine?: string;
  readonly constraint?: string;
  readonly column?: string;
  readonly where?: string;
}

/** The condition behind a code, in words: the server's text may show a value. */
const CONDITIONS: Readonly<Record<string, string>> = {
  "22001": "a text is too long for its column",
  "22003": "a number is out of its column's range",
  "22007": "a date or time cannot be read",
  "22008": "a date or time is out of range",
  "22P02": "a text cannot be read as its column's type",
  "22P05": "a character has no place in the database's encoding",
  "23502": "NULL in a column that takes none",
  "23503": "a foreign key that is not there",
  "23505": "a unique key that is there already",
  "23514": "a check constraint does not hold",
  "23P01": "an exclusion constraint does not hold",
  "44000": "the check option of a view does not hold",
};

/** Whether the server refused a row for what is in it. */
export function isRowRefused(error: unknown): boolean {
  const state = sqlStateOf(error);
  return /^(?:2[23]|44)/.test(state) || (isRaised(error) && !TRANSIENT.test(state));
}

/** Whether it is a RAISE of PL/pgSQL, with a text, and maybe a code, of the user's own. */
function isRaised(error: unknown): boolean {
  return (error as ServerError | null)?.routine === "exec_stmt_raise";
}

/** The row that COPY was at, counted from 0. */
export function copyRow(error: unknown): number | undefined {
  const line = /^COPY .*?, line (\d+)/m.exec((error as ServerError).where ?? "")?.[1];
  return line === undefined ? undefined : Number(line) - 1;
}

/** SINK_FAILED for a row that the server refused: table, key, constraint, and no value beside the key. */
export function rowRefused(
  owner: string,
  error: unknown,
  row: number | undefined,
  batch: Batch<unknown>,
): HeadwaterError {
  const state = sqlStateOf(error);
  const { constraint, column, where = "" } = error as ServerError;
  const inColumn = column ?? /^COPY .*?, line \d+, column ([^:]+)/m.exec(where)?.[1];
  const what = isRaised(error)
    ? "a trigger or function refused it"
    : (CONDITIONS[state] ?? "a value or constraint");
  const which =
    row === undefined || row >= batch.rows.length
      ? `one of ${batch.rows.length} rows, from row ${batch.describe(0)} on`
      : `row ${batch.describe(row)}`;
  const details = [
    `SQLSTATE ${state}`,
    ...(constraint === undefined ? [] : [`constraint ${constraint}`]),
    ...(inColumn === undefined ? [] : [`column ${inColumn}`]),
  ];
  return sinkRefused(
    owner,
    `cannot write ${which}: ${what} (${details.join(", ")})`,
    "Leave such records out or mend them before the sink, or change the table; then start again from the last checkpoint.",
  );
}

const SAYS_IT_ALL: ReadonlySet<string> = new Set(["SINK_FAILED", "DRIVER_MISSING"]);

/** SINK_FAILED for what the server or the connection said to a statement. */
export function statementFailed(owner: string, doing: string, error: unknown): HeadwaterError {
  if (error instanceof HeadwaterError && SAYS_IT_ALL.has(error.code)) return error;
  if (isTransient(error)) return sinkInterrupted(owner, `cannot ${doing}`, error);
  const state = sqlStateOf(error);
  const says = messageOf(error);
  return sinkRefused(
    owner,
    `cannot ${doing}: ${says}${state === "" ? "" : ` (SQLSTATE ${state})`}`,
    HINTS[state] ?? "Check the sink's options, the table and the user's rights.",
  );
}

const HINTS: Readonly<Record<string, string>> = {
  "42501": "Give the user the right to write to the table.",
  "42P10": "An upsert needs a unique constraint or index on exactly the columns of key.",
  "53200":
    "When it says that the maximum of prepared transactions is reached: raise max_prepared_transactions to twice the subtasks or more, and restart the server.",
};
