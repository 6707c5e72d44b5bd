import { tap as seeChunk } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  type BadRecord,
  type Chunk,
  collectSink,
  defineJob,
  filter,
  fixedDelayRestart,
  flatMap,
  map,
  process,
  type Sink,
  type SinkWriterContext,
  throughRecords,
} from "../../src/index.js";
import { badNumbers, dirtyJob, goodNumbers, isThird } from "../support/dirty-job.js";
import { badText, Faults, faultySource } from "../support/faulty-source.js";
import { Gate } from "../support/gate.js";
import { JobHarness } from "../support/job-harness.js";

const RESTART = { restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 5 }) };
const text = ({ raw }: BadRecord): string => new TextDecoder().decode(raw);
const positions = (all: readonly BadRecord[]): number[] => all.map(({ position }) => position);

function deadLetterTo(to: Sink<BadRecord> | ((badRecord: BadRecord) => void | Promise<void>)) {
  return { action: "dead-letter", to } as const;
}

describe("a dead letter", () => {
  it("has the input's bytes, its place and what was wrong, and is the receiver's own", async () => {
    const got: BadRecord[] = [];
    const { job, written } = dirtyJob({ policy: deadLetterTo((bad) => void got.push(bad)) });
    await JobHarness.run(job);

    expect(got[0]).toEqual({
      pipeline: "numbers",
      source: "faulty",
      splitId: "range-0",
      position: 2,
      raw: new TextEncoder().encode("no number 2"),
      rawLength: 11,
      error: { name: "Error", message: "2 is not readable" },
    });
    // The reader has used its buffer again for each of them.
    expect(got.map(text)).toEqual(badNumbers(30).map(badText));
    expect(got.every(({ raw }) => raw.buffer.byteLength === raw.byteLength)).toBe(true);
    expect(written.records).toEqual(goodNumbers(30));
  });

  it("says the causes of what was wrong, but no stacks and no endless quotations", async () => {
    const got: BadRecord[] = [];
    const cause = new SyntaxError("x".repeat(5000));
    const { job } = dirtyJob({
      perSplit: 3,
      badError: () => new Error("not JSON", { cause }),
      policy: deadLetterTo((bad) => void got.push(bad)),
    });
    await JobHarness.run(job);
    expect(got[0]?.error).toEqual({
      name: "Error",
      message: "not JSON",
      cause: { name: "SyntaxError", message: "x".repeat(1000) },
    });
  });

  it("has the first MiB of a longer input, and how long it is", async () => {
    const got: BadRecord[] = [];
    const { job } = dirtyJob({
      perSplit: 3,
      badBytes: 3_000_000,
      policy: deadLetterTo((bad) => void got.push(bad)),
    });
    await JobHarness.run(job);
    expect(got.map(({ raw, rawLength }) => [raw.length, rawLength])).toEqual([
      [1_048_576, 3_000_000],
    ]);
  });

  it("goes to a sink of its own, with a writer, metrics and a flush of its own", async () => {
    const contexts: SinkWriterContext[] = [];
    const calls: string[] = [];
    const sink: Sink<BadRecord> = {
      name: "rejects",
      createWriter(context) {
        contexts.push(context);
        const rejected = context.metricGroup.counter("rejected");
        return {
          write(badRecords, timestamps) {
            rejected.inc(badRecords.length);
            calls.push(
              `write ${positions(badRecords)} at ${new Set(timestamps).values().next().value}`,
            );
          },
          writeWatermark: () => void calls.push("watermark"),
          flush: (endOfInput) => void calls.push(`flush ${endOfInput}`),
          close: () => void calls.push("close"),
        };
      },
    };
    const { job } = dirtyJob({ policy: deadLetterTo(sink), perSplit: 9 });
    const harness = await JobHarness.start(job, { tick: 0.01 });
    await harness.finish();
    expect(calls).toEqual(["write 2,5,8 at -Infinity", "flush true", "close"]);
    expect(contexts).toMatchObject([
      { jobName: "dirty", indexOfSubtask: 0, currentParallelism: 1 },
    ]);
    expect(harness.handle.metrics()).toMatchObject({
      "numbers.subtask.0.deadLetter.rejected": 3,
      "numbers.subtask.0.numRecordsInErrors": 3,
    });
  });

  it("that is one too many for its limit fails the job instead", async () => {
    const { job } = dirtyJob({ policy: { ...deadLetterTo(() => {}), max: 3 } });
    const error = await (await JobHarness.start(job, RESTART)).failure();
    expect(error.message).toContain("more bad records than badRecords.max (3) allows");
  });
});

