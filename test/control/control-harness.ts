import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlServer, type ControlServerOptions } from "../../src/control/control-server.js";
import { defineJob, discardSink, eventSource, type JobHandle } from "../../src/index.js";
import { VirtualClock } from "../../src/mailbox/index.js";

/** Ends what a test has started, the last first. */
export class Cleanup {
  readonly #actions: (() => unknown)[] = [];

  add(action: () => unknown): void {
    this.#actions.push(action);
  }

  async run(): Promise<void> {
    for (const action of this.#actions.splice(0).reverse()) await action();
  }
}

/** A directory that is there until the test ends. */
export async function temporaryDirectory(cleanup: Cleanup): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "hw-"));
  cleanup.add(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A job that waits for records that never come: it can be checkpointed, stopped and cancelled. */
export async function waitingJob(
  cleanup: Cleanup,
  options: { readonly name?: string; readonly parallelism?: number } = {},
): Promise<JobHandle> {
  const { name = "waiting", parallelism = 1 } = options;
  const directory = await temporaryDirectory(cleanup);
  const job = defineJob(name, (env) => {
    env.fromSource(eventSource<number>(new EventEmitter(), "never")).sinkTo(discardSink());
  });
  const handle = await job.run({ parallelism, checkpoint: { directory } });
  cleanup.add(() => handle.cancel());
  // Refused until all subtasks run.
  for (let tries = 0; tries < 1000; tries++) {
    const taken = await handle.checkpoint().catch(() => undefined);
    if (taken !== undefined) return handle;
  }
  throw new Error(`${name} does not run: ${JSON.stringify(handle.status())}`);
}

/** The control socket of such a job, with time that stands still. */
export async function controlled(
  cleanup: Cleanup,
  options: Partial<ControlServerOptions> = {},
): Promise<{ server: ControlServer; handle: JobHandle; clock: VirtualClock; directory: string }> {
  const handle = options.handle ?? (await waitingJob(cleanup));
  const clock = new VirtualClock(1_000_000);
  const directory = options.directory ?? join(await temporaryDirectory(cleanup), "control");
  const server = await ControlServer.open({ clock, directory, ...options, handle });
  cleanup.add(() => server.close());
  return { server, handle, clock, directory };
}

/** A client that says what it likes. */
export class RawClient {
  readonly socket: Socket;
  /** Resolves with all that was received when the connection is closed. */
  readonly closed: Promise<string>;
  #received = "";
  readonly #listeners = new Set<() => void>();

  constructor(path: string, cleanup: Cleanup) {
    this.socket = connect(path);
    this.socket.setEncoding("utf8").on("data", (text: string) => {
      this.#received += text;
      for (const listener of [...this.#listeners]) listener();
    });
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.socket.once("close", () => resolve(this.#received));
    });
    cleanup.add(() => this.socket.destroy());
  }

  /** Resolves when so many lines have come. */
  lines(count: number): Promise<readonly string[]> {
    return new Promise((resolve) => {
      const look = (): void => {
        const lines = this.#received.split("\n").slice(0, -1);
        if (lines.length < count) return;
        this.#listeners.delete(look);
        resolve(lines);
      };
      this.#listeners.add(look);
      look();
    });
  }
}
