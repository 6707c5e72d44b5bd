import { HeadwaterError } from "../../errors/index.js";
import type { SqlKey } from "./sql-table.js";

/** The wanted columns; throws OPTION_INVALID for those that are not there, or there twice. */
export function selectColumns(
  connector: string,
  name: string,
  present: readonly string[],
  wanted: readonly string[] | undefined,
): readonly string[] {
  for (const column of wanted ?? []) {
    if (!present.includes(column)) throw noSuchColumn(connector, name, column, present);
  }
  const columns = wanted ?? present;
  for (const column of columns) {
    if (present.indexOf(column) !== present.lastIndexOf(column)) {
      throw refused(
        `${connector}: ${name} has more than one column ${JSON.stringify(column)}`,
        "Give each column of the query a name of its own with AS.",
      );
    }
  }
  return columns;
}

/** The error for a column that is not there, with those that are. */
export function noSuchColumn(
  connector: string,
  name: string,
  column: string,
  present: readonly string[],
): HeadwaterError {
  return refused(
    `${connector}: ${name} has no column ${JSON.stringify(column)}`,
    `It has ${present.slice(0, 50).join(", ")}; upper and lower case differ.`,
  );
}

/** The error for a key that several rows may have. */
export function keyNotUnique(connector: string, name: string): HeadwaterError {
  return refused(
    `${connector}: no primary key or unique index says that the key of ${name} is unique`,
    "Rows with equal keys could be lost. Create a unique index, take a longer key, or, where you know that it is unique, set assumeUnique: true.",
  );
}

/** The error for rows without a key. */
export function keyIsNull(connector: string, name: string): HeadwaterError {
  return refused(
    `${connector}: ${name} has rows where the key is NULL, and these would not be read`,
    'Take another key, or leave these rows out with where: "… IS NOT NULL".',
  );
}

/** Throws READER_FAILED for a key with U+FFFD: it stands for bytes that are no text. */
export function checkKeyText(connector: string, name: string, key: SqlKey): SqlKey {
  if (!key.some((value) => value.includes("\uFFFD"))) return key;
  throw new HeadwaterError(
    "READER_FAILED",
    `${connector}: ${name} has a key that is not UTF-8, or holds U+FFFD: reading cannot go on behind it`,
    {
      domain: "external",
      retry: "never",
      scope: "job",
      hint: "Correct the row's key, or take another key.",
    },
  );
}

function refused(message: string, hint: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint,
  });
}
