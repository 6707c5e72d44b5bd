import * as v from "valibot";
import type { Sink } from "../../api/sink.js";
import { messageOf } from "../../errors/index.js";
import { fileSink } from "../../files/sink/file-sink.js";
import { type FileSinkOptions, fileSinkEntries } from "../../files/sink/file-sink-options.js";
import { lineEncoder, RecordRefused } from "../../files/sink/record-encoder.js";
import { parseOptions } from "../../options/parse-options.js";

/** What `ndjsonSink` takes. */
export type NdjsonSinkOptions = FileSinkOptions;

const schema = v.strictObject(fileSinkEntries);

/**
 * Writes a line of JSON a record into new files `part-<subtask>-<n>.ndjson`.
 *
 * At-least-once: after a failure records since the last checkpoint come again, in another file; or
 * exactly-once with `delivery`: files get their names when a checkpoint has them. A record that JSON cannot hold (undefined, a function, a bigint, a cycle) fails the job with
 * SINK_FAILED.
 */
export function ndjsonSink<T>(options: NdjsonSinkOptions): Sink<T> {
  const parsed = parseOptions("ndjsonSink", schema, options);
  const encoder = lineEncoder<T>(toJson, "\n");
  return fileSink({
    format: "ndjson",
    sink: "ndjsonSink",
    extension: "ndjson",
    options: parsed,
    loadEncoder: () => () => encoder,
  });
}

function toJson(record: unknown): string {
  let line: string | undefined;
  try {
    line = JSON.stringify(record);
  } catch (error) {
    throw noJson(messageOf(error), error);
  }
  if (line === undefined) throw noJson("there is no JSON for it");
  return line;
}

function noJson(what: string, cause?: unknown): RecordRefused {
  return new RecordRefused(what, "Turn records into plain JSON values with map before it.", cause);
}
