import type { FoundFile } from "../../files/index.js";
import type { ParsedParquetOptions } from "./options.js";
import { loadParquetDriver } from "./parquet-driver.js";
import { readFooter, selectColumns, withFile } from "./parquet-file.js";
import type { ParquetSplit } from "./parquet-split.js";

/**
 * Reads a file's footer and makes a split of each row group that has rows. Throws FILE_NOT_FOUND,
 * FILE_CHANGED, FILE_CORRUPT, DRIVER_MISSING, or OPTION_INVALID for a column that the file does not
 * have.
 */
export async function parquetSplitsOf(
  { path, size: fileSize, modified }: FoundFile,
  options: ParsedParquetOptions,
): Promise<readonly ParquetSplit[]> {
  const driver = await loadParquetDriver();
  const found = { path, fileSize, modified };
  return withFile(found, options, undefined, async (file) => {
    const footer = await readFooter(driver, file);
    selectColumns(path, footer, options.columns);
    const splits: ParquetSplit[] = [];
    for (const rowGroup of footer.metadata.row_groups.keys()) {
      const rowStart = footer.rowStarts[rowGroup] as number;
      const rowEnd = footer.rowStarts[rowGroup + 1] as number;
      if (rowEnd === rowStart) continue;
      const splitId = `${path}#${rowGroup}`;
      splits.push({ splitId, ...found, rowGroup, rowStart, rowEnd, position: 0 });
    }
    return splits;
  });
}
