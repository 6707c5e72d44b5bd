import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { type FailedSeed, nodeFlags } from "../explore.js";
import type { Mutant } from "./mutants.js";

/** Puts the mutant into the compiled output; throws when its text is not there exactly once. */
export function mutate(build: string, { name, file, find, replace }: Mutant): void {
  const at = path.join(build, file);
  const text = readFileSync(at, "utf8");
  const places = text.split(find).length - 1;
  if (places !== 1) {
    throw new Error(
      `mutant "${name}": its text is ${places} times in ${file}; bring it up to date`,
    );
  }
  // A function, so that "$" in the replacement means nothing.
  writeFileSync(
    at,
    text.replace(find, () => replace),
  );
}

/** Runs seeds with the mutant until one fails; undefined: none has. Ends the child after `timeout` ms. */
export async function catchMutant(
  build: string,
  mutant: Mutant,
  seeds: number,
  timeout: number,
): Promise<FailedSeed | undefined> {
  const copy = mkdtempSync(path.join(tmpdir(), "headwater-mutant-"));
  try {
    for (const part of ["src", "machines", "test", "package.json"]) {
      cpSync(path.join(build, part), path.join(copy, part), { recursive: true });
    }
    symlinkSync(path.join(build, "node_modules"), path.join(copy, "node_modules"));
    mutate(copy, mutant);
    const line = await firstLine(path.join(copy, "test/simulation/main.js"), timeout, [
      "--child",
      "--seed=1",
      `--seeds=${seeds}`,
      "--stop-after=1",
      `--job=${mutant.job}`,
    ]);
    return line === "" ? undefined : (JSON.parse(line) as FailedSeed);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function firstLine(main: string, timeout: number, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [...nodeFlags(main), main, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout,
    killSignal: "SIGKILL",
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await new Promise((resolve) => child.on("close", resolve));
  return text.split("\n", 1)[0] ?? "";
}
