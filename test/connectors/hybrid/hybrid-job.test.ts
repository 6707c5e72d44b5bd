import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DeferredSource, hybridSource } from "../../../src/connectors/hybrid/index.js";
import {
  boundedOutOfOrderness,
  collection,
  collectSink,
  defineJob,
  elements,
  fixedDelayRestart,
  MemoryCheckpointStorage,
  map,
  noWatermarks,
  numberSequenceSource,
  textSource,
} from "../../../src/index.js";
import { FilesFolder } from "../../files/files-folder.js";
import { countsOf } from "../../support/counting-job.js";
import { Faults } from "../../support/faulty-source.js";
import { JobHarness } from "../../support/job-harness.js";
import { type Plan, plan, play, recordsOf } from "./hybrid-plan.js";

const folder = new FilesFolder();

/** The only subtask fails at the third source and has splits of the first two to read again. */
const READS_TWO_SOURCES_AGAIN: Plan = {
  sources: [
    { kind: "sequence", splits: 1, size: 100, deferred: false },
    { kind: "sequence", splits: 1, size: 100, deferred: false },
    { kind: "ranges", splits: 1, size: 100, deferred: false },
  ],
  parallelism: 1,
  interval: undefined,
  tick: 1,
  actions: [],
  failures: [{ place: "SourceReader.pollNext", after: 0 }],
};

const RUNS = 60;

