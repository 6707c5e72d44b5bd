import { chmod, rename, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import type { CompletedCheckpoint } from "../checkpoint/index.js";
import { HeadwaterError, illegalState } from "../errors/index.js";
import type { Cancel, Clock } from "../mailbox/index.js";
import type { JobHandle } from "../runtime/index.js";
import { ControlConnection } from "./control-connection.js";
import {
  codeOf,
  controlDirectory,
  controlId,
  makeControlDirectory,
  socketPath,
} from "./control-directory.js";
import {
  type ControlAnswer,
  type ControlRequest,
  encodeAnswer,
  encodeError,
} from "./control-protocol.js";
import { hasListener } from "./find-jobs.js";
import { reportOf } from "./job-report.js";

const MAX_CONNECTIONS = 16;
/** Halvings of the subtasks in a report until it fits: then none is left. */
const MAX_CUTS = 7;
/** How long `close` lets answers go out, in milliseconds. */
const CLOSE_TIMEOUT = 2000;

/** What a control socket gives access to. */
export interface ControlServerOptions {
  readonly handle: JobHandle;
  readonly clock: Clock;
  /** Absolute; undefined when checkpoints stay in memory. */
  readonly checkpointDirectory?: string | undefined;
  /** Default: that of this user. */
  readonly directory?: string;
  readonly pid?: number;
  /** Hears of a request before it is carried out; must not throw. */
  readonly requested?: (request: ControlRequest) => void;
}

/**
 * A job's control socket: other processes of the same user ask for savepoints and the end there.
 *
 * Owns: the socket, its file and its connections. Called by: the process that runs the job; requests
 * come from Node's event loop.
 * Invariants: the file appears under its name only when somebody listens and nobody else may connect;
 * at most `MAX_CONNECTIONS` connections, one request at a time on each; nothing a client sends can
 * fail the job.
 */
export class ControlServer {
  /** The job's id among the running ones. */
  readonly id: string;
  readonly path: string;
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  readonly #startedAt: number;
  readonly #started: number;
  readonly #connections = new Set<ControlConnection>();

  private constructor(options: ControlServerOptions, id: string, path: string) {
    this.id = id;
    this.path = path;
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#started = options.clock.relativeTime();
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /**
   * Opens the socket. Throws CONNECTION_FAILED for a directory that is not only ours and for a
   * socket that cannot be made, LIMIT_EXCEEDED for a path that no socket can have.
   */
  static async open(options: ControlServerOptions): Promise<ControlServer> {
    const { directory = controlDirectory(), pid = process.pid, handle } = options;
    const id = controlId(handle.jobName, pid);
    const path = socketPath(directory, id);
    await makeControlDirectory(directory);
    const server = new ControlServer(options, id, path);
    try {
      await server.#listen();
    } catch (cause) {
      server.#server.close();
      throw cannotListen(path, cause);
    }
    return server;
  }

  /** Removes the socket; answers that are under way go out first, for 2 s at most. */
  async close(): Promise<void> {
    await this.#removeSocket();
    this.#server.close();
    let cancel: Cancel = () => {};
    const tooLong = new Promise<void>((resolve) => {
      cancel = this.#options.clock.schedule(CLOSE_TIMEOUT, resolve);
    });
    const finished = [...this.#connections].map((connection) => connection.finish());
    await Promise.race([Promise.all(finished), tooLong]);
    cancel();
    for (const connection of this.#connections) connection.destroy();
  }

  /** Under another name first: who finds the socket can connect, and nobody else could before. */
  async #listen(): Promise<void> {
    const hidden = join(dirname(this.path), `.${basename(this.path, ".sock")}`);
    if (await hasListener(this.path, { clock: this.#options.clock, timeout: 1000 }))
      throw illegalState("another process listens there");
    await rm(hidden, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(hidden, resolve);
    });
    this.#server.removeAllListeners("error");
    // Such as too many open files: the client that could not be served will see it end.
    this.#server.on("error", () => {});
    await chmod(hidden, 0o600);
    await rename(hidden, this.path);
  }

  /** Before the end is told: whoever hears of it does not find the job any more. */
  async #removeSocket(): Promise<void> {
    // What cannot be removed is found by `findJobs`, where nobody answers.
    await rm(this.path, { force: true }).catch(() => undefined);
  }

  #accept(socket: Socket): void {
    const connection = new ControlConnection(socket, {
      clock: this.#options.clock,
      answer: (request) => this.#answer(request),
      closed: () => this.#connections.delete(connection),
    });
    if (this.#connections.size >= MAX_CONNECTIONS) connection.refuse(tooManyConnections());
    else this.#connections.add(connection);
  }

  /** The answer's bytes; never rejects. */
  async #answer(request: ControlRequest): Promise<Buffer> {
    try {
      if (request.type === "status") return this.#report();
      this.#options.requested?.(request);
      return encodeAnswer(await this.#carryOut(request));
    } catch (error) {
      return encodeError(error);
    }
  }

  async #carryOut(request: Exclude<ControlRequest, { type: "status" }>): Promise<ControlAnswer> {
    const { handle } = this.#options;
    if (request.type === "cancel") {
      await handle.cancel();
      await this.#removeSocket();
      const { state } = handle.status();
      if (state !== "CANCELED") throw illegalState(`the job has ended before: ${state}`);
      return { type: "canceled" };
    }
    if (request.type === "inspect") return inspect(handle, request);
    const { type, ...options } = request;
    if (type === "savepoint") {
      return { type: "checkpoint", checkpoint: await handle.savepoint(options.target) };
    }
    const checkpoint = await handle.stop(options);
    // Whoever goes on from the savepoint must not meet this job.
    await handle.done.catch((cause: unknown) => {
      throw failedAfter(checkpoint, cause);
    });
    await this.#removeSocket();
    return { type: "checkpoint", checkpoint };
  }

  #report(): Buffer {
    const { handle, clock, checkpointDirectory, pid = process.pid } = this.#options;
    const facts = {
      pid,
      startedAt: this.#startedAt,
      uptime: clock.relativeTime() - this.#started,
      checkpointDirectory,
    };
    for (let cuts = 0; ; cuts++) {
      const report = reportOf(handle, facts, cuts);
      try {
        return encodeAnswer({ type: "report", report });
      } catch (error) {
        if (cuts === MAX_CUTS) throw error;
      }
    }
  }
}

/** The one that is there keeps its port and its token: its address has both. */
async function inspect(
  handle: JobHandle,
  { type: _, ...options }: Extract<ControlRequest, { type: "inspect" }>,
): Promise<ControlAnswer> {
  // Nobody needs its server but a job that is looked at.
  const { attachInspector } = await import("../inspect/attach-inspector.js");
  const { url } = await attachInspector(handle, { ...options, announce: () => {} });
  return { type: "inspecting", url };
}

function tooManyConnections(): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `${MAX_CONNECTIONS} control connections are open already`,
    { domain: "user", retry: "backoff", scope: "job", hint: "Wait until other commands end." },
  );
}

function failedAfter({ location }: CompletedCheckpoint, cause: unknown): HeadwaterError {
  return new HeadwaterError("JOB_CANCELED", `the job failed after its savepoint ${location}`, {
    domain: "external",
    retry: "never",
    scope: "job",
    cause,
    hint: "The savepoint is whole; look into why the job could not end.",
  });
}

function cannotListen(path: string, cause: unknown): HeadwaterError {
  const system = codeOf(cause);
  return new HeadwaterError(
    "CONNECTION_FAILED",
    `the control socket ${path} cannot be opened${system === undefined ? "" : ` (${system})`}`,
    { domain: "external", retry: "never", scope: "job", cause },
  );
}
