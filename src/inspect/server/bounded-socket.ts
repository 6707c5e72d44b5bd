import type { WebSocket } from "ws";
import type { Cancel, Clock } from "../../mailbox/index.js";

/** With more bytes than this waiting for it a page is behind: it gets nothing until it has caught up. */
const MAX_BUFFERED = 1024 * 1024;
/** Milliseconds between two looks at whether a page is still there. */
const HEARTBEAT = 15_000;
/** A page that answers no ping, or stays behind, for so many looks is dropped. */
const MAX_MISSED = 3;

/**
 * A WebSocket to a page that may be slow, or gone without a word.
 *
 * Owns: the socket and a timer. Called by: feeds, in Node's event loop.
 * Invariants: never holds much more than `MAX_BUFFERED` bytes beside one frame; nobody waits for it.
 */
export class BoundedSocket {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  #missed = 0;
  #isAlive = true;
  #cancelHeartbeat: Cancel = () => {};

  constructor(socket: WebSocket, clock: Clock, closed: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on("pong", () => {
      this.#isAlive = true;
    });
    // "close" follows; an error without a listener would end the process.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#cancelHeartbeat();
      closed();
    });
    this.#beat();
  }

  /** Whether it takes nothing now. */
  get isBehind(): boolean {
    return this.#socket.bufferedAmount > MAX_BUFFERED;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  send(text: string): void {
    if (this.isOpen) this.#socket.send(text, () => {});
  }

  /** After what has been sent. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#clock.schedule(HEARTBEAT, () => {
      this.#missed = this.#isAlive && !this.isBehind ? 0 : this.#missed + 1;
      if (this.#missed >= MAX_MISSED) {
        this.#socket.terminate();
        return;
      }
      this.#isAlive = false;
      if (this.isOpen) this.#socket.ping(() => {});
      this.#beat();
    });
  }
}
