import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { withFileLock } from "./file-lock.js";
import type { KafkaBroker } from "./kafka-broker.js";
import { CACHE, kafkaClassPath, kafkaSkipReason, runProgram } from "./kafka-jars.js";
import { LONGEST_START } from "./kafka-node.js";
import { KEEPER_ADDRESS } from "./keeper-address.js";

/** A broker that other test files use at the same time: topics and groups need names of their own. */
export type SharedKafka = Pick<KafkaBroker, "bootstrap" | "saslBootstrap" | "runTool">;

/**
 * The shared broker for the tests of a file; where none can run, they say why and do nothing.
 *
 * The first file that asks starts a keeper process with the broker. A file holds a connection to the
 * keeper, which ends with the broker some seconds after the last connection has ended.
 */
export function useSharedKafka(): () => SharedKafka {
  const why = kafkaSkipReason();
  let held: { readonly kafka: SharedKafka; readonly socket: Socket } | undefined;
  beforeAll(async () => {
    if (why === undefined) held = await holdSharedKafka();
  }, 2 * LONGEST_START);
  afterAll(() => held?.socket.destroy());
  beforeEach(({ skip }) => {
    if (why !== undefined) skip(why);
  });
  return () => {
    if (held === undefined) throw new Error(why ?? "Kafka has not started");
    return held.kafka;
  };
}

async function holdSharedKafka(): Promise<{ kafka: SharedKafka; socket: Socket }> {
  const classPath = await kafkaClassPath();
  const socket =
    (await reachKeeper()) ??
    (await withFileLock(`${KEEPER_ADDRESS}.lock`, async () => {
      const other = await reachKeeper();
      if (other !== undefined) return other;
      startKeeper();
      const end = Date.now() + LONGEST_START;
      while (Date.now() < end) {
        const reached = await reachKeeper();
        if (reached !== undefined) return reached;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error("the keeper of the shared Kafka broker did not start");
    }));
  const line = (await once(createInterface(socket), "line"))[0] as string;
  const answer = JSON.parse(line) as { error?: string; bootstrap: string; saslBootstrap: string };
  if (answer.error !== undefined) throw new Error(answer.error);
  const runTool = (mainClass: string, args: readonly string[]): Promise<string> =>
    runProgram("java", ["-cp", classPath, mainClass, ...args], CACHE);
  return { kafka: { ...answer, runTool }, socket };
}

function startKeeper(): void {
  const jiti = join(import.meta.dirname, "../../../node_modules/jiti/lib/jiti-cli.mjs");
  const keeper = join(import.meta.dirname, "kafka-keeper.ts");
  // It outlives this file's worker: others may hold the broker.
  spawn(process.execPath, [jiti, keeper], { detached: true, stdio: "ignore" }).unref();
}

async function reachKeeper(): Promise<Socket | undefined> {
  const port = keeperPort();
  if (port === undefined) return undefined;
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    socket.on("error", () => {});
    return socket;
  } catch {
    return undefined;
  }
}

function keeperPort(): number | undefined {
  try {
    return Number(readFileSync(KEEPER_ADDRESS, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}
