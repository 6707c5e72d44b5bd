import type {
  AsyncBuffer,
  ColumnMetaData,
  Compressors,
  DecodedArray,
  FileMetaData,
  SchemaTree,
} from "hyparquet";
import { HeadwaterError, messageOf } from "../../errors/index.js";
import type { OpenFile } from "../../files/index.js";
import { BadRows } from "./bad-rows.js";
import { ColumnPages } from "./column-pages.js";
import { fileCorrupt, type ParquetPlace } from "./file-errors.js";
import type { ParsedParquetOptions } from "./options.js";
import { toAsyncBuffer } from "./parquet-bytes.js";
import type { ParquetDriver } from "./parquet-driver.js";
import { type ParquetFooter, pathsOf, selectColumns } from "./parquet-file.js";
import { int64ToNumbers, timestampParsers } from "./record-values.js";

/** Which row group to decode, of which open file. */
export interface RowGroupSource {
  readonly driver: ParquetDriver;
  readonly file: OpenFile;
  readonly footer: ParquetFooter;
  readonly rowGroup: number;
  /** Rows of the file that it holds, as the footer says. */
  readonly rowStart: number;
  readonly rowEnd: number;
}

/** A row group's columns, in the order of the schema: column i is called `names[i]`. */
export interface DecodedRowGroup {
  readonly rows: number;
  readonly names: readonly string[];
  /** The values of each column, one a row. */
  readonly columns: readonly ArrayLike<unknown>[];
  /** Undefined when there is none. */
  readonly badRows: BadRows | undefined;
}

/**
 * Decodes the wanted columns of a row group.
 *
 * Each column is read on its own, so that errors can name it and the event loop has its turn between
 * two. Throws FILE_CORRUPT naming file, row group and column, only when the column's bytes are to
 * blame; FILE_CHANGED, FILE_NOT_FOUND and OPTION_INVALID; stops with an AbortError when the signal is
 * aborted.
 */
export async function decodeRowGroup(
  source: RowGroupSource,
  options: ParsedParquetOptions,
  signal: AbortSignal,
): Promise<DecodedRowGroup> {
  const { file, footer, rowGroup, rowStart, rowEnd } = source;
  const { path } = file;
  const rows = rowEnd - rowStart;
  const names: string[] = [];
  const columns: ArrayLike<unknown>[] = [];
  const badRows = new BadRows({ path, rowGroup, rowStart });
  for (const column of selectColumns(path, footer, options.columns)) {
    signal.throwIfAborted();
    const name = column.element.name;
    try {
      const leaves = checkChunks(source, column, rows);
      const chunks = await readColumn(source, options, name, leaves);
      const values = toRecordValues(column, chunks, rows);
      names.push(name);
      columns.push(
        options.int64 === "number"
          ? int64ToNumbers(values, (row, value) => badRows.add(row, name, value))
          : values,
      );
    } catch (error) {
      throw corrupt({ path, rowGroup, column: name }, error);
    }
  }
  return { rows, names, columns, badRows: badRows.size === 0 ? undefined : badRows };
}

/** A column that holds values: the one that is read, or one below it. */
interface Leaf {
  readonly meta: ColumnMetaData;
  /** From the schema's root to the column. */
  readonly path: readonly SchemaTree[];
  readonly isFlat: boolean;
}

/** Refuses what the footer says of the column's chunks when it contradicts the schema. */
function checkChunks(
  { footer, rowGroup }: RowGroupSource,
  column: SchemaTree,
  rows: number,
): readonly Leaf[] {
  const chunks = footer.metadata.row_groups[rowGroup]?.columns ?? [];
  return pathsOf(column, [footer.schema]).map((path) => {
    const leaf = path.at(-1) as SchemaTree;
    const name = leaf.path.join(".");
    const meta = chunks.find((c) => c.meta_data?.path_in_schema.join(".") === name)?.meta_data;
    if (meta === undefined) throw new Error(`the footer does not list ${name}`);
    const { type, repetition_type: repetition } = leaf.element;
    if (meta.type !== type) throw new Error(`it is ${meta.type} and the schema says ${type}`);
    const isFlat = leaf === column && repetition !== "REPEATED";
    if (isFlat && meta.num_values !== BigInt(rows)) {
      throw new Error(`the footer says ${meta.num_values} values and ${rows} rows`);
    }
    return { meta, path, isFlat };
  });
}

