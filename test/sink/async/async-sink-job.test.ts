import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ProcessingTimeService, Sink } from "../../../src/index.js";
import {
  defineJob,
  explain,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
} from "../../../src/index.js";
import { asyncBatchSink, type SendContext, upsertSink } from "../../../src/sink/async/index.js";
import { Faults, faultySource } from "../../support/faulty-source.js";
import { JobHarness } from "../../support/job-harness.js";
import { describeError, numbers } from "./async-sink-lab.js";

type Answer = "accept" | "retry some" | "refuse" | "lost" | "silence";

/** What becomes of each call, and how long that takes; then from the first again. */
type Answers = readonly { readonly answer: Answer; readonly ms: number }[];

const MAX = { maxBatchSize: 7, maxInFlightRequests: 3, maxBufferedRequests: 20 };

/** A service outside of the job that takes its time and answers as it was told. */
class Service {
  /** In the order in which they were taken. */
  readonly taken: number[] = [];
  readonly failures: string[] = [];
  readonly #answers: Answers;
  readonly #inFlight = new Map<object, number>();
  readonly #keysInFlight = new Set<string>();
  #calls = 0;

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  /** `keyOf`: checks that no key is in flight twice. */
  async call(
    batch: readonly number[],
    { client, signal }: SendContext<ProcessingTimeService>,
    keyOf?: (n: number) => string,
  ): Promise<void | { readonly retry: readonly number[] }> {
    const given = this.#answers[this.#calls++ % this.#answers.length];
    const { answer, ms } = given ?? { answer: "accept", ms: 0 };
    const inFlight = (this.#inFlight.get(client) ?? 0) + 1;
    this.#check(batch.length > 0 && batch.length <= MAX.maxBatchSize, `${batch.length} in a batch`);
    this.#check(inFlight <= MAX.maxInFlightRequests, `${inFlight} in flight`);
    const bytes = batch.reduce((sum, n) => sum + sizeOf(n), 0);
    this.#check(bytes <= 20, `${bytes} bytes`);
    const keys = keyOf === undefined ? [] : batch.map(keyOf);
    for (const key of keys) {
      this.#check(!this.#keysInFlight.has(key), `${key} twice in flight`);
      this.#keysInFlight.add(key);
    }
    this.#inFlight.set(client, inFlight);
    try {
      await this.#time(client, signal, answer === "silence" ? 1e6 : ms);
      const first = answer === "retry some" ? batch.filter((n) => n % 3 !== 0) : batch;
      if (answer !== "refuse") this.taken.push(...first);
      if (answer === "refuse" || answer === "lost") throw new Error(answer);
      return first.length < batch.length ? { retry: batch.filter((n) => n % 3 === 0) } : undefined;
    } finally {
      this.#inFlight.set(client, (this.#inFlight.get(client) ?? 0) - 1);
      for (const key of keys) this.#keysInFlight.delete(key);
    }
  }

  #time(client: ProcessingTimeService, signal: AbortSignal, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = client.registerTimer(ms, resolve);
      signal.addEventListener("abort", () => {
        cancel();
        reject(signal.reason);
      });
    });
  }

  #check(isRight: boolean, what: string): void {
    if (!isRight) this.failures.push(what);
  }
}

const sizeOf = (n: number): number => 1 + (n % 5);

const batching = {
  ...MAX,
  sizeInBytes: sizeOf,
  maxBatchSizeInBytes: 20,
  maxRecordSizeInBytes: 5,
  maxTimeInBuffer: 30,
  requestTimeout: 40,
  retry: { strategy: { name: "four", delayOf: (n: number) => (n <= 4 ? n * 3 : undefined) } },
  createClient: (context: { readonly processingTime: ProcessingTimeService }) => ({
    ...context.processingTime,
    registerTimer: context.processingTime.registerTimer.bind(context.processingTime),
  }),
};

function appendSink(service: Service): Sink<number> {
  return asyncBatchSink<number, number, ProcessingTimeService>({
    ...batching,
    name: "append",
    toRequest: (n) => n,
    send: (batch, context) => service.call(batch, context),
  });
}

/** A key has all its records in one split. */
const keyOf =
  (perSplit: number) =>
  (n: number): string =>
    `${Math.floor(n / perSplit)}/${n % 11}`;

const isDelete = (n: number): boolean => n % 13 === 0;

function tableSink(service: Service, perSplit: number): Sink<number> {
  const key = keyOf(perSplit);
  return upsertSink<number, string, ProcessingTimeService>({
    ...batching,
    name: "table",
    keyOf: key,
    upsert: (batch, context) => service.call(batch, context, key),
  });
}

function job(sink: Sink<number>, faults: Faults, splits: number, perSplit: number): JobDefinition {
  return defineJob("service", (env) => {
    env.fromSource(faultySource({ faults, splits, perSplit, fetchSize: 5 })).sinkTo(sink);
  });
}

const ALL_GOOD = [{ answer: "accept", ms: 3 }] as const;