describe("the place of a dead letter", () => {
  it("stays the same through every operator", async () => {
    const seen: (string | number)[] = [];
    const got: BadRecord[] = [];
    const job = defineJob("places", (env) => {
      env
        .fromSource(
          faultySource({ faults: new Faults(), splits: 1, perSplit: 12, isBad: isThird }),
          undefined,
          {
            badRecords: deadLetterTo((bad) => void got.push(bad)),
          },
        )
        .pipe(
          map((n: number) => n * 10),
          flatMap((n) => [n, n + 1]),
          filter((n) => n % 20 !== 1),
        )
        .pipe(
          process<number, number>({
            name: "twice",
            create: () => ({
              processRecord: (n, _time, out) => {
                out.collect(n);
              },
            }),
          }),
          throughRecords<number, number>((r$) => r$),
          seeChunk((chunk: Chunk<number>) => {
            let next = 0;
            for (let i = 0; i <= chunk.records.length; i++) {
              for (let c = chunk.controls[next]; c?.at === i; c = chunk.controls[++next]) {
                if (c.type === "BadRecord") seen.push(`bad ${c.badRecord.position}`);
              }
              if (i < chunk.records.length) seen.push(chunk.records[i] as number);
            }
          }),
        )
        .sinkTo(collectSink());
    });
    await JobHarness.run(job);
    const expected = Array.from({ length: 12 }, (_, n) =>
      isThird(n) ? [`bad ${n}`] : [n * 10, n * 10 + 1].filter((one) => one % 20 !== 1),
    );
    expect(seen).toEqual(expected.flat());
    expect(positions(got)).toEqual(badNumbers(12));
  });

  it("is behind the records of its chunk at the sinks, so that records are not written singly", async () => {
    const calls: string[] = [];
    const sink: Sink<number> = {
      name: "numbers",
      createWriter: () => ({
        write: (records) => void calls.push(`records ${records}`),
        flush: (end) => void calls.push(`flush ${end}`),
      }),
    };
    const { job } = dirtyJob({
      sink,
      perSplit: 6,
      policy: deadLetterTo({
        name: "rejects",
        createWriter: () => ({
          write: (badRecords) => void calls.push(`dead letters ${positions(badRecords)}`),
          flush: (end) => void calls.push(`dead-letter flush ${end}`),
        }),
      }),
    });
    await JobHarness.run(job, { tick: 0.01 });
    expect(calls).toEqual([
      "records 0,1,3,4",
      "dead letters 2,5",
      "flush true",
      "dead-letter flush true",
    ]);
  });
});

describe("a dead letter that is not outside yet", () => {
  it.each<
    [
      string,
      (gate: Gate, got: BadRecord[]) => Sink<BadRecord> | ((bad: BadRecord) => Promise<void>),
    ]
  >([
    [
      "in a function",
      (gate, got) => async (bad) => {
        got.push(bad);
        await gate.pass();
      },
    ],
    [
      "in a sink's write",
      (gate, got) => ({
        name: "rejects",
        createWriter: () => ({
          write: (all) => {
            got.push(...all);
            return gate.pass();
          },
        }),
      }),
    ],
    [
      "in a sink's flush",
      (gate, got) => ({
        name: "rejects",
        createWriter: () => ({
          write: (all) => void got.push(...all),
          flush: (end) => (end ? undefined : gate.pass()),
        }),
      }),
    ],
  ])("holds the checkpoint that covers it: %s", async (_what, create) => {
    const gate = new Gate();
    const got: BadRecord[] = [];
    let met = 0;
    const { job } = dirtyJob({
      perSplit: 3000,
      isBad: (n) => isThird(n) && ++met > 0,
      policy: deadLetterTo(create(gate, got)),
    });
    const harness = await JobHarness.start(job, { tick: 0.01 });
    await harness.until(() => met >= 20);
    let isDurable = false;
    const checkpointing = harness.handle.checkpoint().then(() => {
      isDurable = true;
    });
    await harness.advance(1000);
    expect(isDurable).toBe(false);
    expect(got.length).toBeGreaterThan(0);
    gate.open();
    await harness.result(checkpointing);
    await harness.finish();
    expect(positions(got)).toEqual(badNumbers(3000));
  });

  it("comes again after a failure before the checkpoint, and not after one behind it", async () => {
    const faults = new Faults();
    const got: number[] = [];
    let covered = 0;
    const sink: Sink<BadRecord> = {
      name: "rejects",
      createWriter: () => ({
        write: (badRecords) => void got.push(...positions(badRecords)),
        flush(endOfInput) {
          if (!endOfInput) covered = got.length;
        },
      }),
    };
    const { job } = dirtyJob({ perSplit: 3000, faults, policy: deadLetterTo(sink) });
    const harness = await JobHarness.start(job, RESTART);
    await harness.until(() => got.length >= 30);
    await harness.result(harness.handle.checkpoint());
    expect(covered).toBeGreaterThanOrEqual(30);
    await harness.until(() => got.length >= covered + 30);
    const written = got.length;
    faults.at("operator");
    const { status } = await harness.finish();

    expect(status.restarts).toBe(1);
    const all = badNumbers(3000);
    // First as far as it came, then from the checkpoint on: nothing before it, nothing left out.
    expect(got).toEqual([...all.slice(0, written), ...all.slice(covered)]);
  });
});

describe("dead letters that are taken slowly", () => {
  it("are taken one at a time, in order, and hold the stream back", async () => {
    const waiting: (() => void)[] = [];
    const got: number[] = [];
    let met = 0;
    const { job, written } = dirtyJob({
      perSplit: 3000,
      isBad: (n) => isThird(n) && ++met > 0,
      policy: deadLetterTo((bad) => {
        got.push(bad.position);
        return new Promise<void>((resolve) => void waiting.push(resolve));
      }),
    });
    const harness = await JobHarness.start(job);
    await harness.advance(1000);
    expect(waiting).toHaveLength(1);
    const status = harness.handle.status().pipelines[0]?.subtasks[0]?.status;
    expect(status?.backPressured).toBe(true);
    expect(met).toBeLessThan(200);

    while (!harness.hasEnded) {
      expect(waiting.length).toBeLessThanOrEqual(1);
      waiting.shift()?.();
      await harness.advance(10);
    }
    await harness.end();
    expect(got).toEqual(badNumbers(3000));
    expect(written.records).toEqual(goodNumbers(3000));
  });
});