/** The column's values of the rows as hyparquet decodes and assembles them: in one array or several. */
async function readColumn(
  source: RowGroupSource,
  options: ParsedParquetOptions,
  name: string,
  leaves: readonly Leaf[],
): Promise<readonly DecodedArray[]> {
  const { driver, rowStart, rowEnd } = source;
  const chunks: DecodedArray[] = [];
  await driver.parquetRead({
    ...(await checkPages(source, leaves)),
    columns: [name],
    rowStart,
    rowEnd,
    parsers: timestampParsers(options.timestamps),
    // Bytes without the annotation that they are text stay bytes: decoding would lose some.
    utf8: false,
    onChunk: ({ columnData }) => {
      chunks.push(columnData);
    },
  });
  return chunks;
}

/**
 * Checks the column's pages as far as they are not compressed, and gives hyparquet a compressor for
 * each chunk that checks the others: by that name its codec goes in the metadata.
 */
async function checkPages(
  { driver, file, footer, rowGroup }: RowGroupSource,
  leaves: readonly Leaf[],
): Promise<{ file: AsyncBuffer; metadata: FileMetaData; compressors: Compressors }> {
  const buffer = toAsyncBuffer(file);
  const read = new Map<string, ArrayBuffer>();
  const compressors: Record<string, Decompress> = {};
  const codecs = new Map<ColumnMetaData, string>();
  for (const [i, { meta, path, isFlat }] of leaves.entries()) {
    const start = meta.dictionary_page_offset || meta.data_page_offset;
    const end = start + meta.total_compressed_size;
    const chunk = await buffer.slice(Number(start), Number(end));
    read.set(`${start}-${end}`, chunk);
    const pages = new ColumnPages(meta, path);
    pages.check(new Uint8Array(chunk), isFlat);
    const decompress = driver.compressors[meta.codec];
    if (meta.codec === "UNCOMPRESSED" || decompress === undefined) continue;
    codecs.set(meta, String(i));
    compressors[i] = (input, length) => {
      const output = decompress(input, length);
      pages.decompressed(output);
      return output;
    };
  }
  return {
    file: {
      byteLength: buffer.byteLength,
      // Chunks that lie side by side are read again in one piece.
      slice: (start, end) => read.get(`${start}-${end}`) ?? buffer.slice(start, end),
    },
    metadata: withCodecs(footer.metadata, rowGroup, codecs),
    compressors,
  };
}

type Decompress = (input: Uint8Array, length: number) => Uint8Array;

function withCodecs(
  metadata: FileMetaData,
  rowGroup: number,
  codecs: ReadonlyMap<ColumnMetaData, string>,
): FileMetaData {
  const groups = metadata.row_groups.map((group, i) => {
    if (i !== rowGroup) return group;
    const columns = group.columns.map((column) => {
      const { meta_data: meta } = column;
      const codec = meta && (codecs.get(meta) as ColumnMetaData["codec"] | undefined);
      return codec === undefined ? column : { ...column, meta_data: { ...meta, codec } };
    });
    return { ...group, columns };
  });
  return { ...metadata, row_groups: groups as FileMetaData["row_groups"] };
}

/** Joins the arrays, and makes of what hyparquet gives for a missing value what records hold. */
function toRecordValues(
  { element, children }: SchemaTree,
  chunks: readonly DecodedArray[],
  rows: number,
): DecodedArray {
  const count = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (count !== rows) throw new Error(`it has ${count} values for ${rows} rows`);
  const [first] = chunks;
  const values = chunks.length === 1 && first !== undefined ? first : join(chunks, rows);
  if (!Array.isArray(values)) return values;
  // A repeated column without entries is an empty list.
  if (element.repetition_type === "REPEATED") return values.map((value) => value ?? []);
  if (!values.includes(undefined)) return values;
  if (children.length === 0) throw new Error("a value lies outside of its dictionary");
  return values.map((value) => value ?? null);
}

function join(chunks: readonly DecodedArray[], rows: number): unknown[] {
  const values = new Array<unknown>(rows);
  let next = 0;
  for (const chunk of chunks) {
    for (let i = 0; i < chunk.length; i++) values[next++] = chunk[i];
  }
  return values;
}

/** What the bytes brought about, as FILE_CORRUPT; errors of reading the file and of closing stay. */
function corrupt(place: ParquetPlace, error: unknown): unknown {
  if (error instanceof HeadwaterError) return error;
  const { syscall, name } = error as NodeJS.ErrnoException;
  if (syscall !== undefined || name === "AbortError") return error;
  const reason = messageOf(error);
  return fileCorrupt(place, `its pages cannot be decoded: ${reason}`, error);
}
