import { Dice } from "./dice.js";
import { type Fault, KAFKA_PLACES, PLACES } from "./faults.js";

/** What the one who runs the job does to it. */
export type ActionKind =
  | "crash"
  | "power-cut"
  | "stop"
  | "drain"
  | "cancel"
  | "checkpoint"
  | "savepoint"
  | "clock-jump";

/** Something done to the job so many steps after the action before it. */
export interface Action {
  readonly steps: number;
  readonly kind: ActionKind;
  /** Subtasks of the job when it runs again. */
  readonly parallelism: number;
  /** Of a clock jump. */
  readonly ms: number;
}

/** A split of the simulated log. */
export interface PlannedSplit {
  readonly records: number;
  /** When it can first be listed. */
  readonly appearsAt: number;
}

/**
 * How envelopes travel: in memory, serialized, or between two hosts over a line that loses, repeats
 * and reorders. With `pairs` only the envelopes of one sender and receiver keep their order, which is
 * the least that a transport promises.
 */
export type NetworkKind = "in-process" | "serialized" | "two-hosts" | "pairs";

/** Something that happens in a Kafka cluster. */
export interface ClusterEvent {
  readonly at: number;
  readonly kind:
    | "leader-moves"
    | "leader-lost"
    | "broker-stops"
    | "partition-added"
    | "transactions-time-out";
  /** The nth of all. */
  readonly partition: number;
  readonly broker: number;
  /** How long it lasts. */
  readonly ms: number;
}

/** Everything about a run, as JSON: the same plan is the same run. */
export interface Plan {
  /** For what is left to chance within the run. */
  readonly seed: number;
  readonly job: string;
  readonly splits: readonly PlannedSplit[];
  readonly parallelism: number;
  readonly fetchSize: number;
  readonly fetchers: "single" | "per-split";
  readonly network: NetworkKind;
  /** Longest latencies, in milliseconds. */
  readonly latency: {
    readonly network: number;
    readonly disk: number;
    readonly source: number;
    readonly sink: number;
  };
  /** Records that a writer keeps before it sends them. */
  readonly sinkBuffer: number;
  /** Milliseconds that a look at the clock costs. */
  readonly tick: number;
  readonly interval: number;
  readonly timeout: number;
  readonly restartDelay: number;
  readonly watermarkInterval: number;
  /** Turns of promises between two steps. */
  readonly hops: number;
  readonly faults: readonly Fault[];
  readonly actions: readonly Action[];
  /** Of job `kafka`. */
  readonly cluster?: {
    readonly isBounded: boolean;
    readonly events: readonly ClusterEvent[];
  };
}

/** The dear ones less often. */
const NETWORKS: readonly NetworkKind[] = [
  ...(["in-process", "in-process", "in-process", "in-process", "in-process"] as const),
  ...(["pairs", "pairs", "serialized", "two-hosts"] as const),
];

const ACTIONS: readonly ActionKind[] = [
  "crash",
  "crash",
  "crash",
  "power-cut",
  "power-cut",
  "stop",
  "drain",
  "cancel",
  "checkpoint",
  "savepoint",
  "clock-jump",
];

/** Places that fail more often than others: there the most is at stake. */
const OFTEN: readonly string[] = [
  "sink.commit",
  "sink.commit",
  "sink.commit.later",
  "sink.commit.later",
  "disk.syncDirectory",
  "emit",
];

/** The same for the job with Kafka. */
const KAFKA_OFTEN: readonly string[] = [
  "kafka.end",
  "kafka.end",
  "kafka.produce",
  "kafka.produce",
  "kafka.add",
  "kafka.init",
  "kafka.fetch",
];

const EVENTS: readonly ClusterEvent["kind"][] = [
  "leader-moves",
  "leader-moves",
  "leader-lost",
  "broker-stops",
  "partition-added",
  "transactions-time-out",
  "transactions-time-out",
];

/** The plan of a seed; `jobs` are those it may choose from. */
export function planOf(seed: number, jobs: readonly string[]): Plan {
  const dice = new Dice(seed);
  const isCalm = dice.chance(0.1);
  const job = dice.pick(jobs);
  const isKafka = job === "kafka";
  const kinds = isKafka ? KAFKA_PLACES : PLACES;
  const places = [...Object.keys(kinds), ...(isKafka ? KAFKA_OFTEN : OFTEN)];
  const plan: Plan = {
    seed,
    job,
    splits: dice.times(dice.int(1, 3), () => ({
      records: dice.int(1, 10),
      appearsAt: dice.chance(0.6) ? 0 : dice.int(1, 80),
    })),
    parallelism: dice.int(1, 2),
    fetchSize: dice.int(1, 5),
    fetchers: dice.chance(0.7) ? "single" : "per-split",
    network: dice.pick(NETWORKS),
    latency: {
      network: dice.pick([0, 0, 1, 5]),
      disk: dice.pick([0, 1, 10]),
      source: dice.pick([0, 1, 5, 20]),
      sink: dice.pick([0, 1, 5, 40]),
    },
    sinkBuffer: dice.pick([0, 2, 20]),
    tick: dice.pick([0.1, 0.3, 1]),
    // Without checkpoints to wake anybody; those that are waited for come by themselves.
    interval: dice.chance(0.1) ? 3_600_000 : dice.pick([15, 20, 40, 80]),
    timeout: dice.pick([250, 2_000, 60_000]),
    restartDelay: dice.pick([0, 5, 50]),
    watermarkInterval: dice.pick([15, 40, 200]),
    hops: dice.int(1, 2),
    faults: dice.times(isCalm ? 0 : dice.int(0, 5), () => {
      const place = dice.pick(places);
      return {
        place,
        kind: dice.pick(kinds[place] ?? ["fail"]),
        after: dice.chance(0.6) ? dice.int(0, 3) : dice.int(0, 20),
        times: dice.int(1, 2),
      };
    }),
    actions: dice.times(isCalm ? 0 : dice.int(0, 3), () => ({
      steps: dice.chance(0.8) ? dice.int(1, 150) : dice.int(1, 400),
      kind: dice.pick(ACTIONS),
      parallelism: dice.int(1, 3),
      ms: dice.pick([-3_600_000, -50, 50, 3_600_000]),
    })),
  };
  return isKafka ? { ...plan, cluster: clusterOf(dice, plan, isCalm) } : plan;
}

function clusterOf(dice: Dice, { interval }: Plan, isCalm: boolean): Plan["cluster"] & object {
  return {
    // Without an end only checkpoints bring anything to light.
    isBounded: interval > 1000 || dice.chance(0.6),
    events: dice.times(isCalm ? 0 : dice.int(0, 4), () => ({
      at: dice.chance(0.7) ? dice.int(0, 200) : dice.int(0, 1000),
      kind: dice.pick(EVENTS),
      partition: dice.int(0, 11),
      broker: dice.int(1, 3),
      ms: dice.pick([5, 60, 400]),
    })),
  };
}
