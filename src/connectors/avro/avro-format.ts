import type { FileFormat, FormatReader, OpenFile } from "../../files/file-format.js";
import type { FileSplit } from "../../files/file-split.js";
import { loadAvroDriver } from "./avro-driver.js";
import type { ParsedAvroOptions } from "./avro-options.js";
import { AvroReader } from "./avro-reader.js";

/** Avro object container files; a block belongs to the split in which it begins. */
export class AvroFormat<T> implements FileFormat<T> {
  readonly name = "Avro";
  readonly splittable = true;
  readonly #options: ParsedAvroOptions;

  constructor(options: ParsedAvroOptions) {
    this.#options = options;
  }

  async prepare(): Promise<void> {
    await loadAvroDriver();
  }

  async open(file: OpenFile, split: FileSplit): Promise<FormatReader<T>> {
    return AvroReader.open<T>(file, split, await loadAvroDriver(), this.#options);
  }
}
