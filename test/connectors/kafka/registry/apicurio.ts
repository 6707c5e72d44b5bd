import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { freePort } from "../../../support/free-port.js";
import { withFileLock } from "../../../support/kafka/file-lock.js";
import { CACHE, kafkaSkipReason, runProgram } from "../../../support/kafka/kafka-jars.js";
import { LONGEST_START } from "../../../support/kafka/kafka-node.js";

const VERSION = "2.6.13.Final";
const HOME = join(CACHE, `apicurio-${VERSION}`);

/** A real registry with Confluent's interface: Apicurio, in memory; where it cannot run, tests say why. */
export class Apicurio {
  readonly #port: number;
  #process: ChildProcess | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/apis/ccompat/v7`;
  }

  async start(): Promise<void> {
    const jvm = ["-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    const at = ["-Dquarkus.http.host=127.0.0.1", `-Dquarkus.http.port=${this.#port}`];
    const run = ["-cp", join(HOME, "*"), "io.quarkus.runner.GeneratedMain"];
    // It ends with the pipe to this process, however that one ends.
    const guard = 'java "$@" </dev/null & jvm=$!; cat >/dev/null; kill -9 $jvm';
    const command = ["-c", guard, "sh", ...jvm, ...at, ...run];
    const child = spawn("sh", command, { stdio: ["pipe", "ignore", "ignore"], cwd: HOME });
    this.#process = child;
    const end = Date.now() + LONGEST_START;
    while (Date.now() < end) {
      const answer = await fetch(`${this.url}/subjects`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("Apicurio did not start");
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.stdin?.end();
    await ended;
  }
}

/** One for the tests of a file. */
export function useApicurio(): () => Apicurio {
  const why = skipReason();
  let apicurio: Apicurio | undefined;
  beforeAll(async () => {
    if (why !== undefined) return;
    if (!existsSync(HOME)) await withFileLock(`${HOME}.lock`, fetchFiles);
    apicurio = new Apicurio(await freePort());
    await apicurio.start();
  }, 2 * LONGEST_START);
  afterAll(() => apicurio?.stop());
  beforeEach(({ skip }) => {
    if (why !== undefined) skip(why);
  });
  return () => apicurio as Apicurio;
}

function skipReason(): string | undefined {
  return kafkaSkipReason();
}

async function fetchFiles(): Promise<void> {
  if (existsSync(HOME)) return;
  const half = `${HOME}.part`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  const artifact = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`;
  const target = [`-Dartifact=${artifact}`, `-DoutputDirectory=${half}`];
  await runProgram("mvn", ["-q", "-B", "dependency:copy", ...target], half);
  const archive = join(half, `apicurio-registry-app-${VERSION}-all.tar.gz`);
  await runProgram("tar", ["xzf", archive, "-C", half], half);
  rmSync(archive);
  renameSync(half, HOME);
}
