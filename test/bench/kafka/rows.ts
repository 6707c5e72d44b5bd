import { type Goal, times, value } from "../benchmark.js";

/** A topic that is filled before anything is measured. */
export interface FilledTopic {
  readonly name: string;
  /** Of each value. */
  readonly bytes: number;
  readonly compression: "none" | "lz4";
  readonly records: number;
}

export const TOPICS: readonly FilledTopic[] = [
  { name: "read-100", bytes: 100, compression: "none", records: 4_000_000 },
  { name: "read-100-lz4", bytes: 100, compression: "lz4", records: 4_000_000 },
  { name: "read-1k", bytes: 1000, compression: "none", records: 600_000 },
  { name: "read-1k-lz4", bytes: 1000, compression: "lz4", records: 600_000 },
];

/** The same work, done by clients one after another; ratios are of rates. */
export interface KafkaRow {
  readonly name: string;
  readonly work: string;
  readonly topic: string;
  /** By their names in `CLIENTS`; "java" is Kafka's own consumer, "flink" a job of Flink with its source. */
  readonly clients: readonly string[];
  /** So many are written; default: those of its topic are read. */
  readonly records?: number;
  /** Milliseconds that a run takes however fast the machine is. */
  readonly runTime?: number;
  /** Clients that are too slow for all of them stop here. */
  readonly atMost: number;
  readonly goals: readonly Goal[];
}

const READERS = [
  "headwater",
  "headwater text",
  "headwater lengths",
  "kafkajs",
  "@platformatic/kafka",
  "kafka-crab-js",
  "@confluentinc/kafka-javascript",
  "java",
  "flink",
];

/** The rows of issue's table: how many times as fast the source is. */
function reading({ name, bytes, compression }: FilledTopic): KafkaRow {
  const isSmall = bytes <= 100;
  return {
    name,
    work: `source → count, ${bytes} B${compression === "none" ? "" : `, ${compression}`}`,
    topic: name,
    clients: READERS,
    atMost: isSmall ? 1_000_000 : 150_000,
    goals: [
      times("time of kafkajs eachBatch", "kafkajs", "headwater", { atLeast: isSmall ? 5 : 3 }),
      ...READERS.filter((reader) => reader.includes("/") || reader === "kafka-crab-js").map(
        (peer) => times(`time of ${peer}`, peer, "headwater", { atLeast: isSmall ? 8 : 5 }),
      ),
      times("time of Java's KafkaConsumer", "java", "headwater", { atLeast: 1 }),
      times("time of Flink's KafkaSource", "flink", "headwater, whole job", { atLeast: 2 }),
      times("the same, values as text", "java", "headwater text", {}),
      times("the same, values not taken out", "java", "headwater lengths", {}),
    ],
  };
}

export const ROWS: readonly KafkaRow[] = [
  ...TOPICS.map(reading),
  {
    name: "json",
    work: "JSON values, 100 B",
    topic: "read-100",
    clients: ["headwater JSON", "JSON.parse"],
    atMost: Number.POSITIVE_INFINITY,
    goals: [times("time of JSON.parse alone", "headwater JSON", "JSON.parse", { atMost: 1.2 })],
  },
  {
    name: "sink",
    work: "numbers → text → exactly-once sink, 100 B, acks all",
    topic: "written",
    clients: ["headwater sink", "headwater sink, at least once", "kafkajs producer"],
    records: 2_000_000,
    atMost: 400_000,
    goals: [
      times("time of kafkajs's producer", "kafkajs producer", "headwater sink", { atLeast: 3 }),
      times("the same, at least once", "kafkajs producer", "headwater sink, at least once", {}),
    ],
  },
  {
    name: "latency",
    work: "produce → sink, 20,000 records/s",
    topic: "late",
    clients: ["latency", "latency of both"],
    runTime: 10_000,
    atMost: 200_000,
    goals: [
      value("p50", "latency", "p50Ms", { unit: "ms" }),
      value("p99", "latency", "p99Ms", { unit: "ms", atMost: 50 }),
      value("p99 of the producer's sends", "latency", "sendP99Ms", { unit: "ms" }),
      value("p99 of the event loop's delay", "latency", "loopP99Ms", { unit: "ms" }),
      value("p99 beside kafkajs eachBatch", "latency of both", "p99Ms", { unit: "ms" }),
      value("p99 of that eachBatch", "latency of both", "kafkajsP99Ms", { unit: "ms" }),
    ],
  },
  {
    name: "idle",
    work: "a job at the end of its topic",
    topic: "late",
    clients: ["idle"],
    runTime: 7000,
    atMost: 0,
    goals: [value("of one core", "idle", "cpuPercent", { unit: "%", atMost: 1 })],
  },
  {
    name: "memory",
    work: "a sink of 20 ms a chunk",
    topic: "read-100",
    clients: ["slow sink"],
    runTime: 7000,
    atMost: 0,
    goals: [
      value("memory (RSS) grows by", "slow sink", "grownMB", { unit: "MB", atMost: 50 }),
      value("memory (RSS)", "slow sink", "rssMB", { unit: "MB" }),
    ],
  },
];
