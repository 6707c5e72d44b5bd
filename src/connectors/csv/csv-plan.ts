import { optionInvalid } from "../../errors/index.js";
import { type ColumnPlan, type CsvColumns, plannedColumn } from "./csv-columns.js";
import { headerUnusable } from "./csv-errors.js";

/** Columns by the order in which they are named. */
export function planByPosition(columns: CsvColumns, nullValue: string | undefined): ColumnPlan {
  const planned = Object.entries(columns).map(([name, column], i) =>
    plannedColumn(name, i, column),
  );
  return { width: planned.length, columns: planned, nullValue };
}

/**
 * Columns by the header's names; without `columns`, all of them as text. Throws OPTION_INVALID for a
 * column that the file does not have, and FILE_CORRUPT for a name that is there twice.
 */
export function planByName(
  path: string,
  header: readonly string[] | undefined,
  columns: CsvColumns | undefined,
  nullValue: string | undefined,
): ColumnPlan {
  if (header === undefined) return { width: 0, columns: [], nullValue };
  const indexes = new Map<string, number>();
  const repeated = new Set<string>();
  for (const [index, name] of header.entries()) {
    if (indexes.has(name)) repeated.add(name);
    indexes.set(name, index);
  }
  const wanted = columns ?? Object.fromEntries(header.map((name) => [name, "string" as const]));
  const planned = Object.entries(wanted).map(([name, column]) => {
    const index = indexes.get(name);
    if (index === undefined) {
      const names = shorten(header.map((field) => JSON.stringify(field)).join(", "));
      throw optionInvalid(
        "csvSource.columns",
        name,
        `names from the header of ${path}, which is ${names}`,
      );
    }
    if (repeated.has(name)) {
      throw headerUnusable(
        path,
        `its header has the column ${JSON.stringify(name)} more than once`,
      );
    }
    return plannedColumn(name, index, column);
  });
  return { width: header.length, columns: planned, nullValue };
}

function shorten(text: string): string {
  return text.length > 1000 ? `${text.slice(0, 997)}...` : text;
}
