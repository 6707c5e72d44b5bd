import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BadRecord,
  fixedDelayRestart,
  MemoryCheckpointStorage,
  type Sink,
} from "../../src/index.js";
import { CountingResult, countingJob, countsOf } from "../support/counting-job.js";
import { badText, Faults, faultySource } from "../support/faulty-source.js";
import { JobHarness } from "../support/job-harness.js";

type Action =
  | { readonly type: "step"; readonly turns: number }
  | { readonly type: "time" }
  | { readonly type: "checkpoint" }
  | { readonly type: "stop"; readonly parallelism: number; readonly drain: boolean };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("step" as const),
      turns: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.constantFrom<Action>({ type: "time" }, { type: "checkpoint" }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("stop" as const),
      parallelism: fc.integer({ min: 1, max: 3 }),
      drain: fc.boolean(),
    }),
  },
);

const PLACES = [
  "operator",
  "SourceReader.pollNext",
  "SourceReader.snapshotState",
  "RecordEmitter.emitRecord",
  "SplitReader.fetch, later",
  "DeadLetters.write",
  "DeadLetters.flush",
];

const plan = fc.record({
  splits: fc.integer({ min: 1, max: 5 }),
  /** Whether each number can be read, over and over. */
  isGood: fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
  perSplit: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 100, max: 600 })),
  parallelism: fc.integer({ min: 1, max: 3 }),
  tick: fc.integer({ min: 0, max: 3 }),
  slow: fc.boolean(),
  actions: fc.array(action, { maxLength: 40 }),
  failures: fc.uniqueArray(
    fc.record({
      place: fc.constantFrom(...PLACES),
      after: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 500 })),
    }),
    { maxLength: 5, selector: ({ place }) => place },
  ),
});

/** Keeps dead letters in memory until it is flushed, so that what was not flushed is lost. */
class BufferedRejects {
  readonly outside: BadRecord[] = [];

  sink(faults: Faults, slow: boolean): Sink<BadRecord> {
    const pass = async (): Promise<void> => {};
    return {
      name: "rejects",
      createWriter: () => {
        const buffered: BadRecord[] = [];
        return {
          write: (badRecords) => {
            faults.check("DeadLetters.write");
            buffered.push(...badRecords);
            return slow ? pass() : undefined;
          },
          flush: () => {
            faults.check("DeadLetters.flush");
            this.outside.push(...buffered.splice(0));
            return slow ? pass() : undefined;
          },
        };
      },
    };
  }
}

describe("dead letters are at-least-once, and state exactly-once beside them", () => {
  it("whatever is bad, whatever fails whenever, however often the job is stopped", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { splits, perSplit, isGood, tick, slow } = given;
        const isBad = (n: number): boolean => isGood[n % isGood.length] === false;
        const result = new CountingResult(slow ? async () => {} : undefined);
        const rejects = new BufferedRejects();
        const faults = new Faults();
        for (const { place, after } of given.failures) faults.at(place, 1, after);
        const storage = new MemoryCheckpointStorage();
        const start = (parallelism: number, fromSavepoint?: string): Promise<JobHarness> => {
          result.forget();
          const source = faultySource({ faults, splits, perSplit, fetchSize: 7, isBad });
          const to = rejects.sink(faults, slow);
          const job = countingJob([source], result, faults, { action: "dead-letter", to });
          return JobHarness.start(job, {
            parallelism,
            tick,
            autoWatermarkInterval: 10,
            restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 5 }),
            checkpoint: { storage, tolerableFailures: 1000 },
            ...(fromSavepoint === undefined ? {} : { fromSavepoint }),
          });
        };
        let harness = await start(given.parallelism);
        for (const next of given.actions) {
          if (harness.hasEnded) break;
          if (next.type === "step") await harness.step(next.turns);
          else if (next.type === "time") harness.advanceOneTimer();
          else if (next.type === "checkpoint") harness.handle.checkpoint().catch(() => {});
          else {
            const stopping = harness.handle.stop({ drain: next.drain }).catch(() => undefined);
            const savepoint = await harness.result(stopping);
            if (savepoint === undefined) break;
            const ended = await harness.finish();
            if (ended.savepoint !== undefined) {
              harness = await start(next.parallelism, savepoint.location);
            }
          }
        }
        await harness.finish();

        const numbers = Array.from({ length: splits * perSplit }, (_, n) => n);
        const good = numbers.filter((n) => !isBad(n));
        expect(result.counts()).toEqual(countsOf(good));
        expect(result.seen).toEqual(new Set(good));
        const outside = new Set(rejects.outside.map(({ position }) => position));
        expect(outside).toEqual(new Set(numbers.filter(isBad)));
        for (const { position, raw } of rejects.outside) {
          expect(new TextDecoder().decode(raw)).toBe(badText(position));
        }
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
