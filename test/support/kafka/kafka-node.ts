import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { untilAnswering } from "./kafka-probe.js";

/** A broker takes 3 s to start; a loaded machine much longer. */
export const LONGEST_START = 120_000;
/** Kafka waits up to five minutes for others to take its partitions over; they may not be able to. */
const LONGEST_STOP = 30_000;

/**
 * The shell that runs the broker's JVM: it kills it and removes its data when the pipe to the test
 * process ends, which happens however that process dies.
 */
const GUARD = `
exec 3<&0
dir="$1"; shift
"$@" </dev/null 3<&- &
jvm=$!
( cat <&3 >/dev/null; kill -9 $jvm; sleep 0.2; rm -rf "$dir" ) >/dev/null 2>&1 &
guard=$!
exec 3<&-
echo "jvm $jvm"
wait $jvm
code=$?
kill $guard
exit $code`;

/** One broker process; `root` is the directory of the whole cluster. */
export class KafkaNode {
  readonly id: number;
  readonly port: number;
  readonly #root: string;
  readonly #command: readonly string[];
  #process: ChildProcess | undefined;
  #jvm: number | undefined;
  #log = "";

  constructor(id: number, port: number, root: string, command: readonly string[]) {
    this.id = id;
    this.port = port;
    this.#root = root;
    this.#command = command;
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error(`broker ${this.id} runs already`);
    // A group of its own: a terminal's Ctrl-C is for the test process, which then ends this one.
    const child = spawn("sh", ["-c", GUARD, "sh", this.#root, ...this.#command], {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process = child;
    const output = (data: Buffer): void => {
      this.#log = (this.#log + data.toString()).slice(-8000);
      this.#jvm ??= Number(/^jvm (\d+)$/m.exec(this.#log)?.[1] ?? Number.NaN) || undefined;
    };
    child.stdout?.on("data", output);
    child.stderr?.on("data", output);
    child.stdin?.on("error", () => {});
    // The test process may end while the broker still runs: the guard sees to the rest.
    child.unref();
    for (const pipe of [child.stdin, child.stdout, child.stderr]) {
      (pipe as unknown as { unref?: () => void } | null)?.unref?.();
    }
    const end = Date.now() + LONGEST_START;
    try {
      await untilAnswering(this.port, () => Date.now() > end || child.exitCode !== null);
    } catch (cause) {
      await this.end("SIGKILL");
      throw new Error(`broker ${this.id} did not start: ${this.#log}`, { cause });
    }
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** SIGSTOP: it answers no more and keeps its connections; SIGCONT: it goes on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    if (this.#jvm !== undefined) process.kill(this.#jvm, signal);
  }

  /** SIGTERM: it hands its partitions over first, and is killed when it cannot. SIGKILL: it crashes. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.ref();
      if (this.#jvm !== undefined) process.kill(this.#jvm, signal);
      else child.kill("SIGKILL");
      const overdue = setTimeout(() => this.#kill(), LONGEST_STOP);
      await exited;
      clearTimeout(overdue);
    }
    child.stdin?.destroy();
    this.#process = undefined;
    this.#jvm = undefined;
    this.#log = "";
  }

  #kill(): void {
    try {
      if (this.#jvm !== undefined) process.kill(this.#jvm, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }
}
