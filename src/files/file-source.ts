import type { Source } from "../api/source.js";
import { fileEnumeration } from "./file-enumeration.js";
import { type FileEnumeratorState, fileEnumeratorSerializer } from "./file-enumerator-state.js";
import type { FileFormat } from "./file-format.js";
import { FileReader } from "./file-reader.js";
import type { ParsedFileSourceOptions } from "./file-source-options.js";
import { type FileSplit, fileSplitSerializer } from "./file-split.js";
import { splitsOf } from "./file-splits.js";

/** What `createFileSource` takes. */
export interface FileSourceParts<T> {
  /** What is read, for people: such as "CSV"; the paths come behind it. */
  readonly name: string;
  /** The function that the user calls, which errors about options name: such as "csvSource". */
  readonly option: string;
  /** The output of `fileSourceEntries`; what else it holds does not matter. */
  readonly options: ParsedFileSourceOptions;
  readonly format: FileFormat<T>;
}

/**
 * A source of the records of files, bounded unless the options have a `discoveryInterval`
 * (Flink `FileSource`).
 *
 * Throws OPTION_INVALID here; FILE_NOT_FOUND, FILE_CHANGED, FILE_CORRUPT and LIMIT_EXCEEDED fail the
 * job when it runs.
 */
export function createFileSource<T>(
  parts: FileSourceParts<T>,
): Source<T, FileSplit, FileEnumeratorState> {
  const { name, option, options, format } = parts;
  return {
    ...fileEnumeration({
      name,
      option,
      options,
      splitsOf: (file) => splitsOf(file, options, format.splittable),
      serializer: fileEnumeratorSerializer,
    }),
    splitSerializer: fileSplitSerializer,
    createReader: (context) => new FileReader(context, options, format),
  };
}
