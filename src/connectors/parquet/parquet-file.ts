import type { FileMetaData, SchemaTree } from "hyparquet";
import { HeadwaterError, optionInvalid } from "../../errors/index.js";
import { DiskFile, type FileIdentity, type FileMetrics, type OpenFile } from "../../files/index.js";
import { fileCorrupt } from "./file-errors.js";
import type { ParsedParquetOptions } from "./options.js";
import { readBytes } from "./parquet-bytes.js";
import type { ParquetDriver } from "./parquet-driver.js";

/** "PAR1" as a little-endian number: at both ends of every Parquet file. */
const MAGIC = 0x31524150;
/** "PARE": the footer is encrypted. */
const ENCRYPTED_MAGIC = 0x45524150;
/** Leading magic, length of the footer, trailing magic. */
const SMALLEST_FILE = 12;

/** The footer of a Parquet file: what it holds and where. */
export interface ParquetFooter {
  readonly metadata: FileMetaData;
  readonly schema: SchemaTree;
  /** First row of each row group, and the number of rows at the end. */
  readonly rowStarts: readonly number[];
}

/**
 * Opens the file for as long as `use` runs. Throws FILE_NOT_FOUND when it cannot be read, and
 * FILE_CHANGED when it is not, before and after, as it was found, whatever came of `use`.
 */
export async function withFile<R>(
  found: FileIdentity,
  options: ParsedParquetOptions,
  metrics: FileMetrics | undefined,
  use: (file: OpenFile) => Promise<R>,
): Promise<R> {
  const file = await DiskFile.open(found, options.files, metrics);
  try {
    try {
      return await use(file);
    } finally {
      await file.check();
    }
  } finally {
    await file.close();
  }
}

/** Reads and checks the footer; throws FILE_CORRUPT when the file is no whole Parquet file. */
export async function readFooter(driver: ParquetDriver, file: OpenFile): Promise<ParquetFooter> {
  const { path } = file;
  const bytes = await readFooterBytes(file);
  let metadata: FileMetaData;
  let schema: SchemaTree;
  try {
    // With GeoParquet's columns the driver goes round for ever on a negative number of children.
    metadata = driver.parquetMetadata(bytes, { geoparquet: false });
    checkChildren(path, metadata);
    const isGeo = metadata.key_value_metadata?.some(({ key }) => key === "geo");
    if (isGeo) metadata = driver.parquetMetadata(bytes);
    annotateEnums(metadata);
    schema = driver.parquetSchema(metadata);
  } catch (cause) {
    if (cause instanceof HeadwaterError) throw cause;
    throw fileCorrupt({ path }, "its footer cannot be parsed", cause);
  }
  checkColumns(path, metadata, schema);
  return { metadata, schema, rowStarts: countRows(path, metadata) };
}

function checkChildren(path: string, { schema }: FileMetaData): void {
  for (const { name, num_children: children = 0 } of schema) {
    if (children >= 0 && children < schema.length) continue;
    throw fileCorrupt({ path }, `its schema says that ${name} has ${children} children`);
  }
}

/** An ENUM is text; the driver knows only UTF8 as such. */
function annotateEnums({ schema }: FileMetaData): void {
  for (const element of schema) {
    if (element.converted_type === "ENUM" || element.logical_type?.type === "ENUM") {
      element.converted_type = "UTF8";
    }
  }
}

/** A damaged count must not make columns disappear. */
function checkColumns(path: string, metadata: FileMetaData, schema: SchemaTree): void {
  if (schema.count !== metadata.schema.length) {
    throw fileCorrupt(
      { path },
      `its schema uses ${schema.count} of the ${metadata.schema.length} elements in the footer`,
    );
  }
  const leaves = metadata.schema.filter((element) => element.type !== undefined).length;
  for (const [rowGroup, group] of metadata.row_groups.entries()) {
    if (group.columns.length === leaves) continue;
    throw fileCorrupt(
      { path, rowGroup },
      `it has ${group.columns.length} columns and the schema ${leaves}`,
    );
  }
}

async function readFooterBytes(file: OpenFile): Promise<Uint8Array> {
  const { path, size } = file;
  if (size === 0) throw fileCorrupt({ path }, "it is empty");
  if (size < SMALLEST_FILE) {
    throw fileCorrupt({ path }, `it has ${size} bytes, too few for a Parquet file`);
  }
  const head = await readBytes(file, 0, 4);
  const tail = await readBytes(file, size - 8, size);
  const first = new DataView(head.buffer).getUint32(0, true);
  const last = new DataView(tail.buffer).getUint32(4, true);
  if (last === ENCRYPTED_MAGIC) {
    throw fileCorrupt({ path }, "its footer is encrypted, which is not supported");
  }
  if (first !== MAGIC) throw fileCorrupt({ path }, 'it is no Parquet file: "PAR1" is not in front');
  if (last !== MAGIC) throw fileCorrupt({ path }, 'it is cut short: it does not end with "PAR1"');
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > size - SMALLEST_FILE) {
    throw fileCorrupt({ path }, `its footer claims ${length} of the file's ${size} bytes`);
  }
  return readBytes(file, size - 8 - length, size);
}

function countRows(path: string, metadata: FileMetaData): readonly number[] {
  const rowStarts = [0];
  let rows = 0;
  for (const [rowGroup, group] of metadata.row_groups.entries()) {
    const groupRows = Number(group.num_rows);
    if (!Number.isSafeInteger(groupRows) || groupRows < 0) {
      throw fileCorrupt({ path, rowGroup }, `it claims ${group.num_rows} rows`);
    }
    rows += groupRows;
    rowStarts.push(rows);
  }
  // Old writers leave the sum at 0.
  if (metadata.num_rows !== 0n && metadata.num_rows !== BigInt(rows)) {
    throw fileCorrupt(
      { path },
      `its footer claims ${metadata.num_rows} rows and its row groups hold ${rows}`,
    );
  }
  return rowStarts;
}

/** The top-level columns to read, in the file's order; throws OPTION_INVALID for one it does not have. */
export function selectColumns(
  path: string,
  footer: ParquetFooter,
  columns: readonly string[] | undefined,
): readonly SchemaTree[] {
  const all = footer.schema.children;
  if (columns === undefined) return all;
  for (const column of columns) {
    if (!all.some((child) => child.element.name === column)) {
      const names = all.map((child) => child.element.name).join(", ");
      throw optionInvalid("parquetSource.columns", column, `one of ${path}'s columns (${names})`);
    }
  }
  return all.filter((child) => columns.includes(child.element.name));
}

/** The columns that hold values, the tree itself or those below it: of each the way to it. */
export function pathsOf(
  tree: SchemaTree,
  above: readonly SchemaTree[],
): readonly (readonly SchemaTree[])[] {
  const path = [...above, tree];
  return tree.children.length === 0 ? [path] : tree.children.flatMap((one) => pathsOf(one, path));
}
