import type { ColumnChunk, CompressionCodec, SchemaElement } from "hyparquet";
import type { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { BulkEncoder } from "../../files/sink/bulk-encoder.js";
import { type RecordBatch, RecordRefused } from "../../files/sink/record-encoder.js";
import { type SinkColumn, toStored } from "./parquet-sink-columns.js";
import type { ParquetSinkCodec, ParquetSinkDriver } from "./parquet-sink-driver.js";

/** What a file is made of. */
export interface ParquetEncoderOptions {
  readonly columns: readonly SinkColumn[];
  readonly codec: ParquetSinkCodec;
  /** Rows of a row group at most. */
  readonly rowGroupSize: number;
  /** Estimated bytes of a row group's values before it ends. */
  readonly rowGroupBytes: number;
}

/** The footer is in memory until the file ends, and is written in one go. */
const MAX_ROW_GROUPS = 1000;

/** What a value takes beside its text or bytes. */
const VALUE_BYTES = 8;

/** A column's values of the row group that is being gathered. */
interface ColumnBuffer {
  readonly column: SinkColumn;
  /** Writes the pages of this column alone. */
  readonly writer: ParquetWriter;
  values: unknown[];
}

/**
 * The bytes of one Parquet file, a row group at a time.
 *
 * Owns: the values of one row group, and the footer so far. Called by: a file sink's writer.
 * Invariants: all columns hold equally many values; a row group is encoded a column at a time, so
 * that no more than one column's bytes wait to be written, and the event loop has its turn between two.
 */
export class ParquetEncoder<T extends object> implements BulkEncoder<T> {
  readonly #options: ParquetEncoderOptions;
  readonly #buffers: readonly ColumnBuffer[];
  readonly #names: ReadonlySet<string>;
  /** The bytes that nobody has yet. */
  readonly #out: ByteWriter;
  readonly #file: ParquetWriter;
  /** One record's values, before they are taken. */
  readonly #row: unknown[];
  #rows = 0;
  #bytes = 0;

  constructor(
    { ParquetWriter, ByteWriter, compress }: ParquetSinkDriver,
    options: ParquetEncoderOptions,
  ) {
    const { columns } = options;
    const codec = options.codec.toUpperCase() as CompressionCodec;
    const compressors = compress === undefined ? {} : { [codec]: compress };
    this.#options = options;
    this.#names = new Set(columns.map(({ name }) => name));
    this.#row = new Array(columns.length);
    this.#out = new ByteWriter();
    const schema = schemaOf(columns, ({ kind }) => kind.element);
    this.#file = new ParquetWriter({ writer: this.#out, schema, createdBy: "headwater" });
    this.#buffers = columns.map((column) => {
      const ownSchema = schemaOf([column], ({ kind }) => kind.pages ?? kind.element);
      // Each begins with a file's first bytes, which are there already.
      const writer = new ParquetWriter({
        writer: new ByteWriter(),
        schema: ownSchema,
        codec,
        compressors,
        statistics: column.kind.hasStatistics,
      });
      writer.writer = this.#out;
      return { column, writer, values: [] };
    });
  }

  get isFull(): boolean {
    const { rowGroupSize, rowGroupBytes } = this.#options;
    return this.#rows >= rowGroupSize || this.#bytes >= rowGroupBytes;
  }

  get isAtLimit(): boolean {
    return this.#file.row_groups.length >= MAX_ROW_GROUPS;
  }

  add(batch: RecordBatch<T>): void {
    const { records } = batch;
    while (batch.next < records.length && !this.isFull) {
      this.#take(records[batch.next] as T);
      batch.next++;
    }
  }

  *drain(): Generator<Uint8Array> {
    if (this.#rows === 0) return;
    const rows = this.#rows;
    const start = this.#out.offset;
    const columns: ColumnChunk[] = [];
    let uncompressed = 0n;
    for (const buffer of this.#buffers) {
      const chunk = this.#writeChunk(buffer, rows);
      columns.push(chunk);
      uncompressed += chunk.meta_data?.total_uncompressed_size ?? 0n;
      yield this.#written();
    }
    this.#file.row_groups.push({
      columns,
      total_byte_size: uncompressed,
      num_rows: BigInt(rows),
      total_compressed_size: BigInt(this.#out.offset - start),
    });
    this.#file.num_rows += BigInt(rows);
    this.#rows = 0;
    this.#bytes = 0;
  }

  *finish(): Generator<Uint8Array> {
    yield* this.drain();
    this.#file.finish();
    yield this.#written();
  }

  #take(record: T): void {
    if (typeof record !== "object" || record === null) {
      throw new RecordRefused("it is no object", "Turn records into objects with map before it.");
    }
    const buffers = this.#buffers;
    const row = this.#row;
    let [own, bytes] = [0, buffers.length * VALUE_BYTES];
    for (let i = 0; i < buffers.length; i++) {
      const { column } = buffers[i] as ColumnBuffer;
      const { name } = column;
      const isOwn = Object.hasOwn(record, name);
      if (isOwn) own++;
      const value = toStored(column, isOwn ? record[name as keyof T] : undefined);
      if (typeof value === "string" || value instanceof Uint8Array) bytes += value.length;
      row[i] = value;
    }
    if (Object.keys(record).length > own) this.#refuseUnknown(record);
    for (let i = 0; i < buffers.length; i++) (buffers[i] as ColumnBuffer).values.push(row[i]);
    this.#rows++;
    this.#bytes += bytes;
  }

  #refuseUnknown(record: object): void {
    const unknown = Object.keys(record).find((name) => !this.#names.has(name));
    if (unknown === undefined) return;
    throw new RecordRefused(
      `it has a property ${JSON.stringify(unknown)} that is no column`,
      "Name it in the sink's columns, or take it out with map before the sink.",
    );
  }

  #writeChunk(buffer: ColumnBuffer, rows: number): ColumnChunk {
    const { column, writer, values } = buffer;
    buffer.values = [];
    writer.write({ columnData: [{ name: column.name, data: values }], rowGroupSize: rows });
    const chunk = writer.row_groups.pop()?.columns[0] as ColumnChunk;
    this.#file.pendingIndexes.push(...writer.pendingIndexes.splice(0));
    return chunk;
  }

  /** What has been written since the last call. */
  #written(): Uint8Array {
    const bytes = this.#out.getBytes();
    this.#out.index = 0;
    return bytes;
  }
}

function schemaOf(
  columns: readonly SinkColumn[],
  elementOf: (column: SinkColumn) => Omit<SchemaElement, "name">,
): SchemaElement[] {
  return [
    { name: "root", num_children: columns.length },
    ...columns.map(
      (column): SchemaElement => ({
        ...elementOf(column),
        name: column.name,
        repetition_type: column.nullable ? "OPTIONAL" : "REQUIRED",
      }),
    ),
  ];
}
