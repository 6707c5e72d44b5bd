import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const LONGEST_WAIT = 300_000;

/** Runs something while no other process of this machine does so; the lock of a dead process does not count. */
export async function withFileLock<T>(path: string, run: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const end = Date.now() + LONGEST_WAIT;
  while (!tryLock(path)) {
    if (Date.now() > end) throw new Error(`waited too long for ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  try {
    return await run();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    const holder = holderOf(path);
    if (holder !== undefined && !isAlive(holder)) {
      if (holderOf(path) === holder) rmSync(path, { force: true });
    }
    return false;
  }
}

function holderOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
