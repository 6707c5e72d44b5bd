import { toErrorInfo } from "../../../src/errors/index.js";
import { PartFileWriter } from "../../../src/files/sink/part-file-writer.js";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";
import { openFilesBelow } from "./open-files.js";

/** Run as a process that may write only small files: it prints the error, and what is open then. */
const path = process.argv[2] as string;
const writer = new PartFileWriter({
  path,
  compression: "none",
  sync: true,
  bufferSize: 10_000,
  owner: "the owner",
  subtask: 0,
  extension: "txt",
  metricGroup: new MetricRegistry().root(),
});
let error: unknown;
try {
  writer.append("x".repeat(9000));
  await writer.flush();
} catch (thrown) {
  error = toErrorInfo(thrown);
} finally {
  await writer.close();
}
console.log(JSON.stringify({ error, open: openFilesBelow(path) }));
