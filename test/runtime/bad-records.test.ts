import { describe, expect, it } from "vitest";
import {
  type BadRecordPolicy,
  explain,
  fixedDelayRestart,
  HeadwaterError,
  type JobStatus,
  MemoryCheckpointStorage,
} from "../../src/index.js";
import { type DirtyJobOptions, dirtyJob, goodNumbers, isThird } from "../support/dirty-job.js";
import { Faults } from "../support/faulty-source.js";
import { JobHarness } from "../support/job-harness.js";

const RESTART = { restartStrategy: fixedDelayRestart({ attempts: 10, delay: 5 }) };

function subtaskOf(status: JobStatus, subtask = 0) {
  return status.pipelines[0]?.subtasks[subtask]?.status;
}

/** Runs a dirty job to its failure. */
async function failureOf(options: DirtyJobOptions, tick = 1) {
  const { job, written } = dirtyJob(options);
  const harness = await JobHarness.start(job, { ...RESTART, tick });
  const error = await harness.failure();
  return { error, written, harness };
}

describe("a bad record", () => {
  it("fails the job by default: at once, naming source, place and reason", async () => {
    const { error, harness } = await failureOf({});
    expect(error).toMatchObject({
      code: "BAD_RECORD",
      message:
        "source faulty in subtask 0 of pipeline numbers has a bad record in split range-0 at position 2: 2 is not readable",
      domain: "external",
      retry: "never",
      scope: "record",
    });
    expect(error.hint).toContain('badRecords: "skip"');
    expect(explain(error).split("\n")).toHaveLength(2);
    const status = harness.handle.status();
    expect(status.restarts).toBe(0);
    expect(subtaskOf(status)).toMatchObject({
      badRecords: 1,
      lastBadRecord: { splitId: "range-0", position: 2, message: "2 is not readable" },
    });
  });

  it("fails the job as well when the policy says so", async () => {
    const { error } = await failureOf({ policy: "fail" });
    expect(error.code).toBe("BAD_RECORD");
  });

  it.each<[string, BadRecordPolicy]>([
    ["skip", "skip"],
    ["skip without limits", { action: "skip" }],
    ["skip within its limits", { action: "skip", max: 10, maxPerMinute: 10 }],
  ])("is counted and left out: %s", async (_what, policy) => {
    const { job, written } = dirtyJob({ policy });
    const harness = await JobHarness.start(job);
    const { status } = await harness.finish();
    expect(written.records).toEqual(goodNumbers(30));
    expect(subtaskOf(status)).toMatchObject({
      records: 20,
      badRecords: 10,
      lastBadRecord: { splitId: "range-0", position: 29, message: "29 is not readable" },
    });
    expect(harness.handle.metrics()).toMatchObject({
      "numbers.subtask.0.numRecordsInErrors": 10,
      "numbers.subtask.0.numRecordsIn": 30,
      "numbers.subtask.0.numRecordsOut": 20,
    });
  });

  it("is counted in the subtask that read it", async () => {
    const { job } = dirtyJob({ policy: "skip", splits: 4, perSplit: 300 });
    const { status } = await JobHarness.run(job, { parallelism: 2 });
    const counts = [0, 1].map((subtask) => subtaskOf(status, subtask)?.badRecords ?? 0);
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts[1]).toBeGreaterThan(0);
    expect((counts[0] as number) + (counts[1] as number)).toBe(400);
  });

  it("is none where there are none", async () => {
    const { job } = dirtyJob({ isBad: () => false });
    const harness = await JobHarness.start(job);
    const { status } = await harness.finish();
    expect(subtaskOf(status)).toMatchObject({ badRecords: 0, lastBadRecord: undefined });
    expect(harness.handle.metrics()["numbers.subtask.0.numRecordsInErrors"]).toBe(0);
  });
});

describe("limits", () => {
  it("let as many pass as they say, and fail the job with the next one", async () => {
    const { error, harness } = await failureOf({ policy: { action: "skip", max: 4 } });
    expect(error).toMatchObject({
      code: "BAD_RECORD",
      retry: "never",
      message:
        "source faulty in subtask 0 of pipeline numbers has more bad records than badRecords.max (4) allows, the last in split range-0 at position 14: 14 is not readable",
      hint: "Mend the input, or raise badRecords.max in fromSource.",
    });
    expect(subtaskOf(harness.handle.status())?.badRecords).toBe(5);
  });

  it("may allow none", async () => {
    const { error } = await failureOf({ policy: { action: "skip", max: 0 } });
    expect(error.message).toContain("badRecords.max (0) allows, the last in split range-0 at");
    const perMinute = await failureOf({ policy: { action: "skip", maxPerMinute: 0 } });
    expect(perMinute.error.message).toContain("badRecords.maxPerMinute (0) allows");
  });

  it("count an attempt's bad records anew after a restart", async () => {
    const faults = new Faults().at("operator", 1, 12);
    const { job } = dirtyJob({ policy: { action: "skip", max: 10 }, faults });
    const harness = await JobHarness.start(job, { ...RESTART });
    const { status } = await harness.finish();
    expect(status.restarts).toBe(1);
    // Read again from the start, and both attempts counted.
    expect(subtaskOf(status)?.badRecords).toBeGreaterThan(10);
  });

  it("of a minute allow any number that comes slowly enough", async () => {
    const policy: BadRecordPolicy = { action: "skip", maxPerMinute: 2 };
    // Every look at the clock takes 25 seconds, and each bad record needs at least two.
    const { job, written } = dirtyJob({ policy });
    await JobHarness.run(job, { tick: 25_000 });
    expect(written.records).toEqual(goodNumbers(30));

    const { error } = await failureOf({ policy }, 1);
    expect(error.message).toContain("badRecords.maxPerMinute (2) allows, the last in");
    expect(error.message).toContain("position 8:");
    expect(error.hint).toContain("raise badRecords.maxPerMinute");
  });
});

