import * as v from "valibot";
import type { Sink } from "../../api/sink.js";
import type { Timestamp } from "../../api/watermark.js";
import { fileSink } from "../../files/sink/file-sink.js";
import { type FileSinkOptions, fileSinkEntries } from "../../files/sink/file-sink-options.js";
import { lineEncoder, RecordRefused, typeName } from "../../files/sink/record-encoder.js";
import { parseOptions } from "../../options/parse-options.js";

/** What `textSink` takes. */
export interface TextSinkOptions<T> extends FileSinkOptions {
  /** One record as a line, without its end; default: records are strings, written as they are. */
  readonly format?: (record: T, timestamp: Timestamp) => string;
  /** What ends each line; a line that contains it is refused. Default "\n". */
  readonly delimiter?: string;
}

const schema = v.strictObject({
  ...fileSinkEntries,
  format: v.optional(v.function()),
  delimiter: v.optional(
    v.pipe(
      v.string(),
      v.rawCheck(({ dataset, addIssue }) => {
        if (dataset.typed && dataset.value === "") addIssue({ expected: "a text, not empty" });
      }),
    ),
    "\n",
  ),
});

/**
 * Writes a line a record, UTF-8, into new files `part-<subtask>-<n>.txt`.
 *
 * At-least-once: after a failure records since the last checkpoint come again, in another file; or
 * exactly-once with `delivery`: files get their names when a checkpoint has them. A line that contains the delimiter, and anything that is no string, fails the job with SINK_FAILED.
 */
export function textSink<T = string>(options: TextSinkOptions<T>): Sink<T> {
  const { delimiter, ...parsed } = parseOptions("textSink", schema, options);
  const format = options.format ?? ((record: T) => record as string);
  const isSimple = delimiter.length === 1;
  const encoder = lineEncoder<T>((record, timestamp) => {
    const line = format(record, timestamp);
    if (typeof line !== "string") throw noString(line, options.format !== undefined);
    // The start of a longer delimiter may also be the end of the line.
    const end = isSimple ? line.indexOf(delimiter) : (line + delimiter).indexOf(delimiter);
    if (end !== -1 && end !== line.length) throw containsDelimiter(delimiter);
    return line;
  }, delimiter);
  return fileSink({
    format: "text",
    sink: "textSink",
    extension: "txt",
    options: parsed,
    loadEncoder: () => () => encoder,
  });
}

function noString(line: unknown, isFormatted: boolean): RecordRefused {
  return isFormatted
    ? new RecordRefused(`format gave ${typeName(line)}`, "Let format return a string.")
    : new RecordRefused("it is no string", "Give textSink a format function.");
}

function containsDelimiter(delimiter: string): RecordRefused {
  return new RecordRefused(
    `it contains the delimiter ${JSON.stringify(delimiter)} and would become several lines`,
    "Replace it in textSink's format, set another delimiter, or write JSON lines with ndjsonSink.",
  );
}
