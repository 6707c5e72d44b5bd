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

/** Where the peers are, and which of them could not be installed. */
export interface Peers {
  readonly directory: string;
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/** Installs each peer for this run only, outside the project; `longest`: milliseconds for each. */
export async function installPeers(below: string, longest: number): Promise<Peers> {
  const directory = join(below, "peers");
  mkdirSync(directory);
  writeFileSync(join(directory, "package.json"), '{"private":true}\n');
  const missing: { name: string; reason: string }[] = [];
  for (const [name, version] of Object.entries(PEERS)) {
    try {
      await promisify(execFile)(
        "npm",
        ["install", "--no-audit", "--no-fund", "--include=optional", `${name}@${version}`],
        { cwd: directory, timeout: longest },
      );
      // A binary for this platform may be missing.
      const load = `import(${JSON.stringify(name)})`;
      await promisify(execFile)(process.execPath, ["-e", load], { cwd: directory });
    } catch (error) {
      const { killed, stderr = "" } = error as {
        readonly killed?: boolean;
        readonly stderr?: string;
      };
      const lines = stderr.split("\n");
      const line = lines.find((text) => /^\w*Error: |^npm error (?!code)/.test(text)) ?? lines[0];
      const reason = killed === true ? `it was not there after ${longest / 1000} s` : line;
      missing.push({ name, reason: reason?.trim() ?? "it could not be installed" });
    }
  }
  return { directory, missing };
}