describe("a job with an asyncBatchSink", () => {
  it("has everything before a barrier outside when its checkpoint completes", async () => {
    const service = new Service([{ answer: "retry some", ms: 5 }, ...ALL_GOOD]);
    const harness = await JobHarness.start(job(appendSink(service), new Faults(), 1, 400), {
      checkpoint: { storage: new MemoryCheckpointStorage() },
    });
    await harness.until(() => service.taken.length > 50);
    await harness.result(harness.handle.stop({ target: "here" }));
    await harness.finish();
    const before = new Set(service.taken);
    expect(before.size).toBeLessThan(400);
    // In order without gaps: nothing after the barrier, and all before it.
    expect([...before].sort((a, b) => a - b)).toEqual(numbers(before.size));
    expect(new Set(service.taken).size).toBe(service.taken.length);
  });

  it("ends of an error that is fatal, and says what failed", async () => {
    const sink = asyncBatchSink<number, number>({
      name: "strict",
      toRequest: (n) => n,
      maxBatchSize: 10,
      retry: { isFatal: () => true },
      send: async () => {
        throw new Error("access denied");
      },
    });
    const harness = await JobHarness.start(job(sink, new Faults(), 1, 100), {
      restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 5 }),
    });
    const error = await harness.failure();
    expect(describeError(error)).toContain(
      "sink strict in subtask 0 of job service could not send",
    );
    expect(explain(error)).toContain("access denied");
    expect(harness.handle.status().restarts).toBe(0);
  });

  it("reads no further than its buffer while the service is silent, and is closed when it is canceled", async () => {
    const service = new Service([{ answer: "silence", ms: 0 }]);
    const harness = await JobHarness.start(job(appendSink(service), new Faults(), 1, 100_000));
    await harness.advance(20);
    const before = harness.handle.metrics()["source-0.subtask.0.numRecordsOut"] ?? 0;
    await harness.advance(15);
    expect(harness.handle.metrics()["source-0.subtask.0.numRecordsOut"]).toBe(before);
    expect(harness.handle.metrics()["source-0.subtask.0.sink.numInFlightRequests"]).toBe(1);
    expect(before).toBeLessThan(10_000);
    harness.handle.cancel();
    await harness.end();
  });
});

interface Plan {
  readonly splits: number;
  readonly perSplit: number;
  readonly interval: number;
  readonly tick: number;
  readonly answers: Answers;
  readonly actions: readonly { readonly turns: number; readonly stop?: number | undefined }[];
  readonly failures: readonly { place: string; after: number; times: number }[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  splits: fc.integer({ min: 1, max: 3 }),
  perSplit: fc.integer({ min: 1, max: 150 }),
  // Many looks at the clock apart: else a checkpoint is always due and virtual time stands still.
  interval: fc.integer({ min: 20, max: 80 }),
  tick: fc.constantFrom(0.05, 0.2, 0.5),
  answers: fc
    .array(
      fc.record({
        answer: fc.constantFrom<Answer>(
          "accept",
          "accept",
          "retry some",
          "refuse",
          "lost",
          "silence",
        ),
        ms: fc.integer({ min: 0, max: 30 }),
      }),
      { maxLength: 12 },
    )
    // Enough that go through, so that it comes to an end.
    .map((answers) => [...answers, ...Array.from({ length: 25 }, () => ALL_GOOD[0])]),
  actions: fc.array(
    fc.record({
      turns: fc.integer({ min: 1, max: 60 }),
      stop: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined, freq: 4 }),
    }),
    { maxLength: 8 },
  ),
  failures: fc.uniqueArray(
    fc.record({
      place: fc.constantFrom("SourceReader.pollNext", "SourceReader.snapshotState"),
      after: fc.integer({ min: 0, max: 40 }),
      times: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 2, selector: ({ place }) => place },
  ),
});

async function play(given: Plan, sinkOf: (service: Service) => Sink<number>): Promise<Service> {
  const { splits, perSplit, interval, tick, answers, actions, failures } = given;
  const service = new Service(answers);
  const faults = new Faults();
  for (const { place, after, times } of failures) faults.at(place, times, after);
  const storage = new MemoryCheckpointStorage();
  const start = (parallelism: number, fromSavepoint?: string) =>
    JobHarness.start(job(sinkOf(service), faults, splits, perSplit), {
      parallelism,
      tick,
      restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 5 }),
      checkpoint: { interval, storage, tolerableFailures: 1000 },
      ...(fromSavepoint === undefined ? {} : { fromSavepoint }),
    });
  let harness = await start(2);
  for (const { turns, stop } of actions) {
    await harness.step(turns);
    harness.advanceOneTimer();
    if (harness.hasEnded) break;
    if (stop === undefined || harness.handle.status().state !== "RUNNING") continue;
    const stopped = await harness
      .result(harness.handle.stop({ target: "savepoint" }))
      .catch(() => undefined);
    // It has ended by itself, or could not take the savepoint.
    if (stopped === undefined) continue;
    // After a failure while it stopped the job goes on, from the savepoint.
    if ((await harness.finish()).savepoint === undefined) break;
    harness = await start(stop, stopped.location);
  }
  const { state } = await harness.finish();
  expect(state).toBe("FINISHED");
  expect(service.failures).toEqual([]);
  return service;
}

describe("whatever fails whenever, and however often the job is stopped and resumed", () => {
  it("asyncBatchSink sends every record at least once and passes no limit", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { taken } = await play(given, appendSink);
        const seen = [...new Set(taken)].sort((a, b) => a - b);
        expect(seen).toEqual(numbers(given.splits * given.perSplit));
      }),
      { numRuns: 25 },
    );
  });

  it("upsertSink leaves the last record of each key, and has no key in flight twice", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { taken } = await play(given, (service) => tableSink(service, given.perSplit));
        const key = keyOf(given.perSplit);
        const table = (all: readonly number[]): Map<string, number> => {
          const rows = new Map<string, number>();
          for (const n of all) {
            if (isDelete(n)) rows.delete(key(n));
            else rows.set(key(n), n);
          }
          return new Map([...rows].sort());
        };
        expect(table(taken)).toEqual(table(numbers(given.splits * given.perSplit)));
      }),
      { numRuns: 25 },
    );
  });
});
