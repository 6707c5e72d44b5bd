import { describe, expect, it } from "vitest";
import { explain } from "../../src/errors/index.js";
import {
  type CheckpointStorage,
  defineJob,
  fixedDelayRestart,
  type JobDefinition,
  MemoryCheckpointStorage,
  map,
  noRestart,
  process,
  type Sink,
  watermarkGenerator,
} from "../../src/index.js";
import { Faults, faultySource } from "../support/faulty-source.js";
import { JobHarness, type JobHarnessOptions } from "../support/job-harness.js";

const SPLITS = 6;
const PER_SPLIT = 200;
const ALL = Array.from({ length: SPLITS * PER_SPLIT }, (_, i) => i);

/** Every part of the job may fail; the sink keeps what it got. */
function faultyJob(faults: Faults, written: Set<number>): JobDefinition {
  const sink: Sink<number> = {
    name: "faulty-sink",
    async createWriter() {
      faults.check("Sink.createWriter");
      return {
        write(records) {
          faults.check("SinkWriter.write");
          for (const record of records) written.add(record);
          return Promise.resolve().then(() => faults.check("SinkWriter.write, later"));
        },
        writeWatermark() {
          faults.check("SinkWriter.writeWatermark");
        },
        async flush(endOfInput) {
          faults.check(endOfInput ? "SinkWriter.flush, at the end" : "SinkWriter.flush");
        },
        close() {
          faults.check("SinkWriter.close");
        },
      };
    },
  };
  const strategy = watermarkGenerator<number>(() => {
    faults.check("createWatermarkGenerator");
    let max = Number.NEGATIVE_INFINITY;
    return {
      onEvent(_record, timestamp) {
        faults.check("WatermarkGenerator.onEvent");
        max = Math.max(max, timestamp);
      },
      onPeriodicEmit(output) {
        faults.check("WatermarkGenerator.onPeriodicEmit");
        output.emitWatermark(max - 1);
      },
    };
  })
    .withTimestampAssigner((record) => {
      faults.check("TimestampAssigner");
      // Every other split is faster, so that alignment pauses it.
      return (record % PER_SPLIT) * (Math.floor(record / PER_SPLIT) % 2 === 0 ? 1 : 5);
    })
    .withWatermarkAlignment({ group: "g", maxDrift: 20, updateInterval: 3 });
  return defineJob("faulty-job", (env) => {
    env
      .fromSource(faultySource({ faults, splits: SPLITS, perSplit: PER_SPLIT }), strategy)
      .pipe(
        map((n) => {
          faults.check("map");
          return n;
        }),
        process<number, number>({
          name: "counting",
          create: ({ restoredStates }) => {
            faults.check("ProcessOptions.create");
            let count = restoredStates.length;
            return {
              processRecord(record, _timestamp, out) {
                faults.check("ProcessFunction.processRecord");
                count++;
                out.collect(record);
              },
              processWatermark() {
                faults.check("ProcessFunction.processWatermark");
              },
              snapshotState() {
                faults.check("ProcessFunction.snapshotState");
                return count;
              },
            };
          },
        }),
      )
      .sinkTo(sink);
  });
}

/** What happens: the job fails and a restart helps; a restart does not help; or nothing happens. */
type Outcome = "RECOVERS" | "FAILS" | "GOES_ON";

interface Case {
  /** Milliseconds that pass at each look at the clock: the first at which the job feels it. */
  readonly ticks?: readonly number[];
  readonly place: string;
  readonly outcome?: Outcome;
  /** What the error says about where. */
  readonly says: RegExp;
  /** Something that has to fail first, so that the place is reached. */
  readonly first?: string;
  /** Only together with a restart: without one the place is never reached. */
  readonly onlyOnRestart?: boolean;
  /** Checkpoints that the storage refuses first. */
  readonly refusedCheckpoints?: number;
  /** An attempt may come to its end without it. */
  readonly notInEveryAttempt?: boolean;
}

