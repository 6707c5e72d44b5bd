import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const MOTO = "moto[server,s3]==5.2.5";
const cache = fileURLToPath(new URL("../../../node_modules/.cache/headwater/", import.meta.url));
const home = join(cache, "moto");
const python = join(home, "bin/python");
const complete = join(home, "complete");
const lock = join(cache, "moto.lock");

/** An installation that takes longer has died and left its lock. */
const STALE = 300_000;
const LONGEST_START = 30_000;

/** A server that speaks S3's protocol, as a process of its own; objects are in its memory. */
export interface MotoServer {
  readonly endpoint: string;
  /** Stops it in the middle of whatever it does: it takes connections and does not answer. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** Installs moto once, in the project's cache; says in a line why it cannot. */
export async function installMoto(): Promise<string | undefined> {
  for (;;) {
    if (existsSync(complete)) return undefined;
    try {
      mkdirSync(cache, { recursive: true });
      mkdirSync(lock);
      break;
    } catch {
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
      if (since !== undefined && Date.now() - since > STALE) rmSync(lock, { recursive: true });
      await setTimeout(200);
    }
  }
  try {
    if (existsSync(complete)) return undefined;
    const run = promisify(execFile);
    await run("python3", ["-m", "venv", "--clear", home]);
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", MOTO]);
    writeFileSync(complete, MOTO);
    return undefined;
  } catch (error) {
    const lines = String((error as { stderr?: string }).stderr || error)
      .trim()
      .split("\n");
    return `python3 with venv and pip cannot install ${MOTO}: ${lines.at(-1)}`;
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

const servers = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of servers) child.kill("SIGKILL");
});

/** Starts a server on a free port of the loopback. */
export async function startMoto(): Promise<MotoServer> {
  const child = spawn(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  servers.add(child);
  child.once("close", () => servers.delete(child));
  const endpoint = await endpointOf(child);
  return {
    endpoint,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
    },
  };
}

/** What it writes to standard error says where it listens. */
function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const give = (end: () => void): void => {
      clearTimeout(limit);
      end();
    };
    const limit = globalThis.setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`moto does not start: ${said}`));
    }, LONGEST_START);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (said.length < 10_000) said += text;
      const found = /Running on (http:\/\/[\d.]+:\d+)/.exec(said)?.[1];
      if (found !== undefined) give(() => resolve(found));
    });
    child.once("close", () => give(() => reject(new Error(`moto has ended: ${said}`))));
  });
}
