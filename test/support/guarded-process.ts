import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * The shell that runs the program: it ends it and removes its directory when the pipe to this process
 * ends, which happens however this process dies.
 */
const GUARD = `
exec 3<&0
directory="$1"; signal="$2"; shift 2
"$@" </dev/null 3<&- &
program=$!
( read -r _ <&3; kill -"$signal" $program ) >/dev/null 2>&1 &
guard=$!
exec 3<&-
echo "program $program"
wait $program
code=$?
if kill $guard 2>/dev/null; then wait $guard 2>/dev/null; guarded=$?; else guarded=0; fi
if [ $guarded -eq 0 ]; then rm -rf "$directory"; fi
exit $code`;

export interface GuardedProcessOptions {
  readonly command: readonly string[];
  /** Where it runs, and what goes when this process dies before it. */
  readonly directory: string;
  /** What ends the program and its children then, such as "QUIT". */
  readonly signal: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
}

/** A program that does not outlive this process, not even one that is killed. */
export class GuardedProcess {
  readonly #shell: ChildProcess;
  #output = "";
  #pid: number | undefined;

  constructor({ command, directory, signal, ...options }: GuardedProcessOptions) {
    // A group of its own: a terminal's Ctrl-C is for this process, which then ends the other one.
    const shell = spawn("sh", ["-c", GUARD, "sh", directory, signal, ...command], {
      ...options,
      cwd: directory,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const keep = (text: Buffer): void => {
      this.#output = (this.#output + text.toString()).slice(-4000);
      const pid = /^program (\d+)$/m.exec(this.#output)?.[1];
      if (pid !== undefined) this.#pid ??= Number(pid);
    };
    shell.stdout.on("data", keep);
    shell.stderr.on("data", keep);
    shell.stdin.on("error", () => {});
    this.#shell = shell;
    // The guard sees to it when this process ends first.
    shell.unref();
    for (const pipe of [shell.stdin, shell.stdout, shell.stderr]) {
      (pipe as unknown as { unref(): void }).unref();
    }
  }

  /** The end of what it has written. */
  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    return this.#shell.exitCode !== null || this.#shell.signalCode !== null;
  }

  /** Ends it; `kill` gets the program's process id. Its directory stays. */
  async end(kill: (pid: number) => void): Promise<void> {
    if (!this.hasEnded) {
      const exited = once(this.#shell, "exit");
      this.#shell.ref();
      if (this.#pid === undefined) this.#shell.stdin?.destroy();
      else kill(this.#pid);
      await exited;
    }
    this.#shell.stdin?.destroy();
  }
}
