import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { HeadwaterError } from "../../errors/index.js";
import type { Clock } from "../../mailbox/index.js";
import { DEFAULT_PORT } from "../inspector-options.js";
import { LIVE_PATH, STATELY_PATH } from "../protocol.js";
import { Access } from "./access.js";
import { BoundedSocket } from "./bounded-socket.js";
import { SECURITY_HEADERS, staticFile } from "./static-files.js";

/** Pages at the same time. */
const MAX_PAGES = 16;
/** Bytes of one message from a page. */
const MAX_MESSAGE_BYTES = 256 * 1024;
/** Ports that are tried when none is given. */
const PORTS_TRIED = 20;
/** How long pages may take to get what was sent before the end, in milliseconds. */
const CLOSE_TIMEOUT = 2000;

/** Tells pages what there is to see. */
export interface PageFeed {
  /** From now on the socket gets everything; `closed` is called when it has closed. */
  add(socket: BoundedSocket): { receive(text: string): void; closed(): void };
}

/** Tells inspectors that only listen. */
export interface ListenerFeed {
  /** From now on the socket gets everything; what is returned is called when it has closed. */
  add(socket: BoundedSocket): () => void;
}

export interface InspectorServerOptions {
  readonly host: string;
  /** Undefined: the first free one. */
  readonly port: number | undefined;
  readonly token: string | undefined;
  readonly clock: Clock;
  readonly live: PageFeed;
  /** Undefined: there is nothing for them. */
  readonly stately?: ListenerFeed;
}

/**
 * Serves the page and its data on the loopback interface.
 *
 * Owns: the HTTP server and its sockets. Called by: browsers and inspectors, in Node's event loop.
 * Invariants: only requests that name this machine and have the token get anything; at most
 * `MAX_PAGES` sockets; nothing that a client sends or fails to read can hold up or fail the job.
 */
export class InspectorServer {
  readonly #options: InspectorServerOptions;
  readonly #access: Access;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  readonly #connections = new Set<Socket>();

  private constructor(options: InspectorServerOptions) {
    this.#options = options;
    this.#access = new Access(options.token);
    this.#http = createServer((request, response) => {
      // Whatever is wrong with a file, the job goes on.
      this.#answer(request, response).catch(() => {
        if (response.headersSent) response.destroy();
        else refuse(response, 500, "This cannot be served: is the package installed completely?");
      });
    });
    this.#http.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket as Socket, head);
    });
    this.#http.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
  }

  /** Throws CONNECTION_FAILED when the port, or all that were tried, are in use. */
  static async open(options: InspectorServerOptions): Promise<InspectorServer> {
    const server = new InspectorServer(options);
    const first = options.port ?? DEFAULT_PORT;
    const last = options.port === undefined ? first + PORTS_TRIED - 1 : first;
    for (let port = first; ; port++) {
      try {
        await server.#listen(port);
        return server;
      } catch (cause) {
        const isInUse = (cause as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!isInUse || port === last) throw cannotListen(options.host, first, last, cause);
      }
    }
  }

  /** Where the page is, with the token. */
  get url(): string {
    return `http://${this.#authority}/${this.#query}`;
  }

  /** Where `@statelyai/inspect` may connect to. */
  get statelyUrl(): string {
    return `ws://${this.#authority}${STATELY_PATH}${this.#query}`;
  }

  /** Stops listening; what has been sent goes out first, for 2 s at most. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
    });
    this.#http.closeIdleConnections();
    const cancel = this.#options.clock.schedule(CLOSE_TIMEOUT, () => {
      for (const socket of this.#connections) socket.destroy();
    });
    await closed;
    cancel();
  }

  get #authority(): string {
    const { port } = this.#http.address() as AddressInfo;
    const { host } = this.#options;
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  get #query(): string {
    const { token } = this.#options;
    return token === undefined ? "" : `?token=${token}`;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(port, this.#options.host, () => {
        this.#http.off("error", reject);
        // Such as too many open files: the client that could not be served will see it end.
        this.#http.on("error", () => {});
        resolve();
      });
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = urlOf(request);
    if (!this.#access.isLocal(request) || url === undefined) {
      refuse(response, 403, "This address is for this machine only.");
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      refuse(response, 405, "There is nothing to change here.");
    } else if (url.pathname === "/" && !this.#access.isAllowed(url)) {
      refuse(response, 401, "The address needs the token that was printed with it.");
    } else {
      const file = await staticFile(url.pathname);
      if (file === undefined) refuse(response, 404, "There is nothing here.");
      else {
        response.writeHead(200, { ...SECURITY_HEADERS, "Content-Type": file.type });
        response.end(request.method === "HEAD" ? undefined : file.body);
      }
    }
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on("error", () => {});
    const url = urlOf(request);
    const refusal = this.#refusalOf(request, url);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      if (url?.pathname === LIVE_PATH) this.#addPage(accepted);
      else if (this.#options.stately !== undefined) {
        this.#addInspector(accepted, this.#options.stately);
      }
    });
  }

  /** Why there is no socket for a request; undefined: there is. */
  #refusalOf(request: IncomingMessage, url: URL | undefined): string | undefined {
    if (!this.#access.isLocal(request) || url === undefined) return "403 Forbidden";
    if (!this.#access.isAllowed(url)) return "401 Unauthorized";
    const hasFeed =
      url.pathname === LIVE_PATH ||
      (url.pathname === STATELY_PATH && this.#options.stately !== undefined);
    if (!hasFeed) return "404 Not Found";
    if (!this.#http.listening) return "503 Closing";
    return this.#sockets.clients.size >= MAX_PAGES ? "503 Too Many Pages" : undefined;
  }

  #addPage(socket: WebSocket): void {
    let closed = (): void => {};
    const bounded = new BoundedSocket(socket, this.#options.clock, () => closed());
    const page = this.#options.live.add(bounded);
    closed = page.closed;
    socket.on("message", (data) => page.receive(String(data)));
  }

  /** What it says does not matter: inspectors only listen. */
  #addInspector(socket: WebSocket, feed: ListenerFeed): void {
    let closed = (): void => {};
    const bounded = new BoundedSocket(socket, this.#options.clock, () => closed());
    closed = feed.add(bounded);
  }
}

function urlOf({ url }: IncomingMessage): URL | undefined {
  try {
    return new URL(url ?? "/", "http://localhost");
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { ...SECURITY_HEADERS, "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${why}\n`);
}

function cannotListen(host: string, first: number, last: number, cause: unknown): HeadwaterError {
  const { code } = cause as NodeJS.ErrnoException;
  const ports = first === last ? `port ${first}` : `any of the ports ${first} to ${last}`;
  const why = code === "EADDRINUSE" ? "in use" : (code ?? "unknown reason");
  return new HeadwaterError(
    "CONNECTION_FAILED",
    `the inspector cannot listen on ${ports} of ${host}: ${why}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      cause,
      hint: "Give another port, or none: then a free one is taken.",
    },
  );
}
