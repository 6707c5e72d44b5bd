import { createHash } from "node:crypto";
import * as v from "valibot";
import { checkState, HeadwaterError } from "../errors/index.js";
import {
  CHECKPOINT_FORMAT_VERSION,
  type CheckpointData,
  type PipelineState,
  type SubtaskState,
} from "./checkpoint-data.js";
import { checkpointCorrupt, checkpointVersionUnsupported } from "./checkpoint-errors.js";

const MAGIC = "headwater-checkpoint";
const HEADER = /^headwater-checkpoint (\d{1,9}) sha256:([0-9a-f]{64}) (\d{1,12})$/;
/** Longer than any header; the search for its end stops there. */
const MAX_HEADER_BYTES = 256;
/** V8 strings end at 512 MiB; state beyond this does not belong in one file of JSON. */
export const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024;
const NEWLINE = 10;

/**
 * A checkpoint as a file: one line with the format, its version, the payload's SHA-256 and length,
 * then the payload as JSON with bytes in base64, so that a person can read what was stored.
 *
 * Names of pipelines and operators are values, not keys, so that any name survives. Throws
 * LIMIT_EXCEEDED for more than 256 MiB.
 */
export function encodeCheckpoint(data: CheckpointData): Uint8Array {
  const file = toFile(data);
  // What could not be read back must not be reported as durable.
  const problem = firstProblem(v.safeParse(CheckpointSchema, file));
  checkState(problem === undefined, `checkpoint ${data.checkpointId} is not whole: ${problem}`);
  const payload = Buffer.from(`${JSON.stringify(file, undefined, 1)}\n`, "utf8");
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new HeadwaterError(
      "LIMIT_EXCEEDED",
      `checkpoint ${data.checkpointId} has ${payload.length} bytes, the limit is ${MAX_PAYLOAD_BYTES}`,
      {
        domain: "user",
        retry: "never",
        scope: "job",
        hint: "Keep less state: checkpoints hold positions of splits, not records.",
      },
    );
  }
  const header = `${MAGIC} ${data.formatVersion} sha256:${sha256(payload)} ${payload.length}\n`;
  return Buffer.concat([Buffer.from(header, "latin1"), payload]);
}

/**
 * The checkpoint that `encodeCheckpoint` wrote; whatever is not exactly that is refused.
 *
 * Throws CHECKPOINT_CORRUPT or CHECKPOINT_VERSION_UNSUPPORTED naming `location`.
 */
export function decodeCheckpoint(bytes: Uint8Array, location: string): CheckpointData {
  if (bytes.length === 0) throw checkpointCorrupt(location, "the file is empty");
  const end = bytes.subarray(0, MAX_HEADER_BYTES).indexOf(NEWLINE);
  const line = Buffer.from(bytes.subarray(0, Math.max(0, end))).toString("latin1");
  const header = HEADER.exec(line);
  if (header === null) throw checkpointCorrupt(location, "it is not a checkpoint of Headwater");
  const version = Number(header[1]);
  if (version > CHECKPOINT_FORMAT_VERSION) {
    throw checkpointVersionUnsupported(location, version, CHECKPOINT_FORMAT_VERSION);
  }
  const payload = bytes.subarray(end + 1);
  if (String(payload.length) !== header[3]) {
    throw checkpointCorrupt(
      location,
      `${payload.length} bytes follow the header, ${header[3]} were written`,
    );
  }
  if (sha256(payload) !== header[2]) {
    throw checkpointCorrupt(location, "its SHA-256 is not the one in the header");
  }
  return fromPayload(payload, version, location);
}

function fromPayload(payload: Uint8Array, version: number, location: string): CheckpointData {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch (error) {
    throw checkpointCorrupt(location, "its payload is not JSON", error);
  }
  const result = v.safeParse(CheckpointSchema, parsed);
  if (!result.success) throw checkpointCorrupt(location, firstProblem(result) ?? "it is not whole");
  if (result.output.formatVersion !== version) {
    throw checkpointCorrupt(location, "header and payload name different format versions");
  }
  return result.output;
}

function firstProblem(result: v.SafeParseResult<typeof CheckpointSchema>): string | undefined {
  const issue = result.issues?.[0];
  if (issue === undefined) return undefined;
  // Only the path: the values are the user's state.
  const path = (issue.path ?? []).map((item) => String(item.key)).join(".");
  return `its field ${path === "" ? "(root)" : path} is not what the format asks for (${issue.type})`;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function toFile(data: CheckpointData): unknown {
  const { pipelines, ...facts } = data;
  return { ...facts, pipelines: Object.entries(pipelines).map(pipelineToFile) };
}

function pipelineToFile([id, state]: [string, PipelineState]): unknown {
  return {
    id,
    ...state,
    coordinator: base64(state.coordinator),
    subtasks: state.subtasks.map(({ finished, splits, operators }) => ({
      finished,
      splits: { version: splits.version, splits: splits.splits.map(base64) },
      operators: Object.entries(operators).map(([name, operator]) => ({
        name,
        version: operator.version,
        bytes: base64(operator.bytes),
      })),
    })),
  };
}

const WholeNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Version = v.pipe(v.number(), v.safeInteger());

const Bytes = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text): Uint8Array => new Uint8Array(Buffer.from(text, "base64"))),
);

const OperatorSchema = v.strictObject({ name: v.string(), version: Version, bytes: Bytes });

const SubtaskSchema = v.pipe(
  v.strictObject({
    finished: v.boolean(),
    splits: v.strictObject({ version: Version, splits: v.array(Bytes) }),
    operators: v.array(OperatorSchema),
  }),
  v.check((subtask) => areUnique(subtask.operators, (o) => o.name), "an operator occurs twice"),
  v.transform(({ finished, splits, operators }): SubtaskState => {
    const byName = operators.map(({ name, version, bytes }) => [name, { version, bytes }] as const);
    return { finished, splits, operators: Object.fromEntries(byName) };
  }),
);

const PipelineSchema = v.pipe(
  v.strictObject({
    id: v.string(),
    sourceName: v.string(),
    parallelism: v.pipe(WholeNumber, v.minValue(1)),
    coordinator: Bytes,
    subtasks: v.array(SubtaskSchema),
  }),
  v.check(
    (pipeline) => pipeline.subtasks.length === pipeline.parallelism,
    "not as many subtasks as the parallelism says",
  ),
);

const CheckpointSchema = v.pipe(
  v.strictObject({
    formatVersion: v.pipe(WholeNumber, v.minValue(1)),
    jobName: v.string(),
    checkpointId: WholeNumber,
    kind: v.picklist(["CHECKPOINT", "SAVEPOINT"]),
    triggeredAt: v.pipe(v.number(), v.finite()),
    pipelines: v.array(PipelineSchema),
  }),
  v.check((data) => areUnique(data.pipelines, (p) => p.id), "a pipeline occurs twice"),
  v.transform(({ pipelines, ...facts }): CheckpointData => {
    const byId = pipelines.map(({ id, ...state }): [string, PipelineState] => [id, state]);
    return { ...facts, pipelines: Object.fromEntries(byId) };
  }),
);

function areUnique<T>(items: readonly T[], name: (item: T) => string): boolean {
  return new Set(items.map(name)).size === items.length;
}
