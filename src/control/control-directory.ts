import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { HeadwaterError, unsupportedOperation } from "../errors/index.js";

const OWNER_ONLY = 0o700;
/** What macOS takes, with the byte that ends it; Linux takes four more. */
const MAX_SOCKET_PATH = 103;
const MAX_NAME_LENGTH = 24;

export const SOCKET_SUFFIX = ".sock";

/** Whether jobs can be controlled here: Windows has no Unix domain sockets with permissions. */
export function isControlSupported(): boolean {
  return process.getuid !== undefined;
}

/**
 * Where this user's running jobs have their sockets: `$XDG_RUNTIME_DIR/headwater`, or
 * `headwater-<uid>` in the system's directory for temporary files.
 *
 * Throws UNSUPPORTED_OPERATION on Windows.
 */
export function controlDirectory(): string {
  const user = userId();
  const runtime = process.env.XDG_RUNTIME_DIR;
  if (runtime !== undefined && isAbsolute(runtime)) return join(runtime, "headwater");
  return join(tmpdir(), `headwater-${user}`);
}

/** Creates the directory if it is not there; throws CONNECTION_FAILED as `isOurDirectory` does. */
export async function makeControlDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: OWNER_ONLY });
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw refused(directory, "it cannot be created", cause);
  }
  if (!(await isOurDirectory(directory))) throw refused(directory, "it was removed just now");
}

/**
 * False when there is nothing; throws CONNECTION_FAILED for a directory that others may look into
 * or change: whoever listens there could be anybody.
 */
export async function isOurDirectory(directory: string): Promise<boolean> {
  const found = await lstat(directory).catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw refused(directory, "it cannot be looked at", cause);
  });
  if (found === undefined) return false;
  if (!found.isDirectory()) throw refused(directory, "it is no directory");
  if (found.uid !== userId()) throw refused(directory, `it belongs to user ${found.uid}`);
  const mode = found.mode & 0o777;
  if (mode !== OWNER_ONLY) {
    throw refused(directory, `its permissions are ${octal(mode)}, not ${octal(OWNER_ONLY)}`);
  }
  return true;
}

/** A job's id among the running ones: what can be typed of its name, and its process. */
export function controlId(jobName: string, pid: number): string {
  const name = jobName.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, MAX_NAME_LENGTH);
  return `${name}-${pid}`;
}

/** Throws LIMIT_EXCEEDED when no socket can have the path. */
export function socketPath(directory: string, id: string): string {
  const path = join(directory, `${id}${SOCKET_SUFFIX}`);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path;
  throw new HeadwaterError(
    "LIMIT_EXCEEDED",
    `${path} is longer than the ${MAX_SOCKET_PATH} bytes that a socket's path may have`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Set XDG_RUNTIME_DIR to a shorter directory.",
    },
  );
}

/** The `code` of a system error; undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function userId(): number {
  const uid = process.getuid?.();
  if (uid !== undefined) return uid;
  throw unsupportedOperation(
    "jobs cannot be controlled from outside on this system",
    "Control sockets need Linux or macOS; stop the job with Ctrl-C.",
  );
}

function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, "0")}`;
}

function refused(directory: string, why: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("CONNECTION_FAILED", `the control directory ${directory}: ${why}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
    hint: "It must be a directory of yours with permissions 0700: remove it, or set XDG_RUNTIME_DIR to a directory that only you can use.",
  });
}
