import * as v from "valibot";
import type { Sink } from "../../api/sink.js";
import { optionInvalid } from "../../errors/index.js";
import { fileSink } from "../../files/sink/file-sink.js";
import { type FileSinkOptions, fileSinkEntries } from "../../files/sink/file-sink-options.js";
import { parseOptions } from "../../options/parse-options.js";
import { csvEncoder } from "./csv-encoder.js";
import { loadCsvStringify } from "./csv-stringify-driver.js";

/** What `csvSink` takes. */
export interface CsvSinkOptions extends FileSinkOptions {
  /** The properties to write, in this order; default: those of each part file's first record. */
  readonly columns?: readonly string[];
  /** Whether each part file begins with the columns' names; default true. */
  readonly header?: boolean;
  /** Between fields; default a comma. */
  readonly delimiter?: string;
  /** Around fields that need it, twice within them; one character, default `"`. */
  readonly quote?: string;
  /** The end of each row; default "\n". */
  readonly eol?: "\n" | "\r\n";
}

const schema = v.strictObject({
  ...fileSinkEntries,
  columns: v.optional(
    v.pipe(
      v.array(v.string()),
      v.rawCheck(({ dataset, addIssue }) => {
        if (!dataset.typed) return;
        const { length } = dataset.value;
        if (length === 0 || new Set(dataset.value).size < length) {
          addIssue({ expected: "one or more names, each once" });
        }
      }),
    ),
  ),
  header: v.optional(v.boolean(), true),
  delimiter: v.optional(v.string(), ","),
  quote: v.optional(v.string(), '"'),
  eol: v.optional(v.picklist(["\n", "\r\n"]), "\n"),
});

/**
 * Writes a row a record into new files `part-<subtask>-<n>.csv`; records are objects.
 *
 * At-least-once: after a failure records since the last checkpoint come again, in another file; or
 * exactly-once with `delivery`: files get their names when a checkpoint has them. A record with a property that is no column fails the job with SINK_FAILED; what a record does not
 * have is an empty field. DRIVER_MISSING without csv-stringify.
 */
export function csvSink<T extends object>(options: CsvSinkOptions): Sink<T> {
  const parsed = parseOptions("csvSink", schema, options);
  const { delimiter, quote } = parsed;
  if (quote.length !== 1 || quote === "\n" || quote === "\r") {
    throw optionInvalid("csvSink.quote", quote, "one character that ends no line");
  }
  if (delimiter === "" || /[\r\n]/.test(delimiter) || delimiter.includes(quote)) {
    throw optionInvalid("csvSink.delimiter", delimiter, "text without line ends and quotes");
  }
  return fileSink({
    format: "csv",
    sink: "csvSink",
    extension: "csv",
    options: parsed,
    async loadEncoder() {
      const stringify = await loadCsvStringify();
      return () => csvEncoder<T>(stringify, parsed);
    },
  });
}
