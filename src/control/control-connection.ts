import type { Socket } from "node:net";
import type { Cancel, Clock } from "../mailbox/index.js";
import { type ControlRequest, encodeError, parseRequest } from "./control-protocol.js";
import { MessageLines } from "./message-lines.js";

/** How long a client may take for a whole request, and to take its answer, in milliseconds. */
const CLIENT_TIMEOUT = 10_000;

/** What a connection is made of. */
export interface ControlConnectionOptions {
  readonly clock: Clock;
  /** Carries a request out; gives the answer's bytes and never rejects. */
  readonly answer: (request: ControlRequest) => Promise<Buffer>;
  /** The socket is closed. */
  readonly closed: () => void;
}

/**
 * One client of a job's control socket.
 *
 * Owns: the socket and a timer. Called by: the server; bytes come from Node's event loop.
 * Invariants: one request is carried out at a time, and nothing is read meanwhile; a client that
 * sends what is no request gets an error and is disconnected; a request goes on without its client.
 */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #options: ControlConnectionOptions;
  readonly #lines = new MessageLines();
  readonly #closed: Promise<void>;
  /** From a request to its answer's last byte. */
  #isBusy = false;
  #isEnding = false;
  #cancelTimer: Cancel = () => {};

  constructor(socket: Socket, options: ControlConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#cancelTimer();
        options.closed();
        resolve();
      });
    });
    socket.on("data", (bytes) => {
      if (this.#isEnding) return;
      this.#lines.push(bytes);
      this.#next();
    });
    // "close" follows; an error without a listener would end the process.
    socket.on("error", () => {});
    this.#startTimer();
  }

  /** Tells the client why it is not served; what it has still to say is not read. */
  refuse(error: unknown): void {
    this.#isEnding = true;
    this.#startTimer();
    this.#socket.end(encodeError(error), () => this.#socket.destroy());
  }

  /** Lets the answer go out that is under way; resolves when the connection is closed. */
  finish(): Promise<void> {
    if (!this.#isBusy && !this.#isEnding) this.#socket.destroy();
    this.#isEnding = true;
    return this.#closed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #next(): void {
    if (this.#isBusy || this.#isEnding) return;
    let request: ControlRequest;
    try {
      const line = this.#lines.next();
      if (line === undefined) return;
      request = parseRequest(line);
    } catch (error) {
      this.refuse(error);
      return;
    }
    void this.#carryOut(request);
  }

  async #carryOut(request: ControlRequest): Promise<void> {
    this.#isBusy = true;
    this.#cancelTimer();
    this.#socket.pause();
    const answer = await this.#options.answer(request);
    if (this.#socket.destroyed) return;
    this.#startTimer();
    this.#socket.write(answer, () => {
      this.#isBusy = false;
      if (this.#isEnding) this.#socket.destroy();
      if (this.#socket.destroyed) return;
      this.#socket.resume();
      this.#next();
    });
  }

  #startTimer(): void {
    this.#cancelTimer();
    if (this.#socket.destroyed) return;
    this.#cancelTimer = this.#options.clock.schedule(CLIENT_TIMEOUT, () => this.#socket.destroy());
  }
}
