import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Watermark } from "../api/watermark.js";
import { checkState, HeadwaterError } from "../errors/index.js";
import type { Scheduler } from "../mailbox/index.js";
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

/** Bytes of payload that one slice of encoding makes: about a millisecond's work. */
const SLICE_BYTES = 128 * 1024;
/** Splits in one piece of the payload. */
const SPLITS_PER_PIECE = 256;

/**
 * A checkpoint as a file: one line with the format, its version, the payload's SHA-256 and length,
 * then the payload as JSON with bytes in base64, so that a person can read what was stored.
 *
 * Names of pipelines and operators are values, not keys, so that any name survives. Throws
 * LIMIT_EXCEEDED for more than 256 MiB.
 */
export function encodeCheckpoint(data: CheckpointData): Uint8Array {
  const slices = encodeSlices(data);
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}

/** The same, letting others run between slices: thousands of splits must not stop the loop. */
export async function encodeCheckpointInSlices(
  data: CheckpointData,
  scheduler: Scheduler,
): Promise<Uint8Array> {
  const slices = encodeSlices(data);
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
    await new Promise<void>((resolve) => scheduler.defer(resolve));
  }
}

function* encodeSlices(data: CheckpointData): Generator<void, Uint8Array> {
  // What could not be read back must not be reported as durable.
  const problem = firstProblem(v.safeParse(CheckpointSchema, withoutBytes(data)));
  checkState(problem === undefined, `checkpoint ${data.checkpointId} is not whole: ${problem}`);
  if (isLarge(data)) yield;
  const hash = createHash("sha256");
  const parts: Buffer[] = [];
  let length = 0;
  let sliceEnd = SLICE_BYTES;
  for (const piece of payloadPieces(data)) {
    const part = Buffer.from(piece, "utf8");
    parts.push(part);
    hash.update(part);
    length += part.length;
    if (length > MAX_PAYLOAD_BYTES) throw tooLarge(data.checkpointId);
    if (length < sliceEnd) continue;
    sliceEnd = length + SLICE_BYTES;
    yield;
  }
  const header = `${MAGIC} ${data.formatVersion} sha256:${hash.digest("hex")} ${length}\n`;
  return Buffer.concat([Buffer.from(header, "latin1"), ...parts]);
}

/** Too many splits to check and encode in one go. */
function isLarge({ pipelines }: CheckpointData): boolean {
  let splits = 0;
  for (const { subtasks } of Object.values(pipelines)) {
    for (const subtask of subtasks) splits += subtask.splits.splits.length;
  }
  return splits > SPLITS_PER_PIECE;
}

/** The payload's text, a few splits at a time. */
function* payloadPieces({ pipelines, ...facts }: CheckpointData): Generator<string> {
  yield `${opened(facts)},\n"pipelines": [`;
  let separator = "\n";
  for (const [id, { coordinator, subtasks, ...rest }] of Object.entries(pipelines)) {
    yield `${separator}${opened({ id, ...rest, coordinator: base64(coordinator) })},\n"subtasks": [`;
    separator = "\n";
    for (const subtask of subtasks) {
      yield separator;
      yield* subtaskPieces(subtask);
      separator = ",\n";
    }
    yield "\n]}";
    separator = ",\n";
  }
  yield "\n]}\n";
}

function* subtaskPieces({
  finished,
  splits,
  operators,
  watermark,
}: SubtaskState): Generator<string> {
  const at = watermark === undefined ? "" : ` "watermark": ${watermarkText(watermark)},`;
  yield `{"finished": ${finished},${at} "splits": {"version": ${splits.version}, "splits": [`;
  for (let from = 0; from < splits.splits.length; from += SPLITS_PER_PIECE) {
    const some = splits.splits.slice(from, from + SPLITS_PER_PIECE);
    yield `${from === 0 ? "" : ","}\n${some.map((split) => `"${base64(split)}"`).join(",\n")}`;
  }
  const byName = Object.entries(operators).map(([name, { version, bytes }]) => ({
    name,
    version,
    bytes: base64(bytes),
  }));
  yield `]}, "operators": ${JSON.stringify(byName)}}`;
}

/** JSON has no infinite numbers. */
function watermarkText(watermark: Watermark): string {
  return Number.isFinite(watermark) ? String(watermark) : `"${watermark}"`;
}

/** An object's text without its closing brace. */
function opened(value: object): string {
  return JSON.stringify(value).slice(0, -1);
}

function tooLarge(checkpointId: number): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `checkpoint ${checkpointId} has more than ${MAX_PAYLOAD_BYTES} bytes`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Keep less state: checkpoints hold positions of splits, not records.",
    },
  );
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

/** The checkpoint as its payload says it, but for the bytes: they are as the format wants them. */
function withoutBytes({ pipelines, ...facts }: CheckpointData): unknown {
  const isNotBytes = (bytes: unknown): boolean => !(bytes instanceof Uint8Array);
  const empty = (bytes: unknown): unknown => (isNotBytes(bytes) ? bytes : "");
  return {
    ...facts,
    pipelines: Object.entries(pipelines).map(([id, { coordinator, subtasks, ...rest }]) => ({
      id,
      ...rest,
      coordinator: empty(coordinator),
      subtasks: subtasks.map(({ finished, splits, operators, watermark }) => ({
        finished,
        watermark,
        splits: { ...splits, splits: splits.splits.filter(isNotBytes) },
        operators: Object.entries(operators).map(([name, { bytes, ...operator }]) => ({
          name,
          ...operator,
          bytes: empty(bytes),
        })),
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
    // Since format 2.
    watermark: v.optional(v.union([v.number(), v.picklist(["Infinity", "-Infinity"])])),
  }),
  v.check((subtask) => areUnique(subtask.operators, (o) => o.name), "an operator occurs twice"),
  v.transform(({ finished, splits, operators, watermark }): SubtaskState => {
    const byName = operators.map(({ name, version, bytes }) => [name, { version, bytes }] as const);
    const state = { finished, splits, operators: Object.fromEntries(byName) };
    return watermark === undefined ? state : { ...state, watermark: Number(watermark) };
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
