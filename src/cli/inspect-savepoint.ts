import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { checkpointStorageAt } from "../checkpoint/addressed-storage.js";
import type { CheckpointData, PipelineState, SubtaskState } from "../checkpoint/index.js";
import { absoluteAddress, isS3Address } from "../checkpoint/storage-address.js";
import { readEnumeratorCheckpoint } from "../coordinator/coordinator-serde.js";
import { explain, HeadwaterError } from "../errors/index.js";
import { printable } from "../errors/printable.js";
import { formatMoment, formatTimestamp } from "./format.js";
import { byteCount, type ReadableState, readState, stateLine } from "./readable-state.js";
import { jsonText } from "./table.js";

/** Lines, and characters of one, that are printed without `--all`. */
const MAX_LINES = 100;
const MAX_LINE = 200;

/** How `headwater savepoint inspect` prints. */
export interface InspectArguments {
  readonly json?: boolean;
  readonly all?: boolean;
}

/**
 * Prints what a checkpoint or savepoint holds, without the job. Throws CHECKPOINT_NOT_FOUND,
 * CHECKPOINT_CORRUPT, CHECKPOINT_VERSION_UNSUPPORTED and CHECKPOINT_STORAGE_FAILED.
 */
export async function inspectCommand(location: string, args: InspectArguments): Promise<void> {
  if (location === "") throw nothingToInspect("no path was given");
  const path = absoluteAddress(location);
  if (!isS3Address(path)) await refuseUnfinished(path);
  const data = await checkpointStorageAt(path, { jobName: "any" }).load(path);
  const text = args.json === true ? jsonText(contentsOf(data)) : describe(path, data, args);
  process.stdout.write(`${text}\n`);
}

/** A file that is not whole has another name until it is. */
async function refuseUnfinished(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  const names = await readdir(path).catch((): string[] => []);
  if (names.includes("_metadata")) return;
  if (names.includes("_metadata.tmp")) {
    throw nothingToInspect(`${path} is being written, or its writing was interrupted`);
  }
  const inside = names.filter((name) => /^(?:chk|savepoint)-/.test(name)).sort();
  if (inside.length === 0) return;
  const more = inside.length > 5 ? ` and ${inside.length - 5} more` : "";
  throw nothingToInspect(`${path} holds several: ${inside.slice(0, 5).join(", ")}${more}`);
}

function nothingToInspect(why: string): HeadwaterError {
  return new HeadwaterError("CHECKPOINT_NOT_FOUND", `no checkpoint to inspect: ${why}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: "Give the checkpoint's or savepoint's directory, or the _metadata file in it.",
  });
}

/** All of it, for programs. */
function contentsOf({ pipelines, ...facts }: CheckpointData): object {
  return {
    ...facts,
    pipelines: Object.entries(pipelines).map(([id, pipeline]) => ({
      id,
      sourceName: pipeline.sourceName,
      parallelism: pipeline.parallelism,
      enumerator: enumeratorOf(pipeline),
      subtasks: pipeline.subtasks.map(({ finished, splits, operators, watermark }, subtask) => ({
        subtask,
        finished,
        watermark,
        splits: { version: splits.version, splits: splits.splits.map(readState) },
        operators: Object.entries(operators).map(([name, { version, bytes }]) => ({
          name,
          version,
          ...readState(bytes),
        })),
      })),
    })),
  };
}

interface EnumeratorContents extends ReadableState {
  readonly version?: number;
  readonly problem?: string;
}

/** A frame that cannot be read does not hide the rest. */
function enumeratorOf({ sourceName, coordinator }: PipelineState): EnumeratorContents {
  try {
    const { version, bytes } = readEnumeratorCheckpoint(sourceName, coordinator);
    return { version, ...readState(bytes) };
  } catch (error) {
    return { bytes: coordinator.length, problem: explain(error).split("\n")[0] as string };
  }
}

function describe(path: string, data: CheckpointData, { all }: InspectArguments): string {
  const limit = all === true ? Number.POSITIVE_INFINITY : MAX_LINES;
  const width = all === true ? Number.POSITIVE_INFINITY : MAX_LINE;
  const kept: string[] = [];
  let left = 0;
  for (const line of linesOf(path, data)) {
    if (kept.length < limit) kept.push(cut(printable(line), width));
    else left++;
  }
  if (left > 0) kept.push(`… ${left} more ${left === 1 ? "line" : "lines"}: --all prints them`);
  return kept.join("\n");
}

function cut(line: string, width: number): string {
  const characters = line.length <= width ? [] : [...line];
  if (characters.length <= width) return line;
  return `${characters.slice(0, width).join("")}…`;
}

function* linesOf(path: string, data: CheckpointData): Generator<string> {
  yield `${data.kind.toLowerCase()} ${data.checkpointId} of job ${data.jobName}`;
  const isFile = !isS3Address(path) && basename(path) === "_metadata";
  yield `  path    ${isFile ? join(path, "..") : path}`;
  yield `  taken   ${formatMoment(data.triggeredAt)} UTC`;
  yield `  format  version ${data.formatVersion}`;
  for (const [id, pipeline] of Object.entries(data.pipelines)) {
    const { sourceName, parallelism, subtasks } = pipeline;
    yield `pipeline ${id}: source ${sourceName}, parallelism ${parallelism}`;
    yield `  enumerator: ${enumeratorLine(enumeratorOf(pipeline))}`;
    for (const [subtask, state] of subtasks.entries()) yield* subtaskLines(subtask, state);
  }
}

function enumeratorLine({ version, problem, ...state }: EnumeratorContents): string {
  if (problem !== undefined) return `${byteCount(state.bytes)}; ${problem}`;
  return described(version ?? 0, state);
}

function* subtaskLines(
  subtask: number,
  { finished, splits, operators, watermark }: SubtaskState,
): Generator<string> {
  const count = splits.splits.length;
  const of = `${count} ${count === 1 ? "split" : "splits"} (version ${splits.version})`;
  const time = watermark === undefined ? "" : `, watermark ${formatTimestamp(watermark)}`;
  yield `  subtask ${subtask}: ${finished ? "finished, " : ""}${of}${time}`;
  for (const split of splits.splits) yield `    split ${stateLine(readState(split))}`;
  for (const [name, { version, bytes }] of Object.entries(operators)) {
    yield `    state ${name}: ${described(version, readState(bytes))}`;
  }
}

function described(version: number, state: ReadableState): string {
  const line = stateLine(state);
  const size = byteCount(state.bytes);
  return `version ${version}, ${size}${line === size ? "" : `: ${line}`}`;
}
