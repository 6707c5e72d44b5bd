export { DiskFile, type FileIdentity, type FileMetrics, fileMetrics } from "./disk-file.js";
export { fileEnumeration } from "./file-enumeration.js";
export {
  type FileEnumeratorState,
  fileEnumeratorStateSerializer,
} from "./file-enumerator-state.js";
export { badRecord, fileChanged, fileCorrupt } from "./file-errors.js";
export type {
  ByteStream,
  FileBatch,
  FileFormat,
  FileRecord,
  FormatReader,
  OpenFile,
  UnreadableBytes,
} from "./file-format.js";
export { NO_RECORDS } from "./file-records.js";
export { createFileSource, type FileSourceParts } from "./file-source.js";
export {
  type ChangeDetection,
  type FileAssignment,
  type FileCompression,
  type FileSourceOptions,
  fileSourceEntries,
  type ParsedFileSourceOptions,
} from "./file-source-options.js";
export type { FileSplit } from "./file-split.js";
export type { FoundFile } from "./found-file.js";
export type { LineDecoder } from "./line-batch.js";
export { LineFormat, type LineSourceOptions, lineSourceEntries } from "./line-format.js";
