import { Dice } from "./dice.js";
import { type Fault, placesOf } from "./faults.js";

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
  /** Checkpoints go on and on while little comes, and nothing may grow. */
  readonly isLong?: boolean;
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

const SERVICE_OFTEN: readonly string[] = [
  ...["service.write", "service.write", "service.write", "service.write"],
  ...["service.entries", "service.entries", "service.entries"],
];

const JOB_OFTEN: Readonly<Record<string, readonly string[]>> = {
  kafka: KAFKA_OFTEN,
  files: ["disk.part.rename", "disk.part.datasync", "disk.part.syncDirectory", "emit"],
  upsert: SERVICE_OFTEN,
  batches: SERVICE_OFTEN,
};

const EVENTS: readonly ClusterEvent["kind"][] = [
  "leader-moves",
  "leader-moves",
  "leader-lost",
  "broker-stops",
  "partition-added",
  "transactions-time-out",
  "transactions-time-out",
];

/** How many seeds have a long run. */
const LONG = 0.006;

/** The plan of a seed; `jobs` are those it may choose from. */
export function planOf(seed: number, jobs: readonly string[]): Plan {
  const dice = new Dice(seed);
  const isCalm = dice.chance(0.1);
  const job = dice.pick(jobs);
  const isKafka = job === "kafka";
  const kinds = placesOf(job);
  const places = [...Object.keys(kinds), ...(JOB_OFTEN[job] ?? OFTEN)];
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
  const whole = isKafka ? { ...plan, cluster: clusterOf(dice, plan, isCalm) } : plan;
  return dice.chance(LONG) ? longer(whole, dice) : whole;
}

/** The same in slow motion: splits come and go for hundreds of checkpoints of one life. */
function longer(plan: Plan, dice: Dice): Plan {
  // Partitions never end, and windows close for splits that come late.
  const hasFewSplits = plan.job === "kafka" || plan.job === "windows";
  return {
    ...plan,
    isLong: true,
    splits: hasFewSplits
      ? plan.splits.map((split) => ({ ...split, records: 6 * split.records }))
      : dice.times(dice.int(55, 65), (index) => ({
          records: dice.int(2, 4),
          appearsAt: 40 * index,
        })),
    fetchSize: 1,
    fetchers: "per-split",
    // Checkpoints complete one after the other.
    latency: { network: 0, disk: 0, sink: 1, source: hasFewSplits ? 80 : 5 },
    timeout: 60_000,
    interval: 15,
    sinkBuffer: 0,
    actions: [],
  };
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
