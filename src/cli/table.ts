import { printable } from "../errors/printable.js";

/** Rows in columns as wide as their widest cell, the first row as a heading; cells are made printable. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map(printable));
  const widths = (cells[0] ?? []).map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, (row[column] ?? "").length), 0),
  );
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** JSON for programs; infinite watermarks are the texts "Infinity" and "-Infinity". */
export function jsonText(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, one: unknown) => (typeof one === "number" && !Number.isFinite(one) ? String(one) : one),
    2,
  );
}
