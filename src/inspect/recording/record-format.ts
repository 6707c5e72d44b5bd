import { HeadwaterError } from "../../errors/index.js";
import type { JournalOutcome } from "../../mailbox/index.js";
import type { ProjectionLimits } from "../projection.js";

/**
 * A record: what the mailboxes and machines of a job did, as lines of JSON (NDJSON), oldest first.
 *
 * - The first line of every file is its `header`. A record that outgrows its limit goes on in a new
 *   file: `run.ndjson` is always the newest, `run.1.ndjson` the one before, and so on; `header.part`
 *   counts them, and `header.firstLine` says how many lines came before.
 * - `line` numbers count all lines of the record but headers, from 1 on, without gaps: what was left
 *   out has a `dropped` line of its own.
 * - `envelope`: an event at its receiver's mailbox, before the receiver runs. `machine`: a machine that
 *   begins, with its input and its state before its first event. `step`: a machine has handled an event;
 *   `states` are those after it. An actor handles its envelopes in order, each to the end: the steps
 *   between two envelopes belong to envelopes before them, not always to the last one.
 * - A machine is named by `session`, unique in the record; `actor` is its address, or a path below it.
 *   A machine that runs already is described by a `machine` line with `isLate: true`, with its state of
 *   that moment: when the record begins; again in each new file, at the latest before its next step, so
 *   that a file can be read without those before; and before its next step after lines were dropped.
 *   `stopped`: its actor has stopped, perhaps within the machine's last step, which then comes after it.
 * - `value`, `context`, `input` and `event` are projected (projection.ts): `unproject` is the way back
 *   of what was not cut or redacted. Limits: `RECORDED`.
 * - A record that ends well has an `end` line; one of a killed process does not, and its last line may
 *   be cut. A record of the simulator has several lives of a process: an `end` stands after each.
 */
export const RECORD_VERSION = 1;

export interface RecordHeader {
  readonly kind: "header";
  readonly format: "headwater-record";
  readonly version: number;
  /** Of Headwater. */
  readonly release: string;
  readonly job: string;
  /** Wall clock of the job's clock, milliseconds, at the record's beginning. */
  readonly startedAt: number;
  /** 0 for the first file. */
  readonly part: number;
  /** Lines of the record before this file. */
  readonly firstLine: number;
}

export interface RecordedEnvelope {
  readonly kind: "envelope";
  readonly line: number;
  /** Wall clock of the job's clock, milliseconds. */
  readonly time: number;
  readonly from: string;
  readonly to: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly outcome: JournalOutcome;
  readonly event: unknown;
}

export interface RecordedMachine {
  readonly kind: "machine";
  readonly line: number;
  readonly time: number;
  readonly session: string;
  readonly actor: string;
  /** In Headwater's registry; else the machine's own id. */
  readonly machine: string;
  readonly input?: unknown;
  readonly value: unknown;
  readonly context: unknown;
  readonly isLate?: true;
}

export interface RecordedStep {
  readonly kind: "step";
  readonly line: number;
  readonly time: number;
  readonly session: string;
  readonly event: unknown;
  readonly states: readonly string[];
  readonly status: string;
}

export interface RecordedStop {
  readonly kind: "stopped";
  readonly line: number;
  readonly time: number;
  readonly session: string;
}

/** What could not be written as fast as it came. */
export interface RecordedDrop {
  readonly kind: "dropped";
  readonly line: number;
  readonly time: number;
  readonly count: number;
}

export interface RecordEnd {
  readonly kind: "end";
  readonly line: number;
  readonly time: number;
  /** The job's last state. */
  readonly state: string;
}

export type RecordLine =
  | RecordHeader
  | RecordedEnvelope
  | RecordedMachine
  | RecordedStep
  | RecordedStop
  | RecordedDrop
  | RecordEnd;

/** A line without its number. */
export type RecordEntry = RecordLine extends infer L
  ? L extends { readonly line: number }
    ? Omit<L, "line">
    : never
  : never;

/** How much of an event is kept: whole ones of Headwater's own; a payload of somebody's may be cut. */
export const RECORDED: ProjectionLimits = {
  depth: 16,
  values: 20_000,
  items: 5000,
  text: 10_000,
  bytes: 4096,
  redact: [],
};

const KINDS: ReadonlySet<unknown> = new Set<RecordLine["kind"]>([
  "header",
  "envelope",
  "machine",
  "step",
  "stopped",
  "dropped",
  "end",
]);

/**
 * What a line says. Throws FILE_CORRUPT for what is no line of a record (a record that was cut ends
 * with half a line), UNSUPPORTED_OPERATION for a header of another version.
 */
export function parseRecordLine(text: string, where: string): RecordLine {
  let line: Partial<RecordLine> | undefined;
  try {
    line = JSON.parse(text) as Partial<RecordLine>;
  } catch (cause) {
    throw corrupt(`${where} is no JSON`, cause);
  }
  if (typeof line !== "object" || line === null || !KINDS.has(line.kind)) {
    throw corrupt(`${where} is no line of a record`);
  }
  if (line.kind === "header") checkHeader(line as Partial<RecordHeader>, where);
  return line as RecordLine;
}

function checkHeader({ format, version }: Partial<RecordHeader>, where: string): void {
  if (format !== "headwater-record") throw corrupt(`${where} is the header of no record`);
  if (version === RECORD_VERSION) return;
  throw new HeadwaterError(
    "UNSUPPORTED_OPERATION",
    `${where}: the record has version ${version}, this release reads version ${RECORD_VERSION}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Use the headwater command of the release that wrote it.",
    },
  );
}

function corrupt(message: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("FILE_CORRUPT", message, {
    domain: "external",
    retry: "never",
    scope: "job",
    cause,
  });
}