describe("a job of a hybrid source", () => {
  it("has every record in its state once, whatever fails whenever and however often it is resumed", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const result = await play(given);
        const expected = given.sources.flatMap(recordsOf);
        expect(result.counts()).toEqual(countsOf(expected));
        expect(result.seen).toEqual(new Set(expected));
      }),
      { numRuns: RUNS, examples: [[READS_TWO_SOURCES_AGAIN]] },
    );
  }, 120_000);

  it("reads no record of a source before all of the one before, also when it is resumed", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (planned) => {
        // Numbers that occur once, so that the first time they are seen is the only one.
        const sources = planned.sources.filter(({ kind }) => kind !== "ranges");
        if (sources.length === 0) return;
        const given = { ...planned, sources, failures: [] };
        const result = await play(given);
        const order = [...result.seen].map((record) => Math.floor(record / 10_000));
        expect(order).toEqual([...order].sort((a, b) => a - b));
        expect(result.seen.size).toBe(given.sources.flatMap(recordsOf).length);
      }),
      { numRuns: Math.ceil(RUNS / 3) },
    );
  }, 120_000);

  it("reads numbers and then the lines of files, in more subtasks than there are splits", async () => {
    folder.write("a\nb\n", "some/1.txt");
    folder.write("c", "some/2.txt");
    const sink = collectSink<string | number>();
    const job = defineJob("history", (env) => {
      const source = hybridSource<string | number>({
        sources: [
          numberSequenceSource({ from: 1, to: 3, splits: 1 }),
          textSource({ path: folder.join("some") }),
        ],
      });
      env.fromSource(source, noWatermarks(), { id: "hybrid" }).sinkTo(sink);
    });
    // Files are read in real time.
    await (await job.run({ parallelism: 4 })).done;
    expect(sink.records.slice(0, 3)).toEqual([1, 2, 3]);
    expect([...sink.records.slice(3)].sort()).toEqual(["a", "b", "c"]);
  });

  it("starts a source where the one before has ended, and there again after a failure", async () => {
    const sink = collectSink<number>();
    const positions: unknown[] = [];
    const failures = new Faults().at("operator", 1, 15);
    const second: DeferredSource<number> = {
      position: () => {
        positions.push("asked");
        return { next: 100 };
      },
      create: ({ previousPosition }: { previousPosition: { next: number } }) => {
        positions.push(previousPosition.next);
        return numberSequenceSource({
          from: previousPosition.next,
          to: previousPosition.next + 9,
          splits: 2,
        });
      },
    };
    const job = defineJob("deferred", (env) => {
      const source = hybridSource({
        sources: [numberSequenceSource({ from: 0, to: 9, splits: 2 }), second],
      });
      env
        .fromSource(source, noWatermarks(), { id: "hybrid" })
        .pipe(
          map((record: number) => {
            failures.check("operator");
            return record;
          }),
        )
        .sinkTo(sink);
    });
    const harness = await JobHarness.start(job, {
      parallelism: 1,
      tick: 5,
      restartStrategy: fixedDelayRestart({ attempts: 3, delay: 5 }),
      checkpoint: { interval: 1, storage: new MemoryCheckpointStorage() },
    });
    await harness.finish();
    expect(new Set(sink.records)).toEqual(
      new Set([...Array(10).keys(), ...Array.from({ length: 10 }, (_, i) => 100 + i)]),
    );
    expect(new Set(positions)).toEqual(new Set(["asked", 100]));
    expect(failures.hits).toEqual(["operator"]);
  });

  it("fails when create throws each time, and says which source it was", async () => {
    const job = defineJob("broken", (env) => {
      const source = hybridSource<number>({
        sources: [
          numberSequenceSource({ from: 0, to: 9 }),
          {
            create: () => {
              throw new Error("no such topic");
            },
          },
        ],
      });
      env.fromSource(source, noWatermarks(), { id: "hybrid" }).sinkTo(collectSink());
    });
    const harness = await JobHarness.start(job, {
      parallelism: 2,
      restartStrategy: fixedDelayRestart({ attempts: 1, delay: 5 }),
    });
    const text: string[] = [];
    for (let e: unknown = await harness.failure(); e instanceof Error; e = e.cause) {
      text.push(e.message);
    }
    expect(text.at(-1)).toBe("no such topic");
    expect(text.join("\n")).toContain("hybridSource.sources.1.create");
  });

  it("checkpoints and stays where it is as long as a source before the last does not end", async () => {
    const sink = collectSink<number>();
    const endless = collection<number>(async function* () {
      yield 1;
      await new Promise(() => {});
    });
    const create = () =>
      defineJob("endless", (env) => {
        const source = hybridSource({ sources: [endless, elements(2)] });
        env.fromSource(source, boundedOutOfOrderness(0), { id: "hybrid" }).sinkTo(sink);
      });
    const storage = new MemoryCheckpointStorage();
    const harness = await JobHarness.start(create(), { parallelism: 2, checkpoint: { storage } });
    await harness.until(() => sink.records.length === 1);
    await harness.advance(60_000);
    const stopping = harness.handle.stop({ drain: false });
    const savepoint = await harness.result(stopping);
    await harness.finish();
    expect(sink.records).toEqual([1]);
    const resumed = await JobHarness.start(create(), {
      parallelism: 3,
      checkpoint: { storage },
      fromSavepoint: savepoint?.location as string,
    });
    await resumed.advance(60_000);
    expect(sink.records).toEqual([1]);
    resumed.handle.cancel().catch(() => {});
    await resumed.end();
  });

  it("may be one of the sources of another", async () => {
    const sink = collectSink<number>();
    const at = (from: number) => numberSequenceSource({ from, to: from + 4, splits: 3 });
    const inner = (from: number) => hybridSource({ sources: [at(from), at(from + 5)] });
    const job = defineJob("nested", (env) => {
      const source = hybridSource({ sources: [inner(0), at(10), inner(15)] });
      env.fromSource(source, noWatermarks(), { id: "hybrid" }).sinkTo(sink);
    });
    await JobHarness.run(job, { parallelism: 2 });
    const groups = [0, 1, 2, 3, 4].map((i) => [...sink.records.slice(i * 5, i * 5 + 5)]);
    expect(groups.map((group) => group.sort((a, b) => a - b))).toEqual(
      [0, 5, 10, 15, 20].map((from) => [0, 1, 2, 3, 4].map((i) => from + i)),
    );
  });
});
