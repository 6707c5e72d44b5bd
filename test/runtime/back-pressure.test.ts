import { tap as seeChunk } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  boundedOutOfOrderness,
  type Chunk,
  type ChunkOperator,
  defineJob,
  numberSequenceSource,
  type Sink,
} from "../../src/index.js";
import { Gate } from "../support/gate.js";
import { JobHarness } from "../support/job-harness.js";

const LAST = 100_000;

/** Counts the chunks and records on their way from the source to the sink. */
class InFlight {
  chunks = 0;
  records = 0;
  maxChunks = 0;
  maxRecords = 0;

  readonly entering: ChunkOperator<number, number> = seeChunk((chunk: Chunk<number>) => {
    this.chunks++;
    this.records += chunk.records.length;
    this.maxChunks = Math.max(this.maxChunks, this.chunks);
    this.maxRecords = Math.max(this.maxRecords, this.records);
  });

  left(records: number): void {
    this.chunks--;
    this.records -= records;
  }
}

describe("a slow sink", () => {
  it("holds at most eight chunks in flight, however slow it is, and gets every record", async () => {
    const inFlight = new InFlight();
    const waiting: (() => void)[] = [];
    let written = 0;
    const sink: Sink<number> = {
      name: "slow",
      createWriter: () => ({
        async write(records) {
          await new Promise<void>((resolve) => {
            waiting.push(resolve);
          });
          written += records.length;
          inFlight.left(records.length);
        },
      }),
    };
    const job = defineJob("slow-sink", (env) => {
      env
        .fromSource(numberSequenceSource({ from: 1, to: LAST }))
        .pipe(inFlight.entering)
        .sinkTo(sink);
    });
    const harness = await JobHarness.start(job, { tick: 0.01 });
    while (!harness.hasEnded) {
      await harness.advance(50);
      waiting.shift()?.();
      await harness.settle();
    }
    await harness.end();

    expect(written).toBe(LAST);
    // One more than the credits: the end of the data, which waits for none.
    expect(inFlight.maxChunks).toBeLessThanOrEqual(9);
    expect(inFlight.maxChunks).toBeGreaterThanOrEqual(8);
    expect(inFlight.maxRecords).toBeLessThanOrEqual(9 * 1024);
  });

  it("takes one more chunk for a checkpoint's barrier, and the checkpoint waits for all before it", async () => {
    const inFlight = new InFlight();
    const gate = new Gate();
    const sink: Sink<number> = {
      name: "slow",
      createWriter: () => ({
        async write(records) {
          await gate.pass();
          inFlight.left(records.length);
        },
      }),
    };
    const job = defineJob("slow-barrier", (env) => {
      env
        .fromSource(numberSequenceSource({ from: 1, to: LAST }))
        .pipe(inFlight.entering)
        .sinkTo(sink);
    });
    const harness = await JobHarness.start(job);
    await harness.advance(1000);
    expect(inFlight.chunks).toBe(8);
    const before = inFlight.records;

    let isDurable = false;
    const checkpointing = harness.handle.checkpoint().then(() => {
      isDurable = true;
    });
    await harness.advance(1000);
    expect(inFlight).toMatchObject({ chunks: 9, records: before });
    expect(isDurable).toBe(false);

    gate.open();
    await harness.result(checkpointing);
    expect(isDurable).toBe(true);
    await harness.finish();
  });

  it("does not make a split idle that only waits for it", async () => {
    const gate = new Gate();
    const job = defineJob("not-idle", (env) => {
      env
        .fromSource(
          numberSequenceSource({ from: 1, to: LAST }),
          boundedOutOfOrderness<number>(0)
            .withTimestampAssigner((n) => n)
            .withIdleness("1s"),
        )
        .sinkTo({ name: "slow", createWriter: () => ({ write: () => gate.pass() }) });
    });
    const harness = await JobHarness.start(job, { tick: 0.01 });
    await harness.advance(10_000);

    expect(harness.handle.status().pipelines[0]?.subtasks[0]?.status).toMatchObject({
      backPressured: true,
      idle: false,
    });
    gate.open();
    await harness.finish();
  });
});
