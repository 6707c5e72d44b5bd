import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineJob, discardSink, numberSequenceSource } from "../../../src/index.js";
import type { RecordLine, RecordOptions } from "../../../src/inspect/index.js";
import { RecordedRun, Replay } from "../../../src/inspect/replay/index.js";
import { type Cleanup, temporaryDirectory } from "../../control/control-harness.js";

const numbers = defineJob("replayed", (env) => {
  env
    .fromSource(numberSequenceSource({ from: 1, to: 5000 }), undefined, { id: "numbers" })
    .sinkTo(discardSink());
});

/** A job that has run to its end, and its record. */
export async function recordedJob(
  cleanup: Cleanup,
  options: Omit<RecordOptions, "file"> = {},
): Promise<string> {
  const file = join(await temporaryDirectory(cleanup), "run.ndjson");
  const handle = await numbers.run({ parallelism: 2, record: { file, ...options } });
  await handle.done;
  return file;
}

/** A line by its fields, so that a test can make it anything. */
export type Line = { kind: RecordLine["kind"] } & Record<string, unknown>;

export async function linesOf(file: string): Promise<Line[]> {
  const text = await readFile(file, "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

/** The record again with other lines. */
export async function rewrite(file: string, lines: readonly (Line | string)[]): Promise<string> {
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  await writeFile(file, `${texts.join("\n")}\n`);
  return file;
}

export function replayOf(cleanup: Cleanup, file: string): Replay {
  const run = new RecordedRun(file);
  cleanup.add(() => run.close());
  return new Replay(run);
}

/** Replays all of it. */
export function replayed(cleanup: Cleanup, file: string): Replay {
  const replay = replayOf(cleanup, file);
  replay.goTo(replay.size);
  return replay;
}
