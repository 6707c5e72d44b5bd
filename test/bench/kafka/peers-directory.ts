import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { CACHE } from "../../support/kafka/kafka-jars.js";

/** Milliseconds; one of them may be compiled. */
const LONGEST_INSTALL = 600_000;

interface Peer {
  readonly version: string;
  /** Further packages of the same version. */
  readonly also?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const platform = `${process.platform}-${process.arch}${process.platform === "linux" ? "-gnu" : ""}`;

/** Versions that were compared; none of them is a dependency of the project. */
const PEERS: Readonly<Record<string, Peer>> = {
  "@platformatic/kafka": { version: "1.35.0" },
  // Its binary works with Node 20, but npm leaves it out where it is optional, as it asks for Node 24.
  "kafka-crab-js": { version: "5.0.0", also: [`kafka-crab-js-${platform}`] },
  "@confluentinc/kafka-javascript": {
    version: "1.10.1",
    // Where no binary can be fetched, librdkafka is compiled with the OpenSSL that is here, not with one from its site.
    env: { CKJS_LINKING: "dynamic" },
  },
};

/** Where a peer is installed, kept from run to run. */
export function peerDirectory(name: string): string {
  return join(CACHE, "peers", `${name.replace("/", "+")}-${PEERS[name]?.version}`);
}

/** Installs the peers that are not here yet, apart from the project's own packages; returns those that can't be, and why. */
export async function installPeers(): Promise<ReadonlyMap<string, string>> {
  const missing = new Map<string, string>();
  for (const name of Object.keys(PEERS)) {
    try {
      await install(name);
    } catch (error) {
      missing.set(name, reasonOf(error as Error));
    }
  }
  return missing;
}

async function install(name: string): Promise<void> {
  const directory = peerDirectory(name);
  const { version, also = [], env } = PEERS[name] as Peer;
  if (existsSync(directory)) return;
  const half = `${directory}.part`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  writeFileSync(join(half, "package.json"), '{"private":true}\n');
  console.error(`installing ${name} …`);
  const packages = [name, ...also].map((each) => `${each}@${version}`);
  const options = { cwd: half, timeout: LONGEST_INSTALL, maxBuffer: 64 * 1024 * 1024 };
  await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund", ...packages], {
    ...options,
    env: { ...process.env, ...env },
  });
  // A binary for this platform may be missing.
  const load = `import(${JSON.stringify(name)})`;
  await promisify(execFile)(process.execPath, ["-e", load], options);
  renameSync(half, directory);
}

function reasonOf(error: Error & { readonly killed?: boolean; readonly stderr?: string }): string {
  if (error.killed === true) return `it was not there after ${LONGEST_INSTALL / 1000} s`;
  const lines = (error.stderr ?? error.message).split("\n");
  const line = lines.find((text) => /^\w*Error: |^npm error (?!code)/.test(text)) ?? lines[0];
  return line?.trim() || "it could not be installed";
}
