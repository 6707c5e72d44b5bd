import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { whyNoPostgres } from "./postgres-server.js";

const SCRIPT = fileURLToPath(new URL("start-postgres-and-wait.ts", import.meta.url));
const JITI = fileURLToPath(new URL("../../node_modules/jiti/lib/jiti-cli.mjs", import.meta.url));

describe("the Postgres of a test", () => {
  beforeEach(({ skip }) => {
    const why = whyNoPostgres();
    if (why !== undefined) skip(why);
  });

  it.each(["SIGTERM", "SIGKILL"] as const)(
    "ends, and takes its data along, when the test's process is ended by %s",
    async (signal) => {
      const child = spawn(process.execPath, [JITI, SCRIPT], { stdio: ["ignore", "pipe", "pipe"] });
      onTestFinished(() => void child.kill("SIGKILL"));
      let errors = "";
      child.stderr.on("data", (text: Buffer) => {
        errors += text.toString();
      });
      const [line] = (await Promise.race([
        once(child.stdout, "data"),
        once(child, "close").then(() => [`it ended: ${errors}`]),
      ])) as [unknown];
      const { directory, postmaster } = JSON.parse(String(line)) as {
        readonly directory: string;
        readonly postmaster: number;
      };
      expect(existsSync(directory)).toBe(true);
      expect(isAlive(postmaster)).toBe(true);
      child.kill(signal);
      await expect
        .poll(() => [isAlive(postmaster), existsSync(directory)], { timeout: 10_000 })
        .toEqual([false, false]);
    },
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