const subtask = /subtask [01]/;
const enumerator = /enumerator of source faulty/;
const CASES: readonly Case[] = [
  { place: "Source.createReader", says: subtask },
  { place: "Source.createEnumerator", says: enumerator },
  {
    place: "Source.restoreEnumerator",
    says: enumerator,
    first: "SplitEnumerator.handleSplitRequest",
    onlyOnRestart: true,
  },
  { place: "splitSerializer.serialize", says: /faulty|subtask/, outcome: "FAILS" },
  { place: "splitSerializer.deserialize", says: subtask, outcome: "FAILS" },
  { place: "enumeratorCheckpointSerializer.serialize", says: /source faulty/, outcome: "FAILS" },
  {
    place: "enumeratorCheckpointSerializer.deserialize",
    says: /source faulty/,
    outcome: "FAILS",
    first: "SplitEnumerator.handleSplitRequest",
    onlyOnRestart: true,
  },
  { place: "SplitEnumerator.start", says: enumerator },
  { place: "SplitEnumerator.callAsync callable", says: enumerator },
  { place: "SplitEnumerator.callAsync handler", says: enumerator },
  { place: "SplitEnumerator.runInCoordinatorLoop", says: enumerator },
  { place: "SplitEnumerator.handleSplitRequest", says: enumerator },
  {
    place: "SplitEnumerator.addSplitsBack",
    says: enumerator,
    first: "SourceReader.pollNext",
    onlyOnRestart: true,
  },
  { place: "SplitEnumerator.addReader", says: enumerator },
  { place: "SplitEnumerator.handleSourceEvent", says: enumerator },
  { place: "SplitEnumerator.snapshotState", says: enumerator },
  { place: "SplitEnumerator.notifyCheckpointComplete", says: enumerator },
  { place: "SplitEnumerator.notifyCheckpointAborted", says: enumerator, refusedCheckpoints: 1 },
  { place: "SplitEnumerator.close", says: enumerator, outcome: "GOES_ON" },
  { place: "SourceReader.start", says: subtask },
  { place: "SourceReader.pollNext", says: subtask },
  { place: "SourceReader.snapshotState", says: subtask },
  { place: "SourceReader.isAvailable", says: subtask },
  { place: "SourceReader.addSplits", says: /subtask [01].*range-0/ },
  { place: "SourceReader.notifyNoMoreSplits", says: subtask },
  { place: "SourceReader.handleSourceEvents", says: subtask },
  { place: "SourceReader.pauseOrResumeSplits", says: /subtask [01].*range-/ },
  { place: "SourceReader.notifyCheckpointComplete", says: subtask },
  { place: "SourceReader.notifyCheckpointAborted", says: subtask, refusedCheckpoints: 1 },
  { place: "SourceReader.close", says: subtask },
  { place: "SplitReader.fetch", says: /subtask [01].*split fetcher 0.*range-0/s },
  { place: "SplitReader.fetch, later", says: /subtask [01].*split fetcher 0.*range-0/s },
  { place: "SplitReader.handleSplitsChanges", says: /subtask [01].*split fetcher 0.*range-0/s },
  {
    place: "SplitReader.wakeUp",
    notInEveryAttempt: true,
    // A fetcher has to wait in its reader when a split is resumed, and not only when it closes.
    ticks: [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3],
    says: /split fetcher \d/,
  },
  {
    place: "SplitReader.pauseOrResumeSplits",
    notInEveryAttempt: true,
    says: /split fetcher \d.*range-/s,
  },
  { place: "SplitReader.close", says: /split fetcher \d/ },
  { place: "RecordEmitter.emitRecord", says: /split "range-/ },
  { place: "createWatermarkGenerator", says: subtask },
  { place: "WatermarkGenerator.onEvent", says: /range-/ },
  { place: "WatermarkGenerator.onPeriodicEmit", says: subtask },
  { place: "TimestampAssigner", says: /range-/ },
  { place: "map", says: /operator 1 failed in subtask [01] of pipeline source-0/ },
  {
    place: "ProcessOptions.create",
    says: /operator counting failed in subtask [01] of pipeline source-0/,
  },
  {
    place: "ProcessFunction.processRecord",
    says: /operator counting failed in subtask [01] of pipeline source-0/,
  },
  {
    place: "ProcessFunction.processWatermark",
    says: /operator counting failed in subtask [01] of pipeline source-0/,
  },
  { place: "ProcessFunction.snapshotState", says: /operator counting/ },
  {
    place: "Sink.createWriter",
    says: /sink faulty-sink failed to create a writer in subtask [01] of pipeline source-0/,
  },
  {
    place: "SinkWriter.write",
    says: /sink faulty-sink failed to write in subtask [01] of pipeline source-0/,
  },
  {
    place: "SinkWriter.write, later",
    says: /sink faulty-sink failed to write in subtask [01] of pipeline source-0/,
  },
  {
    place: "SinkWriter.writeWatermark",
    says: /sink faulty-sink failed to write a watermark in subtask [01]/,
  },
  { place: "SinkWriter.flush", says: /sink faulty-sink failed to flush in subtask [01]/ },
  {
    place: "SinkWriter.flush, at the end",
    says: /sink faulty-sink failed to flush in subtask [01]/,
  },
  {
    place: "SinkWriter.close",
    says: /sink faulty-sink failed to close its writer in subtask [01]/,
  },
];

/** Refuses its first checkpoints. */
function refusing(times: number): CheckpointStorage {
  const storage = new MemoryCheckpointStorage();
  let left = times;
  const store = storage.store.bind(storage);
  storage.store = async (data) => {
    if (left-- > 0) throw new Error("the storage is full");
    return store(data);
  };
  return storage;
}

function options({ refusedCheckpoints = 0 }: Case): JobHarnessOptions {
  return {
    parallelism: 2,
    autoWatermarkInterval: 1,
    checkpoint: {
      interval: 2,
      storage: refusing(refusedCheckpoints),
      tolerableFailures: refusedCheckpoints,
    },
  };
}

/** Lets time pass while the job reads, so that timers fire in between. */
async function drive(harness: JobHarness): Promise<void> {
  for (let i = 0; i < 200_000 && !harness.hasEnded; i++) {
    await harness.step(2);
    harness.advanceOneTimer();
  }
}

interface Run {
  readonly faults: Faults;
  readonly harness: JobHarness;
  readonly written: ReadonlySet<number>;
}

/** Runs the job to its end, with the first pace of the case at which the error does something. */
async function runCase(
  one: Case,
  restartStrategy: NonNullable<JobHarnessOptions["restartStrategy"]>,
): Promise<Run> {
  let run: Run | undefined;
  for (const tick of one.ticks ?? [1]) {
    const faults = new Faults().at(one.place);
    if (one.first !== undefined) faults.at(one.first, 1, 2);
    const written = new Set<number>();
    const settings = { ...options(one), tick, restartStrategy };
    const harness = await JobHarness.start(faultyJob(faults, written), settings);
    await drive(harness);
    run = { faults, harness, written };
    const { state, restarts } = harness.handle.status();
    if (state === "FAILED" || restarts > 0) break;
  }
  return run as Run;
}

describe("an error without a restart strategy", () => {
  const cases = CASES.filter((one) => one.onlyOnRestart !== true);
  it.each(cases)("in $place ends the job with an error that says where", async (one) => {
    const { faults, harness } = await runCase(one, noRestart());

    if (one.outcome === "GOES_ON") {
      expect((await harness.finish()).state).toBe("FINISHED");
    } else {
      const error = await harness.failure();
      expect(explain(error)).toMatch(one.says);
      expect(explain(error)).toContain(`boom in ${one.place}`);
      expect(harness.handle.status().state).toBe("FAILED");
    }
    expect(faults.hits).toEqual([one.place]);
  });
});

describe("an error with a restart strategy", () => {
  it.each(CASES)("in $place: recovers, or says why not", async (one) => {
    const restarts = fixedDelayRestart({ attempts: 3, delay: 10 });
    const { faults, harness, written } = await runCase(one, restarts);

    expect(faults.hits.at(-1)).toBe(one.place);
    if (one.outcome === "FAILS") {
      const error = await harness.failure();
      expect(explain(error)).toContain(`boom in ${one.place}`);
      return;
    }
    const { state, status } = await harness.finish();
    expect(state).toBe("FINISHED");
    expect(status.restarts).toBe(
      (one.outcome === "GOES_ON" ? 0 : 1) + (one.first === undefined ? 0 : 1),
    );
    if (status.restarts > 0) expect(status.lastError).toBeDefined();
    expect([...written].sort((a, b) => a - b)).toEqual(ALL);
  });

  const persistent = CASES.filter(
    (one) =>
      one.outcome === undefined && one.onlyOnRestart !== true && one.notInEveryAttempt !== true,
  );
  it.each(persistent)(
    "in $place again and again ends the job when the restarts are used up",
    async (one) => {
      const faults = new Faults().at(one.place, 1000);
      const harness = await JobHarness.start(faultyJob(faults, new Set()), {
        ...options({ ...one, refusedCheckpoints: one.refusedCheckpoints === undefined ? 0 : 1000 }),
        restartStrategy: fixedDelayRestart({ attempts: 2, delay: 10 }),
      });
      await drive(harness);

      const error = await harness.failure();
      expect(error.code).toBe("RESTARTS_EXHAUSTED");
      expect(explain(error)).toContain("boom in ");
      expect(harness.handle.status().restarts).toBe(2);
    },
  );
});
