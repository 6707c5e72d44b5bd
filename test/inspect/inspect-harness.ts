import { EventEmitter } from "node:events";
import { WebSocket } from "ws";
import {
  defineJob,
  discardSink,
  eventSource,
  type JobHandle,
  numberSequenceSource,
  type RunOptions,
} from "../../src/index.js";
import { attachInspector, type Inspector, type InspectorOptions } from "../../src/inspect/index.js";
import type { PageMessage, ServerMessage } from "../../src/inspect/protocol.js";
import type { Cleanup } from "../control/control-harness.js";

type MessageOf<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;

/** A job with one source that ends, on two subtasks, and one that goes on until it is stopped. */
export async function twoSources(
  cleanup: Cleanup,
  options: RunOptions = {},
): Promise<{ handle: JobHandle; emitter: EventEmitter }> {
  const emitter = new EventEmitter();
  const job = defineJob("inspected/job", (env) => {
    env
      .fromSource(numberSequenceSource({ from: 1, to: 50_000 }), undefined, { id: "numbers" })
      .sinkTo(discardSink());
    env
      .fromSource(eventSource<number>(emitter, "number"), undefined, {
        id: "events",
        parallelism: 1,
      })
      .sinkTo(discardSink());
  });
  const handle = await job.run({ parallelism: 2, ...options });
  cleanup.add(() => handle.cancel());
  return { handle, emitter };
}

export async function inspected(
  cleanup: Cleanup,
  handle: JobHandle,
  options: InspectorOptions = {},
): Promise<Inspector> {
  const inspector = await attachInspector(handle, { port: 0, announce: () => {}, ...options });
  cleanup.add(() => inspector.close());
  return inspector;
}

/** The WebSocket of a page, and all that it was told. */
export class Page {
  readonly messages: ServerMessage[] = [];
  readonly socket: WebSocket;
  /** Resolves with the code when the connection is closed. */
  readonly closed: Promise<number>;
  readonly #listeners = new Set<() => void>();

  constructor(url: string, cleanup: Cleanup, headers: Record<string, string> = {}) {
    const live = new URL("/live", url);
    live.search = new URL(url).search;
    live.protocol = "ws:";
    this.socket = new WebSocket(live, { headers });
    this.socket.on("message", (data) => {
      this.messages.push(...(JSON.parse(String(data)) as ServerMessage[]));
      for (const listener of [...this.#listeners]) listener();
    });
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.socket.once("close", (code) => {
        resolve(code);
        for (const listener of [...this.#listeners]) listener();
      });
    });
    cleanup.add(() => this.socket.terminate());
  }

  of<T extends ServerMessage["type"]>(type: T): readonly MessageOf<T>[] {
    return this.messages.filter((message): message is MessageOf<T> => message.type === type);
  }

  /** The newest row of each actor. */
  rows(): ReadonlyMap<string, MessageOf<"actors">["rows"][number]> {
    const rows = new Map<string, MessageOf<"actors">["rows"][number]>();
    for (const message of this.of("actors")) {
      for (const row of message.rows) rows.set(row.id, row);
      for (const id of message.removed) rows.delete(id);
    }
    return rows;
  }

  say(message: PageMessage | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Resolves when the condition holds for what has come so far; fails when the connection ends first. */
  until(condition: (page: Page) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const holds = condition(this);
        if (!holds && this.socket.readyState !== WebSocket.CLOSED) return;
        this.#listeners.delete(look);
        if (holds) resolve();
        else reject(new Error(`closed before: ${condition}`));
      };
      this.#listeners.add(look);
      look();
    });
  }
}
