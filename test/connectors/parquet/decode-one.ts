import { parseParquetOptions } from "../../../src/connectors/parquet/options.js";
import { discoverSplits } from "../../../src/connectors/parquet/parquet-discovery.js";
import { loadParquetDriver } from "../../../src/connectors/parquet/parquet-driver.js";
import { readFooter, withFile } from "../../../src/connectors/parquet/parquet-file.js";
import type { ParquetSplit } from "../../../src/connectors/parquet/parquet-split.js";
import { decodeRowGroup } from "../../../src/connectors/parquet/row-group.js";

const { signal } = new AbortController();

export function splits(path: string): Promise<readonly ParquetSplit[]> {
  return discoverSplits(parseParquetOptions({ path }), signal);
}

/** Decodes one row group and says its rows. */
export async function decode(path: string, rowGroup: number): Promise<number> {
  const driver = await loadParquetDriver();
  return withFile(path, async (handle, fileSize) => {
    const footer = await readFooter(driver, handle, path, fileSize);
    const source = { driver, handle, path, footer, rowGroup };
    const group = await decodeRowGroup(source, parseParquetOptions({ path }), signal);
    for (const { length } of group.columns) {
      if (length !== group.rows) throw new Error(`${length} values for ${group.rows} rows`);
    }
    return group.rows;
  });
}