describe("the reader's own handling", () => {
  it("of the error that fails the job changes nothing: whatever it is wrapped in", async () => {
    // The record emitter of this source is called by SourceReaderBase, which wraps what it throws.
    const { error } = await failureOf({});
    expect(error.code).toBe("BAD_RECORD");
    expect(error.cause).toMatchObject({ message: "2 is not readable" });
  });

  it("of causes that might pass does not make the job read the same input again and again", async () => {
    const passing = new HeadwaterError("CONNECTION_FAILED", "try again", {
      domain: "external",
      retry: "now",
      scope: "reader",
    });
    const { error, harness } = await failureOf({ badError: () => passing });
    expect(error.code).toBe("BAD_RECORD");
    expect(harness.handle.status().restarts).toBe(0);
  });
});

describe("what is said of a bad record", () => {
  it("is one short line without control characters, whatever the reason quotes", async () => {
    const cause = new SyntaxError(`Unexpected \u001b[2Jtoken\n\n\u0000 in ${"x".repeat(5000)}`);
    const reason = () =>
      new HeadwaterError("BAD_RECORD", "not JSON", {
        domain: "external",
        retry: "never",
        scope: "record",
        cause,
      });
    const { job } = dirtyJob({ policy: "skip", badError: reason });
    const { status } = await JobHarness.run(job);
    const message = subtaskOf(status)?.lastBadRecord?.message as string;
    expect(message).toMatch(/^not JSON: Unexpected \[2Jtoken in x+…$/);
    expect(message.length).toBe(200);

    const { error } = await failureOf({ badError: reason });
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(error.message.length).toBeLessThan(400);
  });

  it("is something also where the reader gives no error", async () => {
    for (const thrown of [undefined, null, "", new Error(""), { toString: null }]) {
      const { error } = await failureOf({ badError: () => thrown });
      expect(error.message).toMatch(/position 2: \S/);
    }
  });
});

describe("a job that is restored", () => {
  it("meets again only what came after its checkpoint, and counts over all attempts", async () => {
    const faults = new Faults();
    let met = 0;
    const isBad = (n: number): boolean => isThird(n) && ++met > 0;
    const { job, written } = dirtyJob({ policy: "skip", faults, perSplit: 3000, isBad });
    const harness = await JobHarness.start(job, { ...RESTART });
    await harness.until(() => met > 300);
    await harness.result(harness.handle.checkpoint());
    const covered = met;
    faults.at("operator", 1, 50);
    const { status } = await harness.finish();

    expect(status.restarts).toBe(1);
    expect(new Set(written.records)).toEqual(new Set(goodNumbers(3000)));
    expect(met).toBeGreaterThan(1000);
    expect(met).toBeLessThan(1000 + covered);
    expect(subtaskOf(status)).toMatchObject({ badRecords: met, lastBadRecord: { position: 2999 } });
  });

  it("goes on behind the bad records that its savepoint covers", async () => {
    const storage = new MemoryCheckpointStorage();
    let met = 0;
    const isBad = (n: number): boolean => isThird(n) && ++met > 0;
    const { job } = dirtyJob({ policy: "skip", perSplit: 3000, isBad });
    const first = await JobHarness.start(job, { checkpoint: { storage } });
    await first.until(() => met > 300);
    const { location } = await first.result(first.handle.stop());
    const before = subtaskOf((await first.finish()).status)?.badRecords as number;
    expect(before).toBeLessThan(1000);
    const { status } = await JobHarness.run(job, {
      checkpoint: { storage },
      fromSavepoint: location,
    });
    expect(before + (subtaskOf(status)?.badRecords as number)).toBe(1000);
    expect(met).toBe(1000);
  });

  it("says the bad record of an earlier attempt until it meets one of its own", async () => {
    const faults = new Faults();
    let met = 0;
    const isBad = (n: number): boolean => n === 2 && ++met > 0;
    const { job } = dirtyJob({ policy: "skip", faults, perSplit: 3000, isBad });
    const harness = await JobHarness.start(job, { ...RESTART });
    await harness.until(() => met > 0);
    await harness.result(harness.handle.checkpoint());
    faults.at("operator", 1, 50);
    const { status } = await harness.finish();
    expect(status.restarts).toBe(1);
    expect(subtaskOf(status)).toMatchObject({ badRecords: 1, lastBadRecord: { position: 2 } });
  });
});
