import type { CompletedCheckpoint } from "../checkpoint/index.js";
import { type ErrorInfo, HeadwaterError, toErrorInfo } from "../errors/index.js";
import type { JobReport } from "./job-report.js";
import { shortError } from "./short-error.js";

/** Both sides must speak the same one: a command and the job that it talks to. */
export const CONTROL_VERSION = 1;
/** A request or an answer in bytes, with its line end. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** No system takes a longer path. */
const MAX_TARGET_LENGTH = 4096;

/** What a command asks of a running job. `target` is an absolute path, or an address in S3. */
export type ControlRequest =
  | { readonly type: "status" }
  | { readonly type: "savepoint"; readonly target?: string }
  | { readonly type: "stop"; readonly target?: string; readonly drain: boolean }
  | { readonly type: "cancel" }
  /** Attach an inspector, unless one is; port and token are those of a new one. */
  | { readonly type: "inspect"; readonly port?: number; readonly token?: string };

/** What the job says to it. */
export type ControlAnswer =
  | { readonly type: "report"; readonly report: JobReport }
  | { readonly type: "checkpoint"; readonly checkpoint: CompletedCheckpoint }
  | { readonly type: "canceled" }
  | { readonly type: "inspecting"; readonly url: string };

/** An answer on the wire; an error instead of one when the request could not be done. */
export type AnswerMessage =
  | { readonly version: number; readonly ok: true; readonly answer: ControlAnswer }
  | { readonly version: number; readonly ok: false; readonly error: ErrorInfo };

const FIELDS: Readonly<Record<ControlRequest["type"], readonly string[]>> = {
  status: [],
  savepoint: ["target"],
  stop: ["target", "drain"],
  cancel: [],
  inspect: ["port", "token"],
};

/** One line of JSON; throws LIMIT_EXCEEDED for more than `MAX_MESSAGE_BYTES`. */
function encodeMessage(message: object): Buffer {
  const versioned = { version: CONTROL_VERSION, ...message };
  const line = Buffer.from(`${JSON.stringify(versioned, withInfinities)}\n`, "utf8");
  if (line.length > MAX_MESSAGE_BYTES) throw messageTooLong();
  return line;
}

export function encodeRequest(request: ControlRequest): Buffer {
  return encodeMessage(request);
}

/** Throws LIMIT_EXCEEDED. */
export function encodeAnswer(answer: ControlAnswer): Buffer {
  return encodeMessage({ ok: true, answer });
}

/** What tells a client that its request could not be done, and why. */
export function encodeError(error: unknown): Buffer {
  return encodeMessage({ ok: false, error: shortError(toErrorInfo(error)) });
}

/**
 * What a line asks for; whatever is not exactly a request is refused.
 *
 * Throws ILLEGAL_ARGUMENT, and UNSUPPORTED_OPERATION for another version.
 */
export function parseRequest(line: Uint8Array): ControlRequest {
  const { version, type, ...fields } = parseObject(line, "the request");
  checkVersion(version);
  if (typeof type !== "string" || !Object.hasOwn(FIELDS, type)) {
    throw malformed(`the request has no type of ${Object.keys(FIELDS).join(", ")}`);
  }
  const known = FIELDS[type as ControlRequest["type"]];
  const unknown = Object.keys(fields).find((field) => !known.includes(field));
  if (unknown !== undefined) throw malformed(`a ${type} request has no field ${unknown}`);
  const target = parseTarget(fields.target);
  switch (type as ControlRequest["type"]) {
    case "savepoint":
      return { type: "savepoint", ...target };
    case "stop": {
      const { drain = false } = fields;
      if (typeof drain !== "boolean") throw malformed("drain is neither true nor false");
      return { type: "stop", drain, ...target };
    }
    case "status":
      return { type: "status" };
    case "cancel":
      return { type: "cancel" };
    case "inspect":
      return { type: "inspect", ...parseInspect(fields) };
  }
}

/** Throws ILLEGAL_ARGUMENT for what no job says, and UNSUPPORTED_OPERATION for another version. */
export function parseAnswer(line: Uint8Array): AnswerMessage {
  const message = parseObject(line, "the answer");
  checkVersion(message.version);
  const body = message.ok === true ? message.answer : message.error;
  const mark = isObject(body) ? (message.ok === true ? body.type : body.message) : undefined;
  if (typeof mark !== "string") throw malformed("the answer has neither an answer nor an error");
  return message as unknown as AnswerMessage;
}

function parseInspect({ port, token }: Readonly<Record<string, unknown>>): {
  readonly port?: number;
  readonly token?: string;
} {
  if (port !== undefined && typeof port !== "number") throw malformed("the port is no number");
  if (token !== undefined && typeof token !== "string") throw malformed("the token is no text");
  return { ...(port !== undefined && { port }), ...(token !== undefined && { token }) };
}

function parseTarget(target: unknown): { readonly target?: string } {
  if (target === undefined) return {};
  if (
    typeof target !== "string" ||
    !/^(?:\/|s3:\/\/)/i.test(target) ||
    target.includes("\0") ||
    target.length > MAX_TARGET_LENGTH
  ) {
    throw malformed("the target is neither an absolute path nor in S3");
  }
  return { target };
}

function parseObject(line: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line), toInfinities);
  } catch (cause) {
    throw malformed(`${what} is no line of JSON`, cause);
  }
  if (!isObject(value)) throw malformed(`${what} is no JSON object`);
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON has no infinite watermarks. */
function withInfinities(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? { $number: String(value) } : value;
}

function toInfinities(_key: string, value: unknown): unknown {
  return isObject(value) && typeof value.$number === "string" ? Number(value.$number) : value;
}

function checkVersion(version: unknown): void {
  if (version === CONTROL_VERSION) return;
  const other = typeof version === "number" ? `version ${version}` : "no version";
  throw new HeadwaterError(
    "UNSUPPORTED_OPERATION",
    `the other side speaks ${other} of the control protocol, this one version ${CONTROL_VERSION}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Use the headwater command of the release that runs the job.",
    },
  );
}

function malformed(message: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("ILLEGAL_ARGUMENT", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
  });
}

/** A message that does not end within `MAX_MESSAGE_BYTES`. */
export function messageTooLong(): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `a control message has more than ${MAX_MESSAGE_BYTES} bytes`,
    { domain: "user", retry: "never", scope: "job" },
  );
}
