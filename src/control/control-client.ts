import { connect } from "node:net";
import { fromErrorInfo, HeadwaterError } from "../errors/index.js";
import type { Clock } from "../mailbox/index.js";
import { codeOf } from "./control-directory.js";
import {
  type ControlAnswer,
  type ControlRequest,
  encodeRequest,
  parseAnswer,
} from "./control-protocol.js";
import { MessageLines } from "./message-lines.js";

/** How long to wait for an answer, in milliseconds, and by which clock. */
export interface AskOptions {
  readonly clock: Clock;
  readonly timeout: number;
}

/** The answer that belongs to a request. */
type AnswerTo<R extends ControlRequest> = R extends { type: "status" }
  ? Extract<ControlAnswer, { type: "report" }>
  : R extends { type: "cancel" }
    ? Extract<ControlAnswer, { type: "canceled" }>
    : R extends { type: "inspect" }
      ? Extract<ControlAnswer, { type: "inspecting" }>
      : Extract<ControlAnswer, { type: "checkpoint" }>;

const ANSWERS: Readonly<Record<ControlRequest["type"], ControlAnswer["type"]>> = {
  status: "report",
  savepoint: "checkpoint",
  stop: "checkpoint",
  cancel: "canceled",
  inspect: "inspecting",
};

/**
 * Sends a request to the socket of a running job and waits for its answer.
 *
 * Rejects with what the job could not do, with CONNECTION_FAILED when nobody listens, when the
 * connection ends before the answer or the timeout does, and with ILLEGAL_ARGUMENT or
 * UNSUPPORTED_OPERATION when what listens is no job of this release's protocol.
 */
export async function askJob<R extends ControlRequest>(
  path: string,
  request: R,
  options: AskOptions,
): Promise<AnswerTo<R>> {
  const message = parseAnswer(await exchange(path, encodeRequest(request), options));
  if (!message.ok) throw fromErrorInfo(message.error);
  if (message.answer.type !== ANSWERS[request.type]) {
    throw failed(path, `answered a ${request.type} request with ${message.answer.type}`);
  }
  return message.answer as AnswerTo<R>;
}

/** Whether the error says that nobody listens at a socket's path. */
export function isNobodyThere(error: unknown): boolean {
  const code = codeOf(error instanceof Error ? error.cause : undefined);
  return code === "ECONNREFUSED" || code === "ENOENT";
}

/** The first line that comes back. */
function exchange(path: string, bytes: Buffer, { clock, timeout }: AskOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const lines = new MessageLines();
    const socket = connect(path);
    const cancel = clock.schedule(timeout, () => {
      socket.destroy(failed(path, `has not answered within ${timeout} ms`));
    });
    socket.on("connect", () => socket.write(bytes));
    socket.on("data", (some) => {
      try {
        lines.push(some);
        const line = lines.next();
        if (line === undefined) return;
        resolve(line);
        socket.destroy();
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on("error", (error) => {
      reject(error instanceof HeadwaterError ? error : failed(path, "cannot be reached", error));
    });
    socket.on("close", () => {
      cancel();
      reject(failed(path, "has ended before it answered"));
    });
  });
}

function failed(path: string, what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("CONNECTION_FAILED", `the job at ${path} ${what}`, {
    domain: "external",
    retry: "backoff",
    scope: "job",
    cause,
    hint: "headwater list shows which jobs run here.",
  });
}
