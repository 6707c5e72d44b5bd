import { describe, expect, it } from "vitest";
import {
  collectSink,
  defineJob,
  exponentialDelayRestart,
  failureRateRestart,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  map,
  noRestart,
  numberSequenceSource,
  type Sink,
} from "../../src/index.js";
import { CountingResult, countingJob, countsOf } from "../support/counting-job.js";
import { Faults } from "../support/faulty-source.js";
import { Gate } from "../support/gate.js";
import { JobHarness } from "../support/job-harness.js";

const LAST = 40_000;
const NUMBERS = Array.from({ length: LAST + 1 }, (_, i) => i);
const source = () => numberSequenceSource({ from: 0, to: LAST, splits: 4 });

/** A job whose operator fails at "operator" when the faults say so. */
function failing(faults: Faults, sink: Sink<number> = collectSink()): JobDefinition {
  return defineJob("failing", (env) => {
    env
      .fromSource(source())
      .pipe(
        map((n) => {
          faults.check("operator");
          return n;
        }),
      )
      .sinkTo(sink);
  });
}

describe("cancelling", () => {
  it("ends a running job without a savepoint", async () => {
    const harness = await JobHarness.start(failing(new Faults()), { parallelism: 2 });
    await harness.step(20);

    await harness.result(harness.handle.cancel());
    const { state, savepoint, status } = await harness.finish();

    expect({ state, savepoint }).toEqual({ state: "CANCELED", savepoint: undefined });
    expect(status.lastError).toBeUndefined();
    expect(harness.handle.status().state).toBe("CANCELED");
    // Once more is too late and does no harm.
    await harness.handle.cancel();
  });

  it("ends a job that waits for its restart", async () => {
    const harness = await JobHarness.start(failing(new Faults().at("operator", 1, 500)), {
      restartStrategy: fixedDelayRestart({ attempts: 5, delay: "1h" }),
    });
    await harness.until(() => harness.handle.status().state === "RESTARTING");
    await harness.advance(60_000);
    expect(harness.handle.status().state).toBe("RESTARTING");

    await harness.result(harness.handle.cancel());
    expect((await harness.finish()).state).toBe("CANCELED");
  });

  it("closes a sink writer that is created only later", async () => {
    const gate = new Gate();
    const closed: number[] = [];
    const sink: Sink<number> = {
      name: "late",
      async createWriter({ indexOfSubtask }) {
        await gate.pass();
        return { write() {}, close: () => void closed.push(indexOfSubtask) };
      },
    };
    const harness = await JobHarness.start(failing(new Faults(), sink), { parallelism: 2 });
    await harness.settle();
    const canceling = harness.handle.cancel();
    await harness.advance(100);
    expect(harness.handle.status().state).toBe("CANCELLING");
    gate.open();
    await harness.result(canceling);
    await harness.finish();

    expect(closed.sort()).toEqual([0, 1]);
  });

  it("leaves a sink behind that never closes", async () => {
    const sink: Sink<number> = {
      name: "stuck",
      createWriter: () => ({ write() {}, close: () => new Promise<void>(() => {}) }),
    };
    const harness = await JobHarness.start(failing(new Faults(), sink));
    await harness.step(20);
    await harness.result(harness.handle.cancel());

    expect((await harness.finish()).state).toBe("CANCELED");
    expect(harness.now).toBeGreaterThanOrEqual(40_000);
  });

  it("rejects what waits for a checkpoint", async () => {
    const sink: Sink<number> = {
      name: "stuck",
      createWriter: () => ({ write() {}, flush: () => new Promise<void>(() => {}) }),
    };
    const harness = await JobHarness.start(failing(new Faults(), sink));
    await harness.step(20);
    const requests = [
      harness.handle.checkpoint(),
      harness.handle.savepoint(),
      harness.handle.stop(),
    ].map((request) => request.catch((error: unknown) => error));
    await harness.step(5);
    await harness.result(harness.handle.cancel());

    for (const request of requests) expect(await request).toMatchObject({ name: "HeadwaterError" });
    await expect(harness.handle.checkpoint()).rejects.toThrow("has ended (canceled)");
    await harness.end();
  });
});

