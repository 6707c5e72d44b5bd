import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnySource } from "../../src/api/index.js";
import {
  collection,
  elements,
  fixedDelayRestart,
  MemoryCheckpointStorage,
  numberSequenceSource,
} from "../../src/index.js";
import { CountingResult, countingJob, countsOf } from "../support/counting-job.js";
import { withFaultyEnumerator } from "../support/faulty-enumerator.js";
import { Faults, faultySource } from "../support/faulty-source.js";
import { JobHarness } from "../support/job-harness.js";

type Kind = "sequence" | "elements" | "collection" | "ranges";

interface SourcePlan {
  readonly kind: Kind;
  readonly splits: number;
  readonly size: number;
}

type Action =
  | { readonly type: "step"; readonly turns: number }
  | { readonly type: "time" }
  | { readonly type: "checkpoint" }
  | { readonly type: "savepoint" }
  | { readonly type: "stop"; readonly parallelism: number; readonly drain: boolean };

interface Plan {
  readonly sources: readonly SourcePlan[];
  readonly parallelism: number;
  readonly interval: number | undefined;
  readonly tick: number;
  readonly slowSink: boolean;
  readonly actions: readonly Action[];
  /** Where it fails, after how many good calls. */
  readonly failures: readonly { readonly place: string; readonly after: number }[];
}

const sourcePlan: fc.Arbitrary<SourcePlan> = fc.record({
  kind: fc.constantFrom<Kind>("sequence", "elements", "collection", "ranges"),
  splits: fc.integer({ min: 1, max: 6 }),
  size: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 100, max: 2500 })),
});

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("step" as const),
      turns: fc.integer({ min: 1, max: 20 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ type: "time" as const }) },
  { weight: 3, arbitrary: fc.constant({ type: "checkpoint" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "savepoint" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("stop" as const),
      parallelism: fc.integer({ min: 1, max: 4 }),
      drain: fc.boolean(),
    }),
  },
);

const PLACES = [
  "operator",
  "operator",
  "SourceReader.pollNext",
  "SourceReader.snapshotState",
  "SplitReader.fetch, later",
  "SplitReader.close",
  "Enumerator.handleSplitRequest",
  "Enumerator.snapshotState",
  "Enumerator.addSplitsBack",
  "Enumerator.notifyCheckpointComplete",
];

/** Some places are called for each record, others a few times in a job. */
const calls = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 900 }));

const plan: fc.Arbitrary<Plan> = fc.record({
  sources: fc.array(sourcePlan, { minLength: 1, maxLength: 2 }),
  parallelism: fc.integer({ min: 1, max: 4 }),
  interval: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
  tick: fc.integer({ min: 1, max: 6 }),
  slowSink: fc.boolean(),
  actions: fc.array(action, { maxLength: 40 }),
  failures: fc.uniqueArray(fc.record({ place: fc.constantFrom(...PLACES), after: calls }), {
    maxLength: 5,
    selector: ({ place }) => place,
  }),
});

function createSource({ kind, splits, size }: SourcePlan, faults: Faults): AnySource<number> {
  const numbers = Array.from({ length: size }, (_, i) => i);
  const source = ((): AnySource<number> => {
    switch (kind) {
      case "sequence":
        return numberSequenceSource({ from: 0, to: size - 1, splits });
      case "elements":
        return elements(...numbers);
      case "collection":
        return collection(async function* () {
          for (const n of numbers) yield n;
        });
      case "ranges":
        return faultySource({ faults, splits, perSplit: Math.ceil(size / splits), fetchSize: 3 });
    }
  })();
  return withFaultyEnumerator(source, faults);
}

function recordsOf({ kind, splits, size }: SourcePlan): readonly number[] {
  const length = kind === "ranges" ? splits * Math.ceil(size / splits) : size;
  return Array.from({ length }, (_, i) => i);
}

/** Runs the plan to its end, over as many runs of the job as it stops and resumes it. */
async function play(given: Plan): Promise<CountingResult> {
  const result = new CountingResult(given.slowSink ? async () => {} : undefined);
  const faults = new Faults();
  for (const { place, after } of given.failures) faults.at(place, 1, after);
  const storage = new MemoryCheckpointStorage();
  const start = (parallelism: number, fromSavepoint?: string): Promise<JobHarness> => {
    result.forget();
    return JobHarness.start(
      countingJob(
        given.sources.map((source) => createSource(source, faults)),
        result,
        faults,
      ),
      {
        parallelism,
        tick: given.tick,
        autoWatermarkInterval: 10,
        restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 5 }),
        checkpoint: {
          storage,
          tolerableFailures: 1000,
          ...(given.interval === undefined ? {} : { interval: given.interval }),
        },
        ...(fromSavepoint === undefined ? {} : { fromSavepoint }),
      },
    );
  };
  let harness = await start(given.parallelism);
  for (const next of given.actions) {
    if (harness.hasEnded) break;
    switch (next.type) {
      case "step":
        await harness.step(next.turns);
        break;
      case "time":
        harness.advanceOneTimer();
        break;
      case "checkpoint":
        harness.handle.checkpoint().catch(() => {});
        break;
      case "savepoint":
        harness.handle.savepoint().catch(() => {});
        break;
      case "stop": {
        const stopping = harness.handle.stop({ drain: next.drain }).catch(() => undefined);
        const savepoint = await harness.result(stopping);
        if (savepoint === undefined) break;
        const ended = await harness.finish();
        if (ended.savepoint !== undefined) {
          harness = await start(next.parallelism, savepoint.location);
        }
        break;
      }
    }
  }
  await harness.finish();
  return result;
}

/** The abortion of a stopping savepoint overtakes its trigger on the way to a subtask. */
const ABORTED_BEFORE_ITS_TRIGGER: Plan = {
  sources: [
    { kind: "elements", splits: 1, size: 1 },
    { kind: "sequence", splits: 1, size: 1 },
  ],
  parallelism: 2,
  interval: undefined,
  tick: 2,
  slowSink: false,
  actions: [
    { type: "step", turns: 11 },
    { type: "stop", parallelism: 1, drain: false },
  ],
  failures: [{ place: "operator", after: 0 }],
};

describe("state is exactly-once", () => {
  it("whatever fails whenever, and however often the job is stopped and resumed", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const result = await play(given);
        const expected = given.sources.flatMap(recordsOf);
        expect(result.counts()).toEqual(countsOf(expected));
        // And what only passes through comes at least once.
        expect(result.seen).toEqual(new Set(expected));
      }),
      { numRuns: 150, examples: [[ABORTED_BEFORE_ITS_TRIGGER]] },
    );
  }, 120_000);
});
