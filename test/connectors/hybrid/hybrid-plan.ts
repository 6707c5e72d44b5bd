import fc from "fast-check";
import { expect } from "vitest";
import type { AnySource } from "../../../src/api/index.js";
import { type DeferredSource, hybridSource } from "../../../src/connectors/hybrid/index.js";
import { EagerSplitEnumerator, splitNumberRange } from "../../../src/enumerator/index.js";
import {
  collection,
  elements,
  fixedDelayRestart,
  MemoryCheckpointStorage,
  numberSequenceSource,
} from "../../../src/index.js";
import { CountingResult, countingJob } from "../../support/counting-job.js";
import { withFaultyEnumerator } from "../../support/faulty-enumerator.js";
import { Faults, faultySource } from "../../support/faulty-source.js";
import { JobHarness } from "../../support/job-harness.js";

type Kind = "sequence" | "elements" | "collection" | "ranges" | "eager";

interface SourcePlan {
  readonly kind: Kind;
  readonly splits: number;
  readonly size: number;
  /** Made when its turn comes, from where the source before it has ended. */
  readonly deferred: boolean;
}

type Action =
  | { readonly type: "step"; readonly turns: number }
  | { readonly type: "time" }
  | { readonly type: "checkpoint" }
  | { readonly type: "savepoint" }
  | { readonly type: "stop"; readonly parallelism: number; readonly drain: boolean };

export interface Plan {
  readonly sources: readonly SourcePlan[];
  readonly parallelism: number;
  readonly interval: number | undefined;
  readonly tick: number;
  readonly actions: readonly Action[];
  /** Where it fails, after how many good calls. */
  readonly failures: readonly { readonly place: string; readonly after: number }[];
}

const sourcePlan: fc.Arbitrary<SourcePlan> = fc.record({
  kind: fc.constantFrom<Kind>("sequence", "elements", "collection", "ranges", "eager"),
  splits: fc.integer({ min: 1, max: 5 }),
  size: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 100, max: 600 })),
  deferred: fc.boolean(),
});

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("step" as const),
      turns: fc.integer({ min: 1, max: 30 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ type: "time" as const }) },
  { weight: 3, arbitrary: fc.constant({ type: "checkpoint" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "savepoint" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("stop" as const),
      parallelism: fc.integer({ min: 1, max: 4 }),
      drain: fc.constant(false),
    }),
  },
);

const PLACES = [
  "operator",
  "operator",
  "SourceReader.pollNext",
  "SourceReader.snapshotState",
  "SourceReader.close",
  "SplitReader.fetch, later",
  "Enumerator.handleSplitRequest",
  "Enumerator.addReader",
  "Enumerator.snapshotState",
  "Enumerator.addSplitsBack",
  "Enumerator.close",
  "create",
];

const calls = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 900 }));

export const plan: fc.Arbitrary<Plan> = fc.record({
  sources: fc.array(sourcePlan, { minLength: 1, maxLength: 4 }),
  parallelism: fc.integer({ min: 1, max: 4 }),
  interval: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
  tick: fc.integer({ min: 1, max: 6 }),
  actions: fc.array(action, { maxLength: 40 }),
  failures: fc.uniqueArray(fc.record({ place: fc.constantFrom(...PLACES), after: calls }), {
    maxLength: 6,
    selector: ({ place }) => place,
  }),
});

const sizeOf = ({ kind, splits, size }: SourcePlan): number =>
  kind === "ranges" ? splits * Math.ceil(size / splits) : size;

/** Source n has the numbers from n * 10,000 on; "ranges" always those from 0 on. */
export const recordsOf = (given: SourcePlan, index: number): number[] =>
  Array.from({ length: sizeOf(given) }, (_, i) =>
    given.kind === "ranges" ? i : index * 10_000 + i,
  );

function createSource(given: SourcePlan, from: number, faults: Faults): AnySource<number> {
  const numbers = Array.from({ length: sizeOf(given) }, (_, i) => from + i);
  const source = ((): AnySource<number> => {
    switch (given.kind) {
      case "sequence":
        return numberSequenceSource({ from, to: from + given.size - 1, splits: given.splits });
      case "elements":
        return elements(...numbers);
      case "collection":
        return collection(async function* () {
          for (const n of numbers) yield n;
        });
      case "ranges":
        return faultySource({
          faults,
          splits: given.splits,
          perSplit: Math.ceil(given.size / given.splits),
          fetchSize: 3,
        });
      case "eager":
        return eagerly(from, given);
    }
  })();
  return withFaultyEnumerator(source, faults);
}

/** Numbers whose runs are all dealt out when the readers come. */
function eagerly(from: number, { size, splits }: SourcePlan): AnySource<number> {
  const to = from + size - 1;
  return {
    ...numberSequenceSource({ from, to, splits }),
    createEnumerator: (context) =>
      new EagerSplitEnumerator(context, splitNumberRange(from, to, splits)),
    restoreEnumerator: (context, checkpoint) => new EagerSplitEnumerator(context, checkpoint),
  };
}

function createHybrid(plans: readonly SourcePlan[], faults: Faults): AnySource<number> {
  return hybridSource({
    sources: plans.map((given, index): AnySource<number> | DeferredSource<number> => {
      if (!given.deferred) return createSource(given, index * 10_000, faults);
      return {
        // What the enumerator before it has is not much, but it is there.
        position: (previous) => ({ from: index * 10_000, left: previous.snapshotState(0) ? 0 : 1 }),
        create({ previousPosition }) {
          faults.check("create");
          expect(previousPosition).toEqual(
            index === 0 ? undefined : { from: index * 10_000, left: 0 },
          );
          return createSource(given, previousPosition?.from ?? 0, faults);
        },
      };
    }),
  });
}

/** Runs the plan to its end, over as many runs of the job as it stops and resumes it. */
export async function play(given: Plan): Promise<CountingResult> {
  const result = new CountingResult();
  const faults = new Faults();
  for (const { place, after } of given.failures) faults.at(place, 1, after);
  const storage = new MemoryCheckpointStorage();
  const start = (parallelism: number, fromSavepoint?: string): Promise<JobHarness> => {
    result.forget();
    return JobHarness.start(countingJob([createHybrid(given.sources, faults)], result, faults), {
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
    });
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