describe("a restart", () => {
  it("does not come without a strategy", async () => {
    const harness = await JobHarness.start(failing(new Faults().at("operator", 1, 500)), {
      restartStrategy: noRestart(),
    });
    expect(await harness.failure()).toMatchObject({ code: "OPERATOR_FAILED" });
    expect(harness.handle.status()).toMatchObject({ state: "FAILED", restarts: 0 });
  });

  it.each([
    ["fixed delay", fixedDelayRestart({ attempts: 3, delay: 700 }), 700],
    ["failure rate", failureRateRestart({ maxFailuresPerInterval: 5, delay: 700 }), 700],
    ["exponential delay", exponentialDelayRestart({ initialBackoff: 700, jitterFactor: 0 }), 700],
  ])("comes after its delay with the %s strategy", async (_name, restartStrategy, delay) => {
    const harness = await JobHarness.start(failing(new Faults().at("operator", 1, 500)), {
      restartStrategy,
      // No time passes but what is waited for.
      tick: 0,
    });
    await harness.until(() => harness.handle.status().state === "RESTARTING");
    const failedAt = harness.now;
    await harness.until(() => harness.handle.status().state === "RUNNING");

    expect(harness.now - failedAt).toBe(delay);
    expect((await harness.finish()).status.restarts).toBe(1);
  });

  it("may wait longer than a release", async () => {
    const harness = await JobHarness.start(failing(new Faults().at("operator", 1, 500)), {
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: "10min" }),
    });
    expect((await harness.finish()).state).toBe("FINISHED");
    expect(harness.now).toBeGreaterThanOrEqual(600_000);
  });

  it("of one subtask leaves the others alone", async () => {
    const harness = await JobHarness.start(failing(new Faults().at("operator", 1, 500)), {
      parallelism: 3,
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    const { status } = await harness.finish();
    const attempts = status.pipelines[0]?.subtasks.map(({ attempt }) => attempt);
    expect(attempts?.sort()).toEqual([0, 0, 1]);
  });

  it("of the whole job counts once, however many fail in it", async () => {
    const faults = new Faults();
    const result = new CountingResult();
    const sink: Sink<number> = {
      name: "closing-badly",
      createWriter: () => ({ write() {}, close: () => faults.check("close") }),
    };
    const job = defineJob("many", (env) => {
      env
        .fromSource({
          ...source(),
          createEnumerator(context) {
            context.runInCoordinatorLoop(() => faults.check("enumerator"));
            return source().createEnumerator(context);
          },
        })
        .sinkTo(sink);
    });
    faults.at("enumerator").at("close", 3);
    const harness = await JobHarness.start(job, {
      parallelism: 3,
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    expect((await harness.finish()).status.restarts).toBe(1);
    expect(result.seen.size).toBe(0);
  });

  it("that cannot read its checkpoint ends the job", async () => {
    const faults = new Faults();
    const harness = await JobHarness.start(failing(faults), {
      checkpoint: {
        storage: {
          store: async (data) => ({ ...data, location: "lost", bytes: 1 }),
          storeSavepoint: async (data) => ({ ...data, location: "lost", bytes: 1 }),
          list: async () => [],
          restoreCandidates: async () => [],
          discard: async () => {},
          load: async () => {
            throw new Error("the disk is gone");
          },
        },
      },
      restartStrategy: fixedDelayRestart({ attempts: 5, delay: 1 }),
    });
    await harness.step(20);
    await harness.result(harness.handle.checkpoint());
    faults.at("operator");
    await harness.until(() => harness.hasEnded);
    expect(harness.handle.status().state).toBe("FAILED");
    await expect(harness.handle.done).rejects.toThrow("the disk is gone");
    await harness.end();
  });

  it("never goes back to a savepoint, which its user may have deleted", async () => {
    const faults = new Faults();
    const result = new CountingResult();
    const deleted = new Set<string>();
    const storage = new MemoryCheckpointStorage();
    const load = storage.load.bind(storage);
    storage.load = async (location) => {
      if (deleted.has(location)) throw new Error("deleted");
      return load(location);
    };
    const harness = await JobHarness.start(countingJob([source()], result, faults), {
      parallelism: 2,
      checkpoint: { storage },
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 1 }),
    });
    await harness.step(20);
    const checkpoint = await harness.result(harness.handle.checkpoint());
    await harness.step(5);
    deleted.add((await harness.result(harness.handle.savepoint())).location);
    expect(harness.handle.status().lastCheckpoint).toEqual(checkpoint);
    faults.at("operator");

    expect((await harness.finish()).status.restarts).toBe(1);
    expect(result.counts()).toEqual(countsOf(NUMBERS));
  });
});

describe("the status", () => {
  it("says what a job does, from its start to its end", async () => {
    const states: string[] = [];
    const harness = await JobHarness.start(failing(new Faults().at("operator", 1, 500)), {
      parallelism: 2,
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 200 }),
    });
    const see = (): boolean => {
      const { state } = harness.handle.status();
      if (states.at(-1) !== state) states.push(state);
      return harness.hasEnded;
    };
    see();
    await harness.until(see);
    await harness.end();

    expect(states).toEqual([
      "CREATED",
      "INITIALIZING",
      "RUNNING",
      "RESTARTING",
      "RESTORING",
      "RUNNING",
      "FINISHING",
      "FINISHED",
    ]);
    const [pipeline] = harness.handle.status().pipelines;
    expect(pipeline).toMatchObject({ id: "source-0", sink: "collect", parallelism: 2 });
    for (const { status } of pipeline?.subtasks ?? []) {
      expect(status).toMatchObject({
        state: "CLOSED",
        mode: "DATA_FINISHED",
        watermark: Number.POSITIVE_INFINITY,
        backPressured: false,
        splits: 0,
        paused: 0,
        splitWatermarks: {},
      });
    }
  });

  it("comes with metrics of every subtask, coordinator and of checkpoints", async () => {
    const harness = await JobHarness.start(failing(new Faults()), { parallelism: 2 });
    await harness.step(20);
    await harness.result(harness.handle.checkpoint());
    const { metrics } = await harness.finish();

    const names = Object.keys(metrics);
    expect(names).toContain("source-0.subtask.0.numRecordsOut");
    expect(names).toContain("source-0.subtask.1.numRecordsIn");
    expect(names).toContain("source-0.coordinator.enumerator.unassignedSplits");
    const records = [0, 1].map((i) => metrics[`source-0.subtask.${i}.numRecordsOut`] as number);
    expect(records.reduce((sum, count) => sum + count, 0)).toBe(NUMBERS.length);
    expect(metrics["checkpoint.numberOfCompletedCheckpoints"]).toBe(1);
    expect(metrics["mailbox.numEventsDelivered"]).toBeGreaterThan(0);
    expect(metrics["mailbox.numDeadLetters"]).toBe(0);
  });
});
