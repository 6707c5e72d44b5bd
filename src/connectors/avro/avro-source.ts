import type { Source } from "../../api/source.js";
import { createFileSource, type FileEnumeratorState, type FileSplit } from "../../files/index.js";
import { AvroFormat } from "./avro-format.js";
import { type AvroSourceOptions, parseAvroOptions } from "./avro-options.js";

/**
 * A source of the records of Avro object container files, as plain objects; bounded unless the options
 * have a `discoveryInterval` (Flink `AvroInputFormat`).
 *
 * Throws OPTION_INVALID here. FILE_NOT_FOUND, FILE_CHANGED, FILE_CORRUPT, DRIVER_MISSING,
 * UNSUPPORTED_OPERATION for an unknown codec, and OPTION_INVALID for a reader schema that does not fit
 * a file's, fail the job when it runs.
 */
export function avroSource<T = Record<string, unknown>>(
  options: AvroSourceOptions,
): Source<T, FileSplit, FileEnumeratorState> {
  const parsed = parseAvroOptions(options);
  return createFileSource<T>({
    name: "Avro",
    option: "avroSource",
    options: parsed.files,
    format: new AvroFormat<T>(parsed),
  });
}
