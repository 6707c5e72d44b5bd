import { createServer } from "node:net";
import { WebSocket } from "ws";
import { HeadwaterError, peerMissing, withoutSecrets } from "../../errors/index.js";
import type { Clock } from "../../mailbox/index.js";
import { BoundedSocket } from "../server/bounded-socket.js";
import type { StatelyFeed } from "./stately-feed.js";

/** How long a server may take to accept the connection, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;

/** An inspector of Stately that is sent everything. */
export interface StatelyTarget {
  /** Where to look; undefined: wherever the server that was named shows it. */
  readonly url: string | undefined;
  close(): void;
}

/**
 * Starts the inspector server of `@statelyai/inspect` on a port, or takes the one at a URL, and sends it
 * every machine. Throws DRIVER_MISSING without the package, CONNECTION_FAILED.
 */
export async function openStatelyTarget(
  target: number | string,
  feed: StatelyFeed,
  clock: Clock,
): Promise<StatelyTarget> {
  const server = typeof target === "number" ? await startServer(target) : undefined;
  const url = typeof target === "number" ? `ws://localhost:${target}` : target;
  let remove = (): void => {};
  let bounded: BoundedSocket;
  try {
    const socket = new WebSocket(url, { handshakeTimeout: CONNECT_TIMEOUT });
    // Before it opens: what comes with the answer is not lost, nor is an error.
    bounded = new BoundedSocket(socket, clock, () => remove());
    await opened(socket, url);
  } catch (error) {
    server?.stop();
    throw error;
  }
  remove = feed.add(bounded);
  return {
    url: server === undefined ? undefined : `http://localhost:${target}`,
    close: () => {
      bounded.close(1000, "the inspector ends");
      server?.stop();
    },
  };
}

async function startServer(port: number): Promise<{ stop(): void }> {
  const { createInspectorServer } = await import("@statelyai/inspect/server").catch(
    (cause: unknown) => {
      throw peerMissing(
        "the inspector of Stately needs @statelyai/inspect",
        "@statelyai/inspect",
        cause,
      );
    },
  );
  // Its own error would end the process: nobody can listen to it.
  await checkFree(port);
  return createInspectorServer({ port, autoOpen: false });
}

function checkFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause) => reject(failed(`port ${port} cannot be used`, cause)));
    probe.listen(port, () => probe.close(() => resolve()));
  });
}

function opened(socket: WebSocket, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", (cause) => {
      reject(failed(withoutSecrets(`${url} cannot be reached`), cause));
    });
  });
}

function failed(what: string, cause: unknown): HeadwaterError {
  return new HeadwaterError("CONNECTION_FAILED", `the inspector of Stately: ${what}`, {
    domain: "external",
    retry: "never",
    scope: "job",
    cause,
  });
}
