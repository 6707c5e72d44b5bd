import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build, root } from "../../cli/command-line.js";

const COMPILED = "src/inspect";

/**
 * Compiles the page from its sources to where the server takes it from, so that tests need no build.
 * A module is replaced whole, and only when it differs: others may be reading it.
 */
export async function compilePage(): Promise<void> {
  await build();
  await mkdir(join(root, "dist"), { recursive: true });
  const out = await mkdtemp(join(root, "dist/.page-"));
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const args = [tsc, "-p", "src/inspect/page/tsconfig.json", "--outDir", out];
    await promisify(execFile)(process.execPath, args, { cwd: root }).catch((error) => {
      throw new Error(`the page could not be compiled:\n${error.stdout}${error.stderr}`);
    });
    const files = await readdir(join(out, COMPILED), { recursive: true });
    for (const file of files.filter((name) => name.endsWith(".js"))) {
      const [from, to] = [join(out, COMPILED, file), join(root, "dist", COMPILED, file)];
      if (existsSync(to) && readFileSync(to).equals(await readFile(from))) continue;
      await mkdir(dirname(to), { recursive: true });
      await rename(from, to);
    }
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
