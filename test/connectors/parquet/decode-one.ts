import { statSync } from "node:fs";
import { parseParquetOptions } from "../../../src/connectors/parquet/options.js";
import { loadParquetDriver } from "../../../src/connectors/parquet/parquet-driver.js";
import { readFooter, withFile } from "../../../src/connectors/parquet/parquet-file.js";
import type { ParquetSplit } from "../../../src/connectors/parquet/parquet-split.js";
import { parquetSplitsOf } from "../../../src/connectors/parquet/parquet-splits.js";
import { decodeRowGroup } from "../../../src/connectors/parquet/row-group.js";

const { signal } = new AbortController();

export function splits(path: string): Promise<readonly ParquetSplit[]> {
  const { size, mtimeMs: modified } = statSync(path);
  return parquetSplitsOf({ path, size, modified }, parseParquetOptions({ path }));
}

/** Decodes one row group and says its rows. */
export async function decode(split: ParquetSplit): Promise<number> {
  const driver = await loadParquetDriver();
  const options = parseParquetOptions({ path: split.path });
  return withFile(split, options, undefined, async (file) => {
    const footer = await readFooter(driver, file);
    const group = await decodeRowGroup({ driver, file, footer, ...split }, options, signal);
    for (const { length } of group.columns) {
      if (length !== group.rows) throw new Error(`${length} values for ${group.rows} rows`);
    }
    return group.rows;
  });
}
