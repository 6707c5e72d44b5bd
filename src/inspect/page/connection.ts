import type { PageMessage, ServerMessage } from "../protocol.js";
import type { PageClock } from "./browser-clock.js";

/** What the page is told about its connection. */
export interface ConnectionEvents {
  /** A connection begins: all that was known is void. */
  opened(): void;
  received(messages: readonly ServerMessage[]): void;
  /** Lost; tries again after so many milliseconds, or not at all when the job has ended. */
  closed(retryIn: number | undefined): void;
}

const FIRST_DELAY = 500;
const LONGEST_DELAY = 10_000;

/**
 * Owns: the WebSocket to the job. Called by: the page.
 * Invariants: one socket at a time; after a loss it comes back, slower each time up to ten seconds.
 */
export class Connection {
  readonly #url: string;
  readonly #events: ConnectionEvents;
  readonly #clock: PageClock;
  #socket: WebSocket | undefined;
  #delay = FIRST_DELAY;
  #hasEnded = false;

  constructor(url: string, events: ConnectionEvents, clock: PageClock) {
    this.#url = url;
    this.#events = events;
    this.#clock = clock;
    this.#connect();
  }

  /** Sends it when connected; what is asked for is asked again after each opening. */
  send(message: PageMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => this.#events.opened();
    socket.onmessage = ({ data }) => {
      this.#delay = FIRST_DELAY;
      const messages = JSON.parse(String(data)) as ServerMessage[];
      this.#hasEnded ||= messages.some(({ type }) => type === "ended");
      this.#events.received(messages);
    };
    socket.onclose = () => {
      if (this.#hasEnded) {
        this.#events.closed(undefined);
        return;
      }
      this.#events.closed(this.#delay);
      this.#clock.schedule(this.#delay, () => this.#connect());
      this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY);
    };
  }
}
