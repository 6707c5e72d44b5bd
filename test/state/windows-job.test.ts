import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  boundedOutOfOrderness,
  defineJob,
  fixedDelayRestart,
  flatMap,
  type JobDefinition,
  MemoryCheckpointStorage,
} from "../../src/index.js";
import { keyedProcess, tumblingWindow, type WindowResult } from "../../src/state/index.js";
import type { ChunkOperator } from "../../src/stream/index.js";
import { TransactionalStore } from "../../src/testing/index.js";
import { Faults, faultySource } from "../support/faulty-source.js";
import { JobHarness } from "../support/job-harness.js";
import { transactionalSink } from "../support/transactional-sink.js";

interface Plan {
  readonly splits: number;
  readonly perSplit: number;
  readonly parallelism: number;
  readonly interval: number;
  readonly operator: "window" | "timers";
  readonly stops: readonly {
    readonly turns: number;
    readonly parallelism: number;
    readonly drain: boolean;
  }[];
  readonly failures: readonly { readonly place: string; readonly after: number }[];
}

const PLACES = [
  "SourceReader.pollNext",
  "SourceReader.snapshotState",
  "SplitReader.fetch, later",
  "SinkWriter.write",
  "SinkWriter.prepareCommit",
  "Committer.commit",
  "Committer.commit, answer lost",
];

const plan: fc.Arbitrary<Plan> = fc.record({
  splits: fc.integer({ min: 1, max: 5 }),
  perSplit: fc.integer({ min: 1, max: 300 }),
  parallelism: fc.integer({ min: 1, max: 4 }),
  interval: fc.integer({ min: 5, max: 100 }),
  operator: fc.constantFrom("window", "timers"),
  stops: fc.array(
    fc.record({
      turns: fc.integer({ min: 5, max: 60 }),
      parallelism: fc.integer({ min: 1, max: 4 }),
      drain: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  failures: fc.uniqueArray(
    fc.record({
      place: fc.constantFrom(...PLACES),
      after: fc.oneof(fc.nat(4), fc.nat(200)),
    }),
    { maxLength: 4, selector: ({ place }) => place },
  ),
});

/** Windows of 20 numbers by their last digit; what is late passes on, so that nothing can get lost. */
const windows = tumblingWindow<number, number, number[], number[], number>({
  name: "windows",
  size: 20,
  keyOf: (n) => n % 10,
  late: (n) => n,
  aggregate: {
    create: () => [],
    add(all, n) {
      all.push(n);
      return all;
    },
    merge: (a, b) => [...a, ...b],
  },
});

const numbersOf = flatMap((result: WindowResult<number, number[]> | number): number[] => {
  if (typeof result === "number") return [result];
  const { key, start, end, value } = result;
  for (const n of value) {
    if (n % 10 !== key || n < start || n >= end) throw new Error(`${n} is in a wrong window`);
  }
  return [...value];
});

/** Keeps each number until a timer 15 later. */
const timers = keyedProcess<number, number, number, number[]>({
  name: "timers",
  keyOf: (n) => n % 10,
  state: () => [],
  merge: (a, b) => [...a, ...b],
  onRecord(n, ctx) {
    ctx.state.push(n);
    ctx.timers.registerEventTimeTimer(n + 15);
  },
  onTimer(time, ctx) {
    const due = ctx.state.filter((n) => n + 15 === time);
    for (const n of due) ctx.collect(n);
    const rest = ctx.state.filter((n) => n + 15 !== time);
    if (rest.length === 0) ctx.clear();
    else ctx.setState(rest);
  },
});

function job(given: Plan, store: TransactionalStore<number>, faults: Faults): JobDefinition {
  return defineJob("windows", (env) => {
    const stream = env.fromSource(
      faultySource({ faults, splits: given.splits, perSplit: given.perSplit, fetchSize: 7 }),
      boundedOutOfOrderness<number>(0),
    );
    const sink = transactionalSink(store, faults);
    if (given.operator === "timers") stream.pipe(timers).sinkTo(sink);
    else stream.pipe(windows as ChunkOperator<number, never>, numbersOf).sinkTo(sink);
  });
}

async function play(given: Plan): Promise<readonly number[]> {
  const store = new TransactionalStore<number>();
  const faults = new Faults();
  for (const { place, after } of given.failures) faults.at(place, 1, after);
  const storage = new MemoryCheckpointStorage();
  const start = (parallelism: number, fromSavepoint?: string): Promise<JobHarness> =>
    JobHarness.start(job(given, store, faults), {
      parallelism,
      tick: 2,
      autoWatermarkInterval: 3,
      restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 5 }),
      checkpoint: { storage, tolerableFailures: 1000, interval: given.interval },
      ...(fromSavepoint === undefined ? {} : { fromSavepoint }),
    });
  let harness = await start(given.parallelism);
  for (const { turns, parallelism, drain } of given.stops) {
    await harness.step(turns);
    if (harness.hasEnded) break;
    const stopping = harness.handle.stop({ drain }).catch(() => undefined);
    const savepoint = await harness.result(stopping);
    if (savepoint === undefined) continue;
    const ended = await harness.finish();
    if (ended.savepoint !== undefined) harness = await start(parallelism, savepoint.location);
  }
  await harness.finish();
  return [...store.committed].sort((a, b) => a - b);
}

describe("windows and timers of a job", () => {
  it("give every record exactly once to a transactional sink, whatever fails and however it rescales", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const all = Array.from({ length: given.splits * given.perSplit }, (_, n) => n);
        expect(await play(given)).toEqual(all);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
