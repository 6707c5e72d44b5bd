import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** Versions that were compared; none of them is a dependency of the project. */
const PEERS: Readonly<Record<string, string>> = {
  "@platformatic/kafka": "1.35.0",
  "kafka-crab-js": "5.0.0",
  "@confluentinc/kafka-javascript": "1.10.1",
};
const LONGEST_INSTALL = 180_000;

/** Where the peers are, and which of them could not be installed. */
export interface Peers {
  readonly directory: string;
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/** Installs each peer for this run only, outside the project. */
export async function installPeers(below: string): Promise<Peers> {
  const directory = join(below, "peers");
  mkdirSync(directory);
  writeFileSync(join(directory, "package.json"), '{"private":true}\n');
  const missing: { name: string; reason: string }[] = [];
  for (const [name, version] of Object.entries(PEERS)) {
    try {
      await promisify(execFile)(
        "npm",
        ["install", "--no-audit", "--no-fund", "--include=optional", `${name}@${version}`],
        { cwd: directory, timeout: LONGEST_INSTALL },
      );
      // A binary for this platform may be missing.
      const load = `import(${JSON.stringify(name)})`;
      await promisify(execFile)(process.execPath, ["-e", load], { cwd: directory });
    } catch (error) {
      const { stderr = "" } = error as { readonly stderr?: string };
      const line = stderr.split("\n").find((text) => /error/i.test(text));
      missing.push({ name, reason: line?.trim() ?? "it could not be installed" });
    }
  }
  return { directory, missing };
}
