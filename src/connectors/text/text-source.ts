import * as v from "valibot";
import type { Source } from "../../api/source.js";
import {
  createFileSource,
  type FileEnumeratorState,
  type FileSplit,
  LineFormat,
  type LineSourceOptions,
  lineSourceEntries,
} from "../../files/index.js";
import { parseOptions } from "../../options/parse-options.js";

/** What `textSource` takes. */
export interface TextSourceOptions extends LineSourceOptions {}

const schema = v.strictObject(lineSourceEntries);

/**
 * A source of the lines of text files in UTF-8, without their ends; bounded unless it has a
 * `discoveryInterval`.
 *
 * A split is a range of bytes; its position is a byte between two lines, so a restored job loses and
 * repeats nothing. Throws OPTION_INVALID here; FILE_NOT_FOUND, FILE_CHANGED, FILE_CORRUPT and
 * LIMIT_EXCEEDED fail the job when it runs.
 */
export function textSource(
  options: TextSourceOptions,
): Source<string, FileSplit, FileEnumeratorState> {
  const parsed = parseOptions("textSource", schema, options);
  const format = new LineFormat<string>({
    name: "text",
    decoder: { skipsBlank: false, decode: (line) => line },
    maxLineLength: parsed.maxLineLength,
  });
  return createFileSource({ name: "text", option: "textSource", options: parsed, format });
}
