import {
  type CheckpointData,
  checkpointName,
  type RestorePoint,
  type SubtaskState,
} from "../checkpoint/index.js";
import { readEnumeratorCheckpoint } from "../coordinator/coordinator-serde.js";
import { HeadwaterError } from "../errors/index.js";
import { decodeState, type Pipeline, stateNames } from "./pipeline.js";
import { DEAD_LETTER_STATE, decodeSinkState, SINK_STATE } from "./sink-state.js";

/** A part of a checkpoint that somebody has to read. */
interface Part {
  /** Such as `the enumerator of pipeline "a"`. */
  readonly name: string;
  /** The version that it was written with, and the newest that its reader knows. */
  readonly version?: number;
  readonly newest?: number;
  readonly reader: string;
  readonly hint: string;
}

const OTHER_SOURCE =
  "Give the pipeline the source that wrote this, or give the new source a pipeline id of its own.";
const OTHER_STATE = "Give the operator or sink that wrote this its name back, or start without it.";
const HINTS = {
  CHECKPOINT_VERSION_UNSUPPORTED:
    "Run the release of the job and of Headwater that wrote it, or a later one.",
  CHECKPOINT_CORRUPT: "Restore from another checkpoint or savepoint.",
};

/**
 * Reads every part of a checkpoint once, so that one that the job cannot go on from is refused before
 * anything runs, by the name of the part.
 *
 * Throws CHECKPOINT_VERSION_UNSUPPORTED for a part of a later release, CHECKPOINT_CORRUPT for a
 * damaged frame, else CHECKPOINT_STATE_UNMATCHED.
 */
export function verifyReadable(point: RestorePoint, pipelines: readonly Pipeline[]): void {
  for (const pipeline of pipelines) {
    if (!Object.hasOwn(point.data.pipelines, pipeline.id)) continue;
    verifyPipeline(point, pipeline);
  }
}

function verifyPipeline({ location, data }: RestorePoint, pipeline: Pipeline): void {
  const state = data.pipelines[pipeline.id] as CheckpointData["pipelines"][string];
  const { source } = pipeline;
  const checkpoint = checkpointName(data, location);
  const of = `pipeline "${pipeline.id}"`;
  const written = state.sourceName === source.name ? "" : ` (written by "${state.sourceName}")`;
  const reader = `source "${source.name}"${written}`;
  const read = (part: Part, action: () => unknown): void => reading(checkpoint, part, action);

  let enumerator = { version: 0, bytes: new Uint8Array() as Uint8Array };
  const name = `the enumerator of ${of}`;
  read({ name, reader, hint: OTHER_SOURCE }, () => {
    enumerator = readEnumeratorCheckpoint(source.name, state.coordinator);
  });
  const { enumeratorCheckpointSerializer: serializer, splitSerializer } = source;
  const { version, bytes } = enumerator;
  const newest = serializer.version;
  read({ name, version, newest, reader, hint: OTHER_SOURCE }, () =>
    serializer.deserialize(version, bytes),
  );
  for (const [subtask, { splits, operators }] of state.subtasks.entries()) {
    for (const [index, split] of splits.splits.entries()) {
      const part: Part = {
        name: `split ${index + 1} of ${splits.splits.length} of subtask ${subtask} of ${of}`,
        version: splits.version,
        newest: splitSerializer.version,
        reader,
        hint: OTHER_SOURCE,
      };
      read(part, () => splitSerializer.deserialize(splits.version, split));
    }
    verifyOperators(
      pipeline,
      operators,
      (operator) => `${operator} of subtask ${subtask} of ${of}`,
      read,
    );
  }
}

function verifyOperators(
  pipeline: Pipeline,
  operators: SubtaskState["operators"],
  inSubtask: (operator: string) => string,
  read: (part: Part, action: () => unknown) => void,
): void {
  const { sink, badRecords } = pipeline;
  const known = stateNames(pipeline);
  for (const [name, state] of Object.entries(operators)) {
    // State without a place: `verifyRestorable` has refused it, or it may be dropped.
    if (!known.includes(name)) continue;
    const reads =
      name === SINK_STATE ? sink : name === DEAD_LETTER_STATE ? badRecords.deadLetters : undefined;
    const called =
      reads === undefined
        ? `operator "${name}"`
        : `${name === SINK_STATE ? "sink" : "dead-letter sink"} "${reads.name}"`;
    const part: Part = {
      name: inSubtask(`the state of ${called}`),
      reader: "this release",
      hint: OTHER_STATE,
    };
    read(part, () =>
      reads === undefined ? decodeState(name, state) : decodeSinkState(reads, [state]),
    );
  }
}

function reading(checkpoint: string, part: Part, action: () => unknown): void {
  try {
    action();
  } catch (cause) {
    const { name, version, newest, reader, hint } = part;
    const isNewer = version !== undefined && newest !== undefined && version > newest;
    const problem = isNewer
      ? ` has version ${version}, ${reader} reads up to ${newest}`
      : ` cannot be read by ${reader}`;
    const code = isNewer ? "CHECKPOINT_VERSION_UNSUPPORTED" : codeOf(cause);
    throw new HeadwaterError(code, `${checkpoint} cannot be restored: ${name}${problem}`, {
      domain: code === "CHECKPOINT_CORRUPT" ? "external" : "user",
      retry: "never",
      scope: "job",
      cause,
      hint: code === "CHECKPOINT_STATE_UNMATCHED" ? hint : HINTS[code],
    });
  }
}

/** What the innermost cause with something to say says. */
function codeOf(
  error: unknown,
): "CHECKPOINT_STATE_UNMATCHED" | "CHECKPOINT_VERSION_UNSUPPORTED" | "CHECKPOINT_CORRUPT" {
  for (let current = error; current instanceof Error; current = current.cause) {
    const code = current instanceof HeadwaterError ? current.code : undefined;
    if (code === "CHECKPOINT_VERSION_UNSUPPORTED" || code === "CHECKPOINT_CORRUPT") return code;
  }
  return "CHECKPOINT_STATE_UNMATCHED";
}
