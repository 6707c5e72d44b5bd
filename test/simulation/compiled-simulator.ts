import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { withCensus } from "./census-hooks.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The framework and its simulator, compiled into a directory of their own. */
export interface CompiledSimulator {
  readonly directory: string;
  /** What `npm run simulate` runs. */
  readonly main: string;
  remove(): void;
}

/** `isCounted`: classes report to the census without its loader, so that children start sooner. */
export function compileSimulator({ isCounted = false } = {}): CompiledSimulator {
  const directory = mkdtempSync(path.join(tmpdir(), "headwater-simulator-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    const typescript = path.dirname(
      createRequire(import.meta.url).resolve("typescript/package.json"),
    );
    const tsc = path.join(typescript, "bin", "tsc");
    const project = path.join(ROOT, "test", "simulation", "tsconfig.json");
    execFileSync(
      process.execPath,
      [tsc, "-p", project, "--outDir", directory, "--incremental", "false", "--noCheck"],
      { stdio: "inherit" },
    );
    if (isCounted) countInAdvance(directory);
    copyFileSync(path.join(ROOT, "package.json"), path.join(directory, "package.json"));
    symlinkSync(path.join(ROOT, "node_modules"), path.join(directory, "node_modules"));
  } catch (error) {
    remove();
    throw error;
  }
  return { directory, main: path.join(directory, "test", "simulation", "main.js"), remove };
}

/** What the census loader would do at each start: a third of a short child's time. */
function countInAdvance(directory: string): void {
  const framework = path.join(directory, "src");
  for (const file of readdirSync(framework, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".js")) continue;
    const at = path.join(framework, file);
    const text = readFileSync(at, "utf8");
    const counted = withCensus(text);
    if (counted !== text) writeFileSync(at, counted);
  }
  writeFileSync(path.join(directory, "test", "simulation", "census-loader.js"), "");
}
