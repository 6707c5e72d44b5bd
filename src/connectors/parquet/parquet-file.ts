import { type FileHandle, open } from "node:fs/promises";
import type { FileMetaData, SchemaTree } from "hyparquet";
import { HeadwaterError, optionInvalid } from "../../errors/index.js";
import { fileCorrupt, fileUnreadable } from "./file-errors.js";
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
  readonly fileSize: number;
  readonly metadata: FileMetaData;
  readonly schema: SchemaTree;
  /** First row of each row group, and the number of rows at the end. */
  readonly rowStarts: readonly number[];
}

/**
 * Opens the file for as long as `use` runs. Throws FILE_NOT_FOUND when it cannot be opened; other
 * errors of the operating system inside `use` become FILE_NOT_FOUND too.
 */
export async function withFile<R>(
  path: string,
  use: (handle: FileHandle, fileSize: number) => Promise<R>,
): Promise<R> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stat = await handle.stat();
    if (stat.isDirectory()) throw fileUnreadable(path, { code: "EISDIR" });
    return await use(handle, stat.size);
  } catch (error) {
    if (error instanceof HeadwaterError) throw error;
    // What has a system call behind it comes from the operating system.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw fileUnreadable(path, error);
  } finally {
    await handle?.close();
  }
}

/** Reads and checks the footer; throws FILE_CORRUPT when the file is no whole Parquet file. */
export async function readFooter(
  driver: ParquetDriver,
  handle: FileHandle,
  path: string,
  fileSize: number,
): Promise<ParquetFooter> {
  const bytes = await readFooterBytes(handle, path, fileSize);
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
  return { fileSize, metadata, schema, rowStarts: countRows(path, metadata) };
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

async function readFooterBytes(
  handle: FileHandle,
  path: string,
  fileSize: number,
): Promise<Uint8Array> {
  if (fileSize === 0) throw fileCorrupt({ path }, "it is empty");
  if (fileSize < SMALLEST_FILE) {
    throw fileCorrupt({ path }, `it has ${fileSize} bytes, too few for a Parquet file`);
  }
  const head = await readBytes(handle, 0, 4);
  const tail = await readBytes(handle, fileSize - 8, fileSize);
  if (head === undefined || tail === undefined) throw fileCorrupt({ path }, "it shrank while read");
  const first = new DataView(head.buffer).getUint32(0, true);
  const last = new DataView(tail.buffer).getUint32(4, true);
  if (last === ENCRYPTED_MAGIC) {
    throw fileCorrupt({ path }, "its footer is encrypted, which is not supported");
  }
  if (first !== MAGIC) throw fileCorrupt({ path }, 'it is no Parquet file: "PAR1" is not in front');
  if (last !== MAGIC) throw fileCorrupt({ path }, 'it is cut short: it does not end with "PAR1"');
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > fileSize - SMALLEST_FILE) {
    throw fileCorrupt({ path }, `its footer claims ${length} of the file's ${fileSize} bytes`);
  }
  const footer = await readBytes(handle, fileSize - 8 - length, fileSize);
  if (footer === undefined) throw fileCorrupt({ path }, "it shrank while read");
  return footer;
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

/** The columns of the schema that hold values: the tree itself, or those below it. */
export function leavesOf(tree: SchemaTree): readonly SchemaTree[] {
  return tree.children.length === 0 ? [tree] : tree.children.flatMap(leavesOf);
}
