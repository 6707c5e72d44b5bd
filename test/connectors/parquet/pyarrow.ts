import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VENV = fileURLToPath(new URL("../../../node_modules/.cache/pyarrow-venv", import.meta.url));
const PYTHON = join(VENV, "bin/python");

/** All rows of a file, and what its schema says: dates in milliseconds, bytes in hexadecimal. */
const SCRIPT = `
import json, sys, datetime, pyarrow.parquet as pq
file = pq.ParquetFile(sys.argv[1])
def plain(v):
    if isinstance(v, datetime.datetime): return round(v.timestamp() * 1000)
    if isinstance(v, bytes): return v.hex()
    return v
rows = [{k: plain(v) for k, v in row.items()} for row in file.read().to_pylist()]
schema = {f.name: [str(f.type), f.nullable] for f in file.schema_arrow}
groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
codecs = sorted({file.metadata.row_group(g).column(c).compression for g in range(len(groups)) for c in range(file.metadata.num_columns)})
print(json.dumps({"rows": rows, "schema": schema, "groups": groups, "codecs": codecs}))
`;

export interface ArrowFile {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** By column: Arrow's type, and whether it may be null. */
  readonly schema: Readonly<Record<string, readonly [string, boolean]>>;
  /** Rows of each row group. */
  readonly groups: readonly number[];
  readonly codecs: readonly string[];
}

/** Why pyarrow cannot be used; undefined when it can. It is installed beside the packages once. */
export function pyarrowMissing(): string | undefined {
  if (hasPyarrow()) return undefined;
  rmSync(VENV, { recursive: true, force: true });
  const made = spawnSync("python3", ["-m", "venv", VENV], { encoding: "utf8" });
  if (made.status !== 0) return "python3 with venv is needed";
  const args = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "pyarrow"];
  spawnSync(PYTHON, args, { encoding: "utf8", timeout: 120_000 });
  return hasPyarrow() ? undefined : "pip cannot install pyarrow";
}

export function readWithPyarrow(path: string): ArrowFile {
  const { status, stdout, stderr } = spawnSync(PYTHON, ["-c", SCRIPT, path], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`pyarrow cannot read ${path}: ${stderr}`);
  return JSON.parse(stdout) as ArrowFile;
}

function hasPyarrow(): boolean {
  return existsSync(PYTHON) && spawnSync(PYTHON, ["-c", "import pyarrow.parquet"]).status === 0;
}
