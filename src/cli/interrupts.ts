import type { Logger } from "pino";
import { explain } from "../errors/index.js";
import type { Clock } from "../mailbox/index.js";
import type { JobHandle } from "../runtime/index.js";
import { TERMINAL_STATES } from "../runtime/job-status.js";

/**
 * Signals closer than this, in milliseconds, are one key press: npm passes Ctrl-C on to a process
 * that the terminal has told already.
 */
const SAME_KEY_PRESS = 300;

/** What Ctrl-C acts on. */
export interface InterruptsOptions {
  readonly handle: JobHandle;
  readonly clock: Clock;
  readonly log: Logger;
  /** What to type to go on from a savepoint. */
  resumeCommand(location: string): string;
  say(message: string): void;
}

/** Turns the first Ctrl-C into a stop with savepoint, and the second into a cancel. */
export class Interrupts {
  canceled = false;
  /** The user knows the savepoint with which the job was stopped. */
  stopped = false;
  readonly #options: InterruptsOptions;
  #count = 0;
  #last = Number.NEGATIVE_INFINITY;
  readonly #listener = (): void => this.#interrupt();

  constructor(options: InterruptsOptions) {
    this.#options = options;
    process.on("SIGINT", this.#listener);
    process.on("SIGTERM", this.#listener);
  }

  dispose(): void {
    process.off("SIGINT", this.#listener);
    process.off("SIGTERM", this.#listener);
  }

  #interrupt(): void {
    const now = this.#options.clock.relativeTime();
    if (now - this.#last < SAME_KEY_PRESS) return;
    this.#last = now;
    this.#count++;
    if (this.#count === 1) void this.#stop();
    else {
      this.canceled = true;
      void this.#options.handle.cancel();
    }
  }

  async #stop(): Promise<void> {
    const { handle, log, say, resumeCommand } = this.#options;
    say("stopping with a savepoint; press Ctrl-C again to cancel without one");
    try {
      const { location } = await handle.stop();
      this.stopped = true;
      say(stoppedWith(location, resumeCommand));
    } catch (error) {
      // Nobody waits for the savepoint of a job that was cancelled or has ended meanwhile.
      if (this.canceled || TERMINAL_STATES.has(handle.status().state)) return;
      log.error({ err: error }, "the savepoint failed");
      say(`the savepoint failed, the job goes on: ${explain(error)}`);
      this.#count = 0;
    }
  }
}

/** Where the savepoint lies, and what to type to go on from it. */
export function stoppedWith(location: string, resumeCommand: (location: string) => string): string {
  return `stopped with savepoint ${location}\ngo on with: ${resumeCommand(location)}`;
}
