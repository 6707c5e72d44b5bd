import { createServer, type Server, type Socket } from "node:net";

/** A real TCP server on a free port of 127.0.0.1 that does what a test tells it to. */
export class LineServer {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly #received: Buffer[][] = [];
  #port = 0;
  #onChange: () => void = () => {};

  constructor() {
    this.#server = createServer((socket) => {
      const received: Buffer[] = [];
      this.#sockets.push(socket);
      this.#received.push(received);
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        received.push(bytes);
        this.#onChange();
      });
      socket.on("close", () => this.#onChange());
      this.#onChange();
    });
  }

  get port(): number {
    return this.#port;
  }

  get connections(): readonly Socket[] {
    return this.#sockets;
  }

  /** What has come on the connection of that number, as text. */
  received(connection: number): string {
    return Buffer.concat(this.#received[connection] ?? []).toString();
  }

  /** Listens, again on the same port once it had one. */
  listen(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, "127.0.0.1", () => {
        this.#port = (this.#server.address() as { readonly port: number }).port;
        resolve(this);
      });
    });
  }

  /** Takes no further connections; those that are open stay. */
  refuse(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    return this.#sockets.some((socket) => !socket.destroyed) ? Promise.resolve() : closed;
  }

  /** The connection of that number, as soon as it is there. */
  async connection(number: number): Promise<Socket> {
    await this.until(() => this.#sockets.length > number);
    return this.#sockets[number] as Socket;
  }

  /** Resolves when the condition holds, looking whenever something happens here. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (!condition()) return;
        this.#onChange = () => {};
        resolve();
      };
      this.#onChange();
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Turns of Node's event loop until the condition holds. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 100_000) throw new Error(`has not come: ${condition}`);
    await new Promise(setImmediate);
  }
}
