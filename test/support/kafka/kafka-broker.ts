import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.js";
import { kafkaClassPath, runProgram } from "./kafka-jars.js";
import { KafkaNode, LONGEST_START } from "./kafka-node.js";
import { untilCoordinating } from "./kafka-probe.js";

export { kafkaSkipReason } from "./kafka-jars.js";

export interface KafkaBrokerOptions {
  /** Default 1. */
  readonly nodes?: 1 | 2;
  /** Port of the first broker; default any free one. */
  readonly port?: number;
  /** More listeners, by name (capital letters) with the protocol of each, such as SASL_SSL. */
  readonly listeners?: Readonly<Record<string, string>>;
  /** Lines of server.properties, over those of the fixture. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
}

/** A Kafka cluster of its own on the loopback, in a temporary directory; the first broker is node 1. */
export interface KafkaBroker {
  /** `127.0.0.1:port` of node 1, plain text. */
  readonly bootstrap: string;
  /** The same broker's listener that wants SASL (PLAIN, SCRAM-SHA-256) as `SASL_USER`. */
  readonly saslBootstrap: string;
  /** `127.0.0.1:port` of a listener of node 1 that the options name. */
  address(listener: string): string;
  /** Starts another broker and gives its node id; new partitions may be placed on it. */
  addNode(): Promise<number>;
  /** Ends a broker in good order: its partitions' leaders move first. */
  stopNode(id: number): Promise<void>;
  /** Ends a broker as a crash does. */
  killNode(id: number): Promise<void>;
  /** A broker that hangs: it answers nothing and keeps its connections, until it is thawed. */
  freezeNode(id: number): void;
  thawNode(id: number): void;
  /** Starts a stopped or killed broker again on the same port and data, or one that runs after a stop. */
  restartNode(id: number): Promise<void>;
  /** Runs a main class of Kafka's tools and gives what it wrote; the bootstrap server is not added. */
  runTool(mainClass: string, args: readonly string[]): Promise<string>;
  /** The arguments of java that run it. */
  toolArguments(mainClass: string, args: readonly string[]): readonly string[];
  stop(): Promise<void>;
}

export const SASL_USER = { username: "alice", password: "no-secret-of-anybody" } as const;

const PROTOCOLS = { PLAINTEXT: "PLAINTEXT", CONTROLLER: "PLAINTEXT", SASL: "SASL_PLAINTEXT" };

const CLUSTER_ID_BYTES = 16;
const HEAP = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:MaxDirectMemorySize=256m"];

const COMMON = {
  "num.partitions": 1,
  "offsets.topic.replication.factor": 1,
  "offsets.topic.num.partitions": 1,
  "transaction.state.log.replication.factor": 1,
  "transaction.state.log.num.partitions": 1,
  "transaction.state.log.min.isr": 1,
  "share.coordinator.state.topic.replication.factor": 1,
  "share.coordinator.state.topic.num.partitions": 1,
  "share.coordinator.state.topic.min.isr": 1,
  "group.initial.rebalance.delay.ms": 0,
  "auto.create.topics.enable": false,
  "log.cleaner.dedupe.buffer.size": 2_000_000,
  "log.cleaner.backoff.ms": 500,
  // Records of tests have timestamps that are long ago.
  "log.retention.ms": -1,
  "controller.listener.names": "CONTROLLER",
  "inter.broker.listener.name": "PLAINTEXT",
  "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
  "listener.name.sasl.plain.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required user_${SASL_USER.username}="${SASL_USER.password}";`,
  "listener.name.sasl.scram-sha-256.sasl.jaas.config":
    "org.apache.kafka.common.security.scram.ScramLoginModule required;",
};

/** Starts a cluster; rejects with the line of `kafkaSkipReason` where none can run. */
export async function startKafka(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const classPath = await kafkaClassPath();
  const root = mkdtempSync(join(tmpdir(), "headwater-kafka-"));
  const cluster = new Cluster(root, classPath, options);
  try {
    await cluster.startFirst();
    if (options.nodes === 2) await cluster.addNode();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class Cluster implements KafkaBroker {
  bootstrap = "";
  saslBootstrap = "";
  readonly #root: string;
  readonly #classPath: string;
  readonly #options: KafkaBrokerOptions;
  readonly #clusterId = randomBytes(CLUSTER_ID_BYTES).toString("base64url");
  readonly #nodes = new Map<number, KafkaNode>();
  readonly #addresses = new Map<string, string>();
  #controller = 0;

  constructor(root: string, classPath: string, options: KafkaBrokerOptions) {
    this.#root = root;
    this.#classPath = classPath;
    this.#options = options;
  }

  async startFirst(): Promise<void> {
    this.#controller = await freePort();
    const [port, sasl] = await this.#makeNode(1, true);
    this.bootstrap = `127.0.0.1:${port}`;
    this.saslBootstrap = `127.0.0.1:${sasl}`;
    const end = Date.now() + LONGEST_START;
    await untilCoordinating(port, () => Date.now() > end);
  }

  address(listener: string): string {
    const address = this.#addresses.get(listener);
    if (address === undefined) throw new Error(`there is no listener ${listener}`);
    return address;
  }

  async addNode(): Promise<number> {
    const id = this.#nodes.size + 1;
    await this.#makeNode(id, false);
    return id;
  }

  stopNode(id: number): Promise<void> {
    return this.#node(id).end("SIGTERM");
  }

  killNode(id: number): Promise<void> {
    return this.#node(id).end("SIGKILL");
  }

  freezeNode(id: number): void {
    this.#node(id).signal("SIGSTOP");
  }

  thawNode(id: number): void {
    this.#node(id).signal("SIGCONT");
  }

  async restartNode(id: number): Promise<void> {
    const node = this.#node(id);
    if (node.isRunning) await node.end("SIGTERM");
    await node.start();
  }

  runTool(mainClass: string, args: readonly string[]): Promise<string> {
    return runProgram("java", this.toolArguments(mainClass, args), this.#root);
  }

  toolArguments(mainClass: string, args: readonly string[]): readonly string[] {
    return ["-cp", this.#classPath, mainClass, ...args];
  }

  async stop(): Promise<void> {
    // What is in the directory is thrown away: there is nothing to end in good order.
    await Promise.all([...this.#nodes.values()].map((node) => node.end("SIGKILL")));
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  #node(id: number): KafkaNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`there is no broker ${id}`);
    return node;
  }

  async #makeNode(id: number, isController: boolean): Promise<readonly [number, number]> {
    const port = (id === 1 ? this.#options.port : undefined) ?? (await freePort());
    const sasl = await freePort();
    const directory = join(this.#root, `node-${id}`);
    mkdirSync(directory);
    const file = join(directory, "server.properties");
    const listeners = [`PLAINTEXT://127.0.0.1:${port}`, `SASL://127.0.0.1:${sasl}`];
    const more = this.#options.listeners ?? {};
    for (const name of Object.keys(more)) {
      const address = `127.0.0.1:${await freePort()}`;
      listeners.push(`${name}://${address}`);
      if (id === 1) this.#addresses.set(name, address);
    }
    const protocols = Object.entries({ ...PROTOCOLS, ...more });
    const own = {
      "listener.security.protocol.map": protocols.map((entry) => entry.join(":")).join(),
      "node.id": id,
      "process.roles": isController ? "broker,controller" : "broker",
      "controller.quorum.bootstrap.servers": `127.0.0.1:${this.#controller}`,
      "log.dirs": join(directory, "data"),
      listeners: [
        ...listeners,
        ...(isController ? [`CONTROLLER://127.0.0.1:${this.#controller}`] : []),
      ].join(","),
      "advertised.listeners": listeners.join(","),
    };
    const lines = Object.entries({ ...COMMON, ...own, ...this.#options.properties });
    writeFileSync(file, lines.map(([key, value]) => `${key}=${value}\n`).join(""));
    await this.runTool("kafka.tools.StorageTool", [
      "format",
      ...(isController ? ["--standalone"] : []),
      // One word: an id may begin with a dash.
      `--cluster-id=${this.#clusterId}`,
      "-c",
      file,
      ...(isController ? SCRAM_USERS.flatMap((user) => ["--add-scram", user]) : []),
    ]);
    const log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
    const java = ["java", ...HEAP, log, "-cp", this.#classPath, "kafka.Kafka", file];
    const node = new KafkaNode(id, port, this.#root, java);
    this.#nodes.set(id, node);
    await node.start();
    return [port, sasl];
  }
}

const SCRAM_USERS = ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(
  (mechanism) => `${mechanism}=[name=${SASL_USER.username},password=${SASL_USER.password}]`,
);
