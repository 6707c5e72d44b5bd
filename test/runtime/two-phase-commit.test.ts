import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explain } from "../../src/errors/index.js";
import {
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  noRestart,
} from "../../src/index.js";
import { TransactionalStore } from "../../src/testing/index.js";
import { Faults, faultySource } from "../support/faulty-source.js";
import { JobHarness } from "../support/job-harness.js";
import { transactionalSink } from "../support/transactional-sink.js";

const RESTART = fixedDelayRestart({ attempts: 1000, delay: 5 });

function job(
  store: TransactionalStore<number>,
  faults: Faults,
  options: { readonly splits?: number; readonly perSplit?: number } = {},
): JobDefinition {
  const { splits = 2, perSplit = 400 } = options;
  return defineJob("transactions", (env) => {
    env
      .fromSource(faultySource({ faults, splits, perSplit, fetchSize: 5 }))
      .sinkTo(transactionalSink(store, faults));
  });
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sorted = (all: readonly number[]): number[] => [...all].sort((a, b) => a - b);

describe("a sink with a committer", () => {
  it("commits what was written before a checkpoint when that is durable, and no earlier", async () => {
    const store = new TransactionalStore<number>();
    const harness = await JobHarness.start(job(store, new Faults()), { tick: 1 });
    await harness.step(60);
    expect(store.committed).toEqual([]);
    await harness.result(harness.handle.checkpoint());
    await harness.until(() => store.committed.length > 0);
    expect(store.committed.length).toBeLessThan(800);
    await harness.finish();
    expect(sorted(store.committed)).toEqual(numbers(800));
  });

  it("commits the rest when its input ends, after a checkpoint that holds it", async () => {
    const store = new TransactionalStore<number>();
    const storage = new MemoryCheckpointStorage();
    let committedWhenStored = -1;
    const store_ = storage.store.bind(storage);
    storage.store = async (data) => {
      committedWhenStored = store.committed.length;
      return store_(data);
    };
    const { status } = await JobHarness.run(job(store, new Faults()), {
      checkpoint: { interval: "1h", storage },
    });
    expect(status.completedCheckpoints).toBe(1);
    expect(committedWhenStored).toBe(0);
    expect(sorted(store.committed)).toEqual(numbers(800));
  });

  it("does not commit the rest for a checkpoint whose barrier came before it", async () => {
    const store = new TransactionalStore<number>();
    const storage = new MemoryCheckpointStorage();
    const waiting: (() => void)[] = [];
    const storeCheckpoint = storage.store.bind(storage);
    storage.store = async (data) => {
      await new Promise<void>((resolve) => void waiting.push(resolve));
      return storeCheckpoint(data);
    };
    const harness = await JobHarness.start(job(store, new Faults(), { splits: 1 }), {
      tick: 1,
      checkpoint: { storage, interval: "1h" },
    });
    await harness.step(60);
    const checkpointing = harness.handle.checkpoint();
    const state = () => harness.handle.status().pipelines[0]?.subtasks[0]?.status?.state;
    await harness.until(() => waiting.length === 1 && state() === "COMMITTING");
    waiting.shift()?.();
    await harness.result(checkpointing);
    await harness.until(() => waiting.length === 1);
    const before = store.committed.length;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(400);
    waiting.shift()?.();
    await harness.finish();
    expect(sorted(store.committed)).toEqual(numbers(400));
  });

  it("has all of a savepoint that stops the job committed when the job has stopped", async () => {
    const store = new TransactionalStore<number>();
    const storage = new MemoryCheckpointStorage();
    const first = await JobHarness.start(job(store, new Faults()), { checkpoint: { storage } });
    await first.step(60);
    const { location } = await first.result(first.handle.stop({ target: "here" }));
    await first.finish();
    const atStop = store.committed.length;
    expect(atStop).toBeGreaterThan(0);
    await JobHarness.run(job(store, new Faults()), {
      checkpoint: { storage },
      fromSavepoint: location,
      parallelism: 3,
    });
    expect(sorted(store.committed)).toEqual(numbers(800));
  });

  it("commits nothing for a savepoint that does not stop the job", async () => {
    const store = new TransactionalStore<number>();
    const harness = await JobHarness.start(job(store, new Faults()), {
      checkpoint: { storage: new MemoryCheckpointStorage() },
    });
    await harness.step(60);
    await harness.result(harness.handle.savepoint("here"));
    expect(harness.handle.status().state).toBe("RUNNING");
    expect(store.committed).toEqual([]);
    await harness.finish();
    expect(sorted(store.committed)).toEqual(numbers(800));
  });

  it("commits what a checkpoint holds, before anything is written, when it is restored", async () => {
    const store = new TransactionalStore<number>();
    const faults = new Faults().at("Committer.commit", 1);
    const order: string[] = [];
    const commit = store.commit.bind(store);
    store.commit = (id) => {
      order.push("commit");
      return commit(id);
    };
    const write = store.write.bind(store);
    store.write = (id, records) => {
      order.push("write");
      write(id, records);
    };
    const harness = await JobHarness.start(job(store, faults, { splits: 1 }), {
      restartStrategy: RESTART,
    });
    await harness.step(60);
    await harness.result(harness.handle.checkpoint());
    await harness.until(() => faults.hits.length > 0);
    const before = order.length;
    await harness.until(() => order.length > before);
    expect(order[before]).toBe("commit");
    const { status } = await harness.finish();
    expect(status.restarts).toBe(1);
    expect(sorted(store.committed)).toEqual(numbers(400));
  });
});

describe("a commit that is put off", () => {
  it("is tried again, and the job goes on meanwhile", async () => {
    const store = new TransactionalStore<number>();
    const faults = new Faults().at("CommitRequest.retryLater", 3);
    const harness = await JobHarness.start(job(store, faults), { restartStrategy: noRestart() });
    const { status } = await harness.finish();
    expect(status.state).toBe("FINISHED");
    expect(faults.hits).toHaveLength(3);
    expect(sorted(store.committed)).toEqual(numbers(800));
  });

  it("for ever fails the job with an error that says what stays where", async () => {
    const store = new TransactionalStore<number>();
    const faults = new Faults().at("CommitRequest.retryLater", 1000);
    const harness = await JobHarness.start(job(store, faults, { splits: 1 }), {
      restartStrategy: noRestart(),
    });
    const error = await harness.failure();
    expect(explain(error)).toMatch(
      /sink transactions put off a commit 3 times in subtask 0 of pipeline source-0/,
    );
    expect(store.committed).toEqual([]);
  });
});

interface Plan {
  readonly splits: number;
  readonly perSplit: number;
  readonly interval: number;
  readonly tick: number;
  readonly actions: readonly { readonly turns: number; readonly stop?: number | undefined }[];
  readonly failures: readonly { place: string; after: number; times: number }[];
}

const PLACES = [
  "Sink.createWriter",
  "SinkWriter.write",
  "SinkWriter.flush",
  "SinkWriter.prepareCommit",
  "SinkWriter.close",
  "SinkCommitter.create",
  "Committer.commit",
  "Committer.commit, answer lost",
  "Committer.close",
  "CommitRequest.retryLater",
  "SourceReader.pollNext",
  "SourceReader.snapshotState",
];

const plan: fc.Arbitrary<Plan> = fc.record({
  splits: fc.integer({ min: 1, max: 4 }),
  perSplit: fc.integer({ min: 1, max: 300 }),
  interval: fc.integer({ min: 1, max: 60 }),
  tick: fc.constantFrom(0.05, 0.5, 1, 3),
  actions: fc.array(
    fc.record({
      turns: fc.integer({ min: 1, max: 60 }),
      stop: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 4 }),
    }),
    { maxLength: 10 },
  ),
  failures: fc.uniqueArray(
    fc.record({
      place: fc.constantFrom(...PLACES),
      after: fc.integer({ min: 0, max: 40 }),
      times: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 5, selector: ({ place }) => place },
  ),
});

async function play({ splits, perSplit, interval, tick, actions, failures }: Plan) {
  const store = new TransactionalStore<number>();
  const faults = new Faults();
  for (const { place, after, times } of failures) faults.at(place, times, after);
  const storage = new MemoryCheckpointStorage();
  const start = (parallelism: number, fromSavepoint?: string) =>
    JobHarness.start(job(store, faults, { splits, perSplit }), {
      parallelism,
      tick,
      restartStrategy: RESTART,
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
  return { store, state };
}

describe("every record is committed exactly once", () => {
  it("whatever fails whenever, and however often the job is stopped and resumed", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { store, state } = await play(given);
        expect(state).toBe("FINISHED");
        expect(sorted(store.committed)).toEqual(numbers(given.splits * given.perSplit));
      }),
      { numRuns: 150 },
    );
  });
});
