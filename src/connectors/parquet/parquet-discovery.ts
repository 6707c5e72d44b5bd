import type { ParsedParquetOptions } from "./options.js";
import { loadParquetDriver } from "./parquet-driver.js";
import { readFooter, selectColumns, withFile } from "./parquet-file.js";
import type { ParquetSplit } from "./parquet-split.js";

/**
 * Reads the footers of all files and makes a split of each row group that has rows, in the order of
 * the paths. Throws FILE_NOT_FOUND, FILE_CORRUPT, DRIVER_MISSING, or OPTION_INVALID for a column that
 * a file does not have.
 */
export async function discoverSplits(
  options: ParsedParquetOptions,
  signal: AbortSignal,
): Promise<readonly ParquetSplit[]> {
  const driver = await loadParquetDriver();
  const splits: ParquetSplit[] = [];
  for (const path of options.paths) {
    signal.throwIfAborted();
    await withFile(path, async (handle, fileSize) => {
      const footer = await readFooter(driver, handle, path, fileSize);
      selectColumns(path, footer, options.columns);
      for (const rowGroup of footer.metadata.row_groups.keys()) {
        const rowStart = footer.rowStarts[rowGroup] as number;
        const rowEnd = footer.rowStarts[rowGroup + 1] as number;
        if (rowEnd === rowStart) continue;
        const splitId = `${path}#${rowGroup}`;
        splits.push({ splitId, path, fileSize, rowGroup, rowStart, rowEnd, position: 0 });
      }
    });
  }
  return splits;
}
