import { absoluteAddress } from "../checkpoint/storage-address.js";
import { unsupportedOperation } from "../errors/index.js";
import { RealClock } from "../mailbox/index.js";
import type { JobHandle } from "../runtime/index.js";
import { isControlSupported } from "./control-directory.js";
import type { ControlRequest } from "./control-protocol.js";
import { ControlServer } from "./control-server.js";

/** What `openControl` may be told. */
export interface OpenControlOptions {
  /** Where the job keeps its checkpoints, for `headwater checkpoints`; a path or an address. */
  readonly checkpointDirectory?: string | undefined;
  /** Hears of a request before it is carried out; must not throw. */
  readonly requested?: (request: ControlRequest) => void;
}

/** An open control socket. */
export interface Control {
  /** What the commands take when the job's name is not enough. */
  readonly id: string;
  /** The socket's file. */
  readonly path: string;
  /** Before the job ends; at its end the socket closes by itself. */
  close(): Promise<void>;
}

/**
 * Lets `headwater list`, `status`, `savepoint`, `stop` and `cancel` reach a job that a program of
 * yours runs, as they reach those that `headwater run` started; for the program's own user only.
 *
 * Rejects with UNSUPPORTED_OPERATION on Windows, with CONNECTION_FAILED or LIMIT_EXCEEDED when the
 * socket cannot be opened; the job runs on.
 */
export async function openControl(
  handle: JobHandle,
  { checkpointDirectory, requested }: OpenControlOptions = {},
): Promise<Control> {
  if (!isControlSupported()) {
    throw unsupportedOperation("control sockets need Unix permissions, which Windows has not");
  }
  const server = await ControlServer.open({
    handle,
    clock: new RealClock(),
    checkpointDirectory:
      checkpointDirectory === undefined ? undefined : absoluteAddress(checkpointDirectory),
    ...(requested !== undefined && { requested }),
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= server.close();
    return closing;
  };
  handle.done.then(close, close);
  return { id: server.id, path: server.path, close };
}
