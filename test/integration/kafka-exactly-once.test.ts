import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../src/mailbox/index.js";
import { expectOnceInOrder } from "../connectors/kafka/integration/copy-job.js";
import {
  consoleConsumer,
  fillTopic,
  newName,
  newTopic,
  type ReadRecord,
  TopicReader,
  untilStable,
} from "../connectors/kafka/integration/kafka-topics.js";
import { useSharedKafka } from "../support/kafka/shared-kafka.js";
import { compileJobs, type Ended, JobProcess } from "./compiled-job.js";
import type { KafkaCopyPlan } from "./jobs/kafka-copy-plan.js";

/** Kills that are wanted; when it is given, they all happen however long that takes. */
const WANTED = Number(process.env.HEADWATER_KILLS ?? 50);
/** Milliseconds for them otherwise. */
const TIME = process.env.HEADWATER_KILLS === undefined ? 18_000 : Number.POSITIVE_INFINITY;

const PARTITIONS = 4;
const RECORDS = 5000;

/** Side by side: one a core. */
const LANES = 2;

/** Milliseconds; on a machine so slow a process would have come to its work. */
const LONGEST = 20_000;

/** A process that is killed so often in a row without any progress is taken for one that hangs. */
const MOST_IN_VAIN = 60;

const kafka = useSharedKafka();

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-kafka-kill-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function newPlan(
  input: string,
  options: Partial<KafkaCopyPlan> = {},
): Promise<KafkaCopyPlan> {
  return {
    brokers: kafka().bootstrap,
    input,
    output: await newTopic(kafka().bootstrap, { partitions: 3 }),
    prefix: newName("copy"),
    checkpoints: newFolder(),
    parallelism: 2,
    interval: 10,
    pause: 12,
    maxPartitionBytes: 3000,
    transactionTimeout: 60_000,
    pidFile: join(newFolder(), "pid"),
    ...options,
  };
}

async function newInput(): Promise<string> {
  const input = await newTopic(kafka().bootstrap, { partitions: PARTITIONS });
  await fillTopic(kafka().bootstrap, input, { partitions: PARTITIONS, records: RECORDS });
  return input;
}

const expectPrefixes = (records: readonly ReadRecord[], told: string): number =>
  expectOnceInOrder(records, PARTITIONS, told);

class Campaign {
  readonly #random: () => number;
  readonly #input: string;
  readonly #end = performance.now() + TIME;
  /** The longest life, in milliseconds: it becomes what leads to some progress about every second time. */
  #longest = 2000;
  kills = 0;
  rounds = 0;
  /** Kills after which records had been committed that were not before. */
  withProgress = 0;

  constructor(input: string, random: () => number) {
    this.#input = input;
    this.#random = random;
  }

  get isOver(): boolean {
    return this.kills >= WANTED || performance.now() > this.#end;
  }

  /** Copies the input, in processes that are killed while there are kills left; gives the output. */
  async round(told: () => string): Promise<string> {
    const plan = await newPlan(this.#input);
    const output = new TopicReader(plan.brokers, plan.output);
    for (let inVain = 0, before = 0; ; ) {
      const { signal, stdout, stderr } = await this.#fate(
        new JobProcess("kafka-to-kafka", [JSON.stringify(plan)]),
      );
      expect(stderr, told()).toBe("");
      if (signal === null) await untilStable(plan.brokers, plan.output);
      const count = expectPrefixes(await output.look(), told());
      if (signal === null) {
        expect(stdout, told()).toBe("FINISHED\n");
        expect(count, told()).toBe(PARTITIONS * RECORDS);
        break;
      }
      this.kills++;
      const isVain = count === before;
      if (!isVain) this.withProgress++;
      before = count;
      this.#longest = Math.min(this.#longest * (isVain ? 1.25 : 0.85), LONGEST);
      inVain = isVain ? inVain + 1 : 0;
      expect(inVain, told()).toBeLessThan(MOST_IN_VAIN);
    }
    this.rounds++;
    return plan.output;
  }

