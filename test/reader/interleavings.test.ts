import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Scheduler } from "../../src/mailbox/ports.js";
import {
  FetcherPerSplitManager,
  SequentialFetcherManager,
  SingleThreadFetcherManager,
  type SplitFetcherManager,
  type SplitFetcherManagerOptions,
} from "../../src/reader/index.js";
import {
  type NumbersElement,
  NumbersOutput,
  NumbersReader,
  type NumbersSplit,
  NumbersSplitReader,
} from "../support/reader-fixtures.js";
import { ReaderHarness } from "../support/reader-harness.js";

type Managed = SplitFetcherManager<NumbersElement, NumbersSplit>;
type Options = SplitFetcherManagerOptions<NumbersElement, NumbersSplit>;

const MANAGERS: Readonly<Record<string, (options: Options) => Managed>> = {
  single: (options) => new SingleThreadFetcherManager(options),
  sequential: (options) => new SequentialFetcherManager(options),
  perSplit: (options) => new FetcherPerSplitManager({ ...options, maxConcurrentFetchers: 2 }),
};

const operation = fc.oneof(
  fc.record({ op: fc.constant("add" as const), counts: fc.array(fc.nat(7), { maxLength: 3 }) }),
  fc.record({ op: fc.constant("pause" as const), split: fc.nat(6) }),
  fc.record({ op: fc.constant("resume" as const), split: fc.nat(6) }),
  fc.record({ op: fc.constant("task" as const) }),
  fc.record({ op: fc.constant("snapshot" as const) }),
);

const world = fc.record({
  manager: fc.constantFrom(...Object.keys(MANAGERS)),
  capacity: fc.integer({ min: 1, max: 3 }),
  recordsPerFetch: fc.integer({ min: 1, max: 4 }),
  separateFinished: fc.boolean(),
  asynchronous: fc.boolean(),
  operations: fc.array(operation, { minLength: 1, maxLength: 8 }),
});

/** A split reader whose fetches end when the scheduler says so. */
class ScheduledSplitReader extends NumbersSplitReader {
  readonly #schedule: <T>(value: T) => Promise<T>;

  constructor(
    options: ConstructorParameters<typeof NumbersSplitReader>[0],
    schedule: <T>(value: T) => Promise<T>,
  ) {
    super(options);
    this.#schedule = schedule;
  }

  override fetch() {
    const fetched = super.fetch();
    return fetched instanceof Promise ? fetched : this.#schedule(fetched);
  }
}

describe("readers and fetchers under any interleaving", () => {
  it("lose no wake-up: every record comes exactly once and the input ends", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), world, async (s, options) => {
        const schedule = <T>(value: T, label = "fetch"): Promise<T> =>
          s.schedule(Promise.resolve(value), label);
        const scheduler: Scheduler = {
          defer: (callback) => void schedule(undefined, "dispatch").then(callback),
        };
        const harness = new ReaderHarness({
          scheduler,
          dispatcher: { turnBudget: 0, eventsPerActor: 1 },
        });
        let tasks = 0;
        const create = MANAGERS[options.manager] as (options: Options) => Managed;
        const manager = create({
          context: harness.context,
          elementQueueCapacity: options.capacity,
          handleTask: () => {
            tasks++;
          },
          splitReaderFactory: () =>
            options.asynchronous
              ? new ScheduledSplitReader(options, schedule)
              : new NumbersSplitReader(options),
        });
        const reader = new NumbersReader({ context: harness.context, fetcherManager: manager });
        const output = new NumbersOutput();

        let ended = false;
        // Polls again only when told to: a lost wake-up leaves it waiting for ever.
        const poll = (): void =>
          void schedule(undefined, "poll").then(() => {
            const status = reader.pollNext(output);
            if (status === "END_OF_INPUT") ended = true;
            else if (status === "MORE_AVAILABLE") poll();
            else reader.isAvailable().onDone(poll);
          });
        poll();

        const expected: number[] = [];
        let nextSplit = 0;
        let tasksSent = 0;
        const run = (operation: (typeof options.operations)[number]): void => {
          switch (operation.op) {
            case "add":
              reader.addSplits(
                operation.counts.map((count) => {
                  const id = nextSplit++;
                  const values = Array.from({ length: count }, (_, i) => id * 10 + i);
                  expected.push(...values);
                  return { splitId: String(id), index: 0, values };
                }),
              );
              return;
            case "pause":
              reader.pauseOrResumeSplits([String(operation.split)], []);
              return;
            case "resume":
              reader.pauseOrResumeSplits([], [String(operation.split)]);
              return;
            case "task":
              tasksSent++;
              manager.enqueueTask({ type: "Commit" });
              return;
            case "snapshot": {
              // What is behind the positions has been emitted, what is before them has not.
              const emitted = new Set(output.records);
              for (const { splitId, index, values } of reader.snapshotState(1)) {
                expect([splitId, values.filter((value) => emitted.has(value)).length]).toEqual([
                  splitId,
                  index,
                ]);
              }
            }
          }
        };
        for (const operation of options.operations) {
          void schedule(undefined, operation.op).then(() => run(operation));
        }
        await untilQuiet(s);
        reader.notifyNoMoreSplits();
        reader.pauseOrResumeSplits([], [0, 1, 2, 3, 4, 5, 6].map(String));
        await untilQuiet(s);

        expect([...output.records].sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
        expect(ended).toBe(true);
        expect(tasks).toBe(tasksSent);
        const closed = reader.close();
        await untilQuiet(s);
        await closed;
        expect(harness.system.addresses).toEqual([harness.self]);
      }),
      { numRuns: 400 },
    );
  });
});

/** Lets the scheduler choose until nothing is left to choose from. */
async function untilQuiet(s: fc.Scheduler): Promise<void> {
  for (let quiet = 0; quiet < 10; quiet++) {
    while (s.count() > 0) {
      quiet = 0;
      await s.waitOne();
    }
    await Promise.resolve();
  }
}
