import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { ClientMeasurement } from "./clients/client.js";

/** Of what a client writes to its standard error, to find out why it failed. */
const ERRORS_AT_MOST = 65_536;

/**
 * A client in a process of its own, which runs once for each line that it gets and prints what it measured
 * as a line of JSON: clients whose runs take turns meet the same machine, however that changes meanwhile.
 *
 * Owns: the process, and the time that its runs may take together. Called by: measureRow.
 */
export class ClientProcess {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #limit: number;
  #left: number;
  #errors = "";

  /** `limit`: milliseconds for all runs. */
  constructor([command = "", ...args]: readonly string[], limit: number) {
    this.#limit = limit;
    this.#left = limit;
    this.#process = spawn(command, args);
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-ERRORS_AT_MOST);
    });
    this.#process.on("error", (error) => {
      this.#errors += `error: ${error.message}`;
    });
    // That it has ended is seen where its lines end.
    this.#process.stdin.on("error", () => {});
  }

  /** Rejects when it fails, or when the time of its runs is over; then it has ended. */
  async run(): Promise<ClientMeasurement> {
    const started = performance.now();
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#process.kill("SIGKILL");
    }, this.#left);
    try {
      this.#process.stdin.write("\n");
      for (;;) {
        const { done, value } = await this.#lines.next();
        if (done === true) throw new Error(isOver ? this.#tookLonger() : this.#reason());
        if (value.startsWith("{")) return JSON.parse(value) as ClientMeasurement;
      }
    } finally {
      clearTimeout(timer);
      this.#left -= performance.now() - started;
    }
  }

  end(): void {
    this.#process.kill("SIGKILL");
  }

  #tookLonger(): string {
    return `it was not done after ${Math.round(this.#limit / 1000)} s`;
  }

  #reason(): string {
    const lines = this.#errors.trim().split("\n");
    return (lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "it has ended").trim();
  }
}