  /** Kills the process at a random moment, unless it ends before. */
  async #fate(job: JobProcess): Promise<Ended> {
    if (this.isOver) return job.ended;
    const moment = new AbortController();
    const killed = wait((0.2 + 0.8 * this.#random()) * this.#longest, undefined, moment).then(
      () => job.kill(),
      () => {},
    );
    const ended = await job.ended;
    moment.abort();
    await killed;
    return ended;
  }
}

describe("a job from Kafka to Kafka, exactly once, in processes of its own", () => {
  beforeAll(() => compileJobs("kafka"), 60_000);

  it("that are killed at random moments: read_committed readers find each record once and in order, at any time", {
    timeout: 1_200_000,
  }, async () => {
    const seed = Number(process.env.HEADWATER_SEED ?? fc.sample(fc.nat(), 1)[0]);
    const random = new SeededRandom(seed);
    const campaign = new Campaign(await newInput(), () => random.next());
    const start = performance.now();
    const told = (): string =>
      `seed ${seed}: ${campaign.kills} kills in ${campaign.rounds} rounds, ${campaign.withProgress} with progress, ${((performance.now() - start) / 1000).toFixed(1)} s`;
    let output = "";
    const lane = async (): Promise<void> => {
      while (!campaign.isOver) output = await campaign.round(told);
    };
    try {
      await Promise.all(Array.from({ length: LANES }, lane));
    } finally {
      console.log(told());
    }
    // Once more as Kafka's own consumer sees it.
    const lines = (await consoleConsumer(kafka(), output, PARTITIONS * RECORDS, "key")).map(
      (line) => {
        const [key = "", value = ""] = line.split("\t");
        return { partition: 0, key, value };
      },
    );
    expect(expectPrefixes(lines, told())).toBe(PARTITIONS * RECORDS);
    expect(campaign.kills, told()).toBeGreaterThanOrEqual(TIME < Infinity ? 5 : WANTED);
    expect(campaign.withProgress, told()).toBeGreaterThan(0);
  });

  it("of which one that was held up while another took over cannot write any more", {
    timeout: 400_000,
  }, async () => {
    const seed = Number(process.env.HEADWATER_SEED ?? fc.sample(fc.nat(), 1)[0]);
    const random = new SeededRandom(seed);
    const plan = await newPlan(await newInput());
    const output = new TopicReader(plan.brokers, plan.output);
    const told = `seed ${seed}`;
    /** Lets the process work for a while that leads to so many records more. */
    const progress = async (more: number): Promise<void> => {
      const before = output.records.length;
      const isThere = async (): Promise<boolean> => (await output.look()).length >= before + more;
      await expect.poll(isThere, { timeout: 120_000, interval: 20 }).toBe(true);
    };
    const old = new JobProcess("kafka-to-kafka", [JSON.stringify(plan)]);
    await progress(500 + Math.floor(random.next() * 1000));
    // No restarts of its own: one would take the transactional ids back.
    const pid = Number(readFileSync(plan.pidFile, "utf8"));
    process.kill(pid, "SIGSTOP");
    // As storage that another machine reads: what the old process still writes there does not count.
    const checkpoints = newFolder();
    cpSync(plan.checkpoints, checkpoints, { recursive: true });
    const next = new JobProcess("kafka-to-kafka", [
      JSON.stringify({ ...plan, checkpoints, pidFile: `${plan.pidFile}-next` }),
    ]);
    await progress(500 + Math.floor(random.next() * 1000));
    process.kill(pid, "SIGCONT");
    const [{ code, stdout }, ended] = await Promise.all([old.ended, next.ended]);
    expect(code, `${told}: ${stdout}`).toBe(1);
    expect(stdout, told).toMatch(/^FAILED .*(?:INVALID_PRODUCER_EPOCH|PRODUCER_FENCED)/);
    expect(ended, told).toMatchObject({ code: 0, stdout: "FINISHED\n", stderr: "" });
    await untilStable(plan.brokers, plan.output);
    expect(expectPrefixes(await output.look(), told)).toBe(PARTITIONS * RECORDS);
  });
});
