import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withFileLock } from "./file-lock.js";

export const KAFKA_VERSION = "4.3.1";
export const CACHE = join(import.meta.dirname, "../../../node_modules/.cache/headwater");
const HOME = join(CACHE, `kafka-${KAFKA_VERSION}`);

const exclusion = (group: string, artifact: string): string =>
  `<exclusion><groupId>${group}</groupId><artifactId>${artifact}</artifactId></exclusion>`;

const dependency = (group: string, artifact: string, version: string, exclusions = ""): string =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>` +
  `<version>${version}</version><exclusions>${exclusions}</exclusions></dependency>`;

const CONNECT = ["connect-runtime", "connect-api", "connect-json", "connect-transforms"];
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>headwater</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
<packaging>pom</packaging><dependencies>
${dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION)}
${dependency(
  "org.apache.kafka",
  "kafka-tools",
  KAFKA_VERSION,
  CONNECT.map((name) => exclusion("org.apache.kafka", name)).join("") +
    exclusion("org.glassfish.jersey.containers", "*"),
)}
${dependency("org.slf4j", "slf4j-simple", "1.7.36")}
</dependencies></project>`;

let reason: string | false | undefined;

/** Why no broker can run here, in one line; undefined when it can. */
export function kafkaSkipReason(): string | undefined {
  reason ??= whyNot() ?? false;
  return reason === false ? undefined : reason;
}

function whyNot(): string | undefined {
  const java = spawnSync("java", ["-version"], { encoding: "utf8" });
  if (java.status !== 0) return "Kafka needs Java 17 or later, and java is not in PATH";
  const version = /version "(\d+)/.exec(java.stderr)?.[1];
  if (version === undefined || Number(version) < 17) {
    return `Kafka needs Java 17 or later; this is ${version ?? "of an unknown version"}`;
  }
  if (existsSync(HOME)) return undefined;
  if (spawnSync("mvn", ["--version"]).status === 0) return undefined;
  return "Kafka's jars come from Maven, and mvn is not in PATH";
}

/** Kafka's class path, as `java -cp` takes it; the first call ever fetches it, 45 MB. */
export async function kafkaClassPath(): Promise<string> {
  const why = kafkaSkipReason();
  if (why !== undefined) throw new Error(why);
  if (!existsSync(HOME)) await withFileLock(`${HOME}.lock`, fetchJars);
  return join(HOME, "*");
}

async function fetchJars(): Promise<void> {
  if (existsSync(HOME)) return;
  const half = `${HOME}.part`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  writeFileSync(join(half, "pom.xml"), POM);
  const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"];
  await runProgram("mvn", ["-q", "-B", ...goal, `-DoutputDirectory=${half}`], half);
  renameSync(half, HOME);
}

/** Runs a program to its end and gives what it wrote; rejects when it fails. */
export function runProgram(name: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let errors = "";
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => {
      errors += data.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${name} ${args.slice(-3).join(" ")} failed: ${errors}${text}`));
    });
  });
}
