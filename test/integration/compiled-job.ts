import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Where this test file's compiled jobs are, below the root. */
let compiled = "";

/**
 * Compiles the jobs below `jobs/`: a process of plain JavaScript starts several times as fast. Test files
 * run side by side, so each has a folder of its own for that.
 */
export function compileJobs(name: string): void {
  compiled = `build/integration/${name}`;
  const args = ["-p", "test/integration/jobs/tsconfig.json", "--outDir", compiled];
  const { status, stdout } = spawnSync(
    process.execPath,
    ["node_modules/typescript/bin/tsc", ...args, "--tsBuildInfoFile", `${compiled}/.tsbuildinfo`],
    { cwd: ROOT, encoding: "utf8" },
  );
  // Errors elsewhere in the tree are for the type check to tell.
  expect(status === null || stdout.includes("test/integration/jobs"), stdout).toBe(false);
}

/** How a job's process ended. */
export interface Ended {
  /** SIGKILL for one that was killed. */
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A job in a process of its own, which does not outlive the test. */
export class JobProcess {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;

  constructor(job: string, args: readonly string[], nodeOptions: readonly string[] = []) {
    const script = `${ROOT}${compiled}/test/integration/jobs/${job}.js`;
    const child = spawn(process.execPath, [...nodeOptions, script, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const text = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        text[stream] += chunk;
      });
    }
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ ...text, code, signal }));
    });
    onTestFinished(() => this.kill());
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
