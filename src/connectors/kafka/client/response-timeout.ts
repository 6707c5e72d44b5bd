import type { Socket } from "node:net";

/**
 * Notices a broker that owes a response and says nothing. It is the socket's own time-out, which every byte
 * puts off: kafkajs would look ten times a second, on every connection, also where nothing goes on.
 *
 * Owns: the socket's time-out. Called by: one connection.
 * Invariants: none runs while nothing is awaited; the longest time of what is awaited counts, because a
 * broker answers a connection's requests one after the other.
 */
export class ResponseTimeout {
  #socket: Socket | undefined;
  #awaited = 0;
  /** Milliseconds. */
  #longest = 0;

  /** `onSilent` gets the milliseconds that have passed without a word. */
  watch(socket: Socket, onSilent: (silence: number) => void): void {
    this.#socket = socket;
    socket.on("timeout", () => onSilent(this.#longest));
    this.#arm();
  }

  begin(timeout: number): void {
    this.#awaited++;
    this.#longest = Math.max(this.#longest, timeout);
    this.#arm();
  }

  end(): void {
    this.#awaited--;
    if (this.#awaited > 0) return;
    this.#longest = 0;
    this.#arm();
  }

  #arm(): void {
    this.#socket?.setTimeout(this.#longest);
  }
}
