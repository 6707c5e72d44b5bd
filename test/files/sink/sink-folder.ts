import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import type { MetricGroup } from "../../../src/api/metrics.js";
import type { Sink, SinkWriter, SinkWriterContext } from "../../../src/api/sink.js";
import { illegalState } from "../../../src/errors/index.js";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";

/** A path for a sink below a new folder, which goes when the test is over. */
export function sinkFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-sink-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "out");
}

/** The names in a folder, in order; none when it is not there. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** A part file as text; what is compressed must be whole. */
export function textOf(folder: string, name: string): string {
  const bytes = readFileSync(join(folder, name));
  return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
}

/** All part files as text, one behind the other. */
export function allText(folder: string): string {
  return namesIn(folder)
    .map((name) => textOf(folder, name))
    .join("");
}

export function sinkContext(
  indexOfSubtask = 0,
  metricGroup: MetricGroup = new MetricRegistry().root(),
): SinkWriterContext {
  const unused = (): never => {
    throw illegalState("not used by these sinks");
  };
  const processingTime = {
    now: unused,
    relativeTime: unused,
    registerTimer: unused,
    scheduleWithFixedDelay: unused,
  };
  return {
    jobName: "ships",
    indexOfSubtask,
    currentParallelism: 2,
    metricGroup,
    processingTime,
    runInLoop: unused,
  };
}

/** A writer that is closed when the test is over. */
export async function openWriter<T>(
  sink: Sink<T>,
  context = sinkContext(),
): Promise<Required<Pick<SinkWriter<T>, "flush" | "close">> & Pick<SinkWriter<T>, "write">> {
  const writer = await sink.createWriter(context);
  onTestFinished(() => writer.close?.());
  return writer as Required<SinkWriter<T>>;
}

/** Timestamps for records that have none. */
export function noTimes(records: readonly unknown[]): readonly number[] {
  return records.map(() => Number.NEGATIVE_INFINITY);
}

/** Writes, flushes and closes; each list is a chunk. */
export async function writeAll<T>(sink: Sink<T>, ...chunks: readonly T[][]): Promise<void> {
  const writer = await openWriter(sink);
  for (const chunk of chunks) await writer.write(chunk, noTimes(chunk));
  await writer.flush(true);
  await writer.close();
}
