import type { CommitterContext } from "../../api/sink.js";
import { describeValue, type ErrorFacts, HeadwaterError } from "../../errors/index.js";

/** Who writes, for errors: sink function, table, subtask and job. */
export function sinkOwner(sink: string, table: string, context: CommitterContext): string {
  return `${sink} of table ${table} in subtask ${context.indexOfSubtask} of job ${context.jobName}`;
}

/** A value that a column cannot hold: `message` says why, without the value. */
export class ValueRefused extends Error {
  override readonly name = "ValueRefused";
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** SINK_FAILED for something that another attempt cannot mend. */
export function sinkRefused(owner: string, what: string, hint: string): HeadwaterError {
  return failed(owner, what, { domain: "user", retry: "never", hint });
}

/** SINK_FAILED for something that may be over after a restart. */
export function sinkInterrupted(owner: string, what: string, cause?: unknown): HeadwaterError {
  return failed(owner, what, {
    domain: "external",
    retry: "backoff",
    hint: "A restart of the job writes again what came since the last checkpoint.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** SINK_FAILED for a function of the user that threw; what it threw may be over after a restart. */
export function sinkFunctionFailed(owner: string, what: string, cause: unknown): HeadwaterError {
  return failed(owner, what, {
    domain: "user",
    retry: "backoff",
    hint: "Mend the function, or leave such records out before the sink.",
    cause,
  });
}

function failed(owner: string, what: string, facts: Omit<ErrorFacts, "scope">): HeadwaterError {
  return new HeadwaterError("SINK_FAILED", `${owner} ${what}`, { ...facts, scope: "reader" });
}

/** A row by its key's columns, as `{id: 5}`; no other value is ever shown. */
export function describeKey(
  columns: readonly string[],
  key: readonly string[],
  values: readonly unknown[],
): string | undefined {
  if (key.length === 0) return undefined;
  const parts = key.map((column) => `${column}: ${keyValue(values[columns.indexOf(column)])}`);
  return `{${parts.join(", ")}}`;
}

function keyValue(value: unknown): string {
  return value instanceof Uint8Array ? `${value.length} bytes` : describeValue(value);
}

/** The type of a value, for an error message. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
