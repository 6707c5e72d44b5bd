import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../src/mailbox/index.js";
import { compileJobs, type Ended, JobProcess } from "./compiled-job.js";
import { FinishedOrders } from "./finished-orders.js";
import { type OutputKind, orderOf } from "./jobs/orders.js";

/** Kills that are wanted; when it is given, they all happen however long that takes. */
const WANTED = Number(process.env.HEADWATER_KILLS ?? 200);
/** Milliseconds for them otherwise. */
const TIME = process.env.HEADWATER_KILLS === undefined ? 65_000 : Number.POSITIVE_INFINITY;

const ORDERS = 50_000;
const FILES = 4;
const KINDS: readonly OutputKind[] = ["ndjson", "text.gz", "parquet"];

/** Side by side: one a core. */
const LANES = 2;

/** Milliseconds; on a machine so slow a process would have come to its work. */
const LONGEST = 20_000;

/** A process that is killed so often in a row without any progress is taken for one that hangs. */
const MOST_IN_VAIN = 60;

class Campaign {
  readonly #random: () => number;
  readonly #input: string;
  readonly #end = performance.now() + TIME;
  /** The longest life, in milliseconds: it becomes what leads to some progress about every second time. */
  #longest = 600;
  kills = 0;
  rounds = 0;
  /** Kills that left files which were not finished. */
  amidst = 0;

  constructor(input: string, random: () => number) {
    this.#input = input;
    this.#random = random;
  }

  get isOver(): boolean {
    return this.kills >= WANTED || performance.now() > this.#end;
  }

  /** Copies all orders, in processes that are killed while there are kills left. */
  async round(folder: string, kind: OutputKind, sync: "sync" | "no sync"): Promise<void> {
    const orders = new FinishedOrders(join(folder, "out"), kind, ORDERS);
    const abandoned = new Set<string>();
    for (let inVain = 0; ; ) {
      const job = new JobProcess("files-to-files", [this.#input, folder, kind, sync]);
      const { signal, stdout, stderr } = await this.#fate(job);
      expect(stderr).toBe("");
      const before = orders.count;
      await orders.look();
      if (signal === null) {
        expect(stdout).toBe("FINISHED\n");
        break;
      }
      this.kills++;
      // Without a checkpoint nobody knows that they are of no use: docs/connectors/file-sinks.md.
      if (!hasCheckpoint(folder)) for (const name of orders.hidden) abandoned.add(name);
      if (orders.hidden.length > 0) this.amidst++;
      const isVain = orders.count === before;
      this.#longest = Math.min(this.#longest * (isVain ? 1.25 : 0.85), LONGEST);
      inVain = isVain ? inVain + 1 : 0;
      expect(inVain).toBeLessThan(MOST_IN_VAIN);
    }
    expect(orders.count).toBe(ORDERS);
    expect(orders.hidden.filter((name) => !abandoned.has(name))).toEqual([]);
    this.rounds++;
  }

  /** Kills the process at a random moment, unless it ends before. */
  async #fate(job: JobProcess): Promise<Ended> {
    if (this.isOver) return job.ended;
    const moment = new AbortController();
    const killed = wait(this.#random() * this.#longest, undefined, moment).then(
      () => job.kill(),
      () => {},
    );
    const ended = await job.ended;
    moment.abort();
    await killed;
    return ended;
  }
}

function hasCheckpoint(folder: string): boolean {
  const path = join(folder, "checkpoints");
  return (
    existsSync(path) &&
    readdirSync(path, { recursive: true }).some((name) => /chk-\d+\/_metadata$/.test(String(name)))
  );
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-sigkill-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function writeOrders(path: string): void {
  mkdirSync(path);
  for (let file = 0; file < FILES; file++) {
    let text = "";
    for (let n = file; n < ORDERS; n += FILES) text += `${JSON.stringify(orderOf(n))}\n`;
    writeFileSync(join(path, `${file}.ndjson`), text);
  }
}

describe("a job from files to files, exactly once, in a process that is killed at random moments", () => {
  beforeAll(() => compileJobs("sigkill"), 60_000);

  it("never shows half an order or one twice, and shows each in the end", {
    timeout: 1_200_000,
  }, async () => {
    const seed = Number(process.env.HEADWATER_SEED ?? fc.sample(fc.nat(), 1)[0]);
    const random = new SeededRandom(seed);
    const folder = newFolder();
    const input = join(folder, "in");
    writeOrders(input);
    const campaign = new Campaign(input, () => random.next());
    const start = performance.now();
    let begun = 0;
    const lane = async (): Promise<void> => {
      while (!campaign.isOver) {
        const i = begun++;
        const kind = KINDS[i % KINDS.length] as OutputKind;
        await campaign.round(
          mkdtempSync(join(folder, "round-")),
          kind,
          i % 2 === 1 ? "sync" : "no sync",
        );
      }
    };
    const told = (): string =>
      `seed ${seed}: ${campaign.kills} kills in ${campaign.rounds} rounds, ${campaign.amidst} of them amidst a file, ${((performance.now() - start) / 1000).toFixed(1)} s`;
    try {
      await Promise.all(Array.from({ length: LANES }, lane));
    } finally {
      console.log(told());
    }
    expect(campaign.kills, told()).toBeGreaterThanOrEqual(TIME < Infinity ? 10 : WANTED);
    expect(campaign.amidst, told()).toBeGreaterThan(0);
  });
});
