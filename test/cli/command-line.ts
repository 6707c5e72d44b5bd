import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "dist/src/cli/main.js");
const lock = join(root, "node_modules/.headwater-build.lock");

/** A build that takes longer has died and left its lock. */
const STALE = 120_000;

/** Builds the command line, one test process at a time. */
export async function build(): Promise<void> {
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
      if (since !== undefined && Date.now() - since > STALE) rmdirSync(lock);
      await setTimeout(200);
    }
  }
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const args = [tsc, "-p", "tsconfig.build.json"];
    await promisify(execFile)(process.execPath, args, { cwd: root }).catch((error) => {
      throw new Error(`the build failed:\n${error.stdout}${error.stderr}`);
    });
  } finally {
    rmdirSync(lock);
  }
}

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly done: Promise<Outcome>;
  /** Resolves when standard error has the text; rejects when the process ends before. */
  says(text: RegExp): Promise<void>;
}

/** Starts `headwater` in a process of its own, from the built package. */
export function headwater(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd = root,
): RunningCommand {
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...process.env, npm_lifecycle_event: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      for (const listener of [...listeners]) listener();
    });
  }
  const done = new Promise<Outcome>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal, ...output }));
  });
  return {
    child,
    done,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!text.test(output.stderr)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        done.then(() => reject(new Error(`ended before saying ${text}: ${output.stderr}`)));
        look();
      }),
  };
}

export const jobFile = (name: string): string => `test/cli/jobs/${name}`;
