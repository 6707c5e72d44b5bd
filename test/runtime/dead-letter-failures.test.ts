import { describe, expect, it } from "vitest";
import { type BadRecord, fixedDelayRestart, type Sink } from "../../src/index.js";
import { badNumbers, dirtyJob, goodNumbers } from "../support/dirty-job.js";
import { JobHarness } from "../support/job-harness.js";

const RESTART = { restartStrategy: fixedDelayRestart({ attempts: 10, delay: 5 }) };

function deadLetterTo(to: Sink<BadRecord> | ((badRecord: BadRecord) => void | Promise<void>)) {
  return { action: "dead-letter", to } as const;
}

describe("a dead-letter sink that fails", () => {
  const failing = (change: Partial<Sink<BadRecord>>): Sink<BadRecord> => ({
    name: "rejects",
    createWriter: () => ({ write() {} }),
    ...change,
  });
  const boom = (): never => {
    throw new Error("disk full");
  };
  const later = async (): Promise<void> => boom();

  it.each<[string, Sink<BadRecord> | ((bad: BadRecord) => void | Promise<void>), string]>([
    [
      "to open",
      failing({ createWriter: boom }),
      "rejects (dead letters) failed to create a writer",
    ],
    [
      "to write",
      failing({ createWriter: () => ({ write: boom }) }),
      "rejects (dead letters) failed to write",
    ],
    [
      "to write, later",
      failing({ createWriter: () => ({ write: later }) }),
      "rejects (dead letters) failed to write",
    ],
    [
      "to flush",
      failing({ createWriter: () => ({ write() {}, flush: later }) }),
      "rejects (dead letters) failed to flush",
    ],
    [
      "to close",
      failing({ createWriter: () => ({ write() {}, close: boom }) }),
      "rejects (dead letters) failed to close",
    ],
    ["in a function", boom, "dead-letter function (dead letters) failed to write"],
    ["in an async function", later, "dead-letter function (dead letters) failed to write"],
  ])("%s fails the job with its name", async (_what, to, says) => {
    const { job } = dirtyJob({ policy: deadLetterTo(to) });
    const error = await (await JobHarness.start(job)).failure();
    expect(error.code).toBe("SINK_FAILED");
    expect(error.message).toContain(`sink ${says}`);
    expect(error.message).toContain("in subtask 0 of pipeline numbers");
    expect(error.cause).toMatchObject({ message: "disk full" });
  });

  it("is tried again by a restart", async () => {
    const got: number[] = [];
    let left = 3;
    const { job, written } = dirtyJob({
      perSplit: 600,
      policy: deadLetterTo(({ position }) => {
        if (position > 100 && left-- > 0) boom();
        got.push(position);
      }),
    });
    const { status } = await JobHarness.run(job, RESTART);
    expect(status.restarts).toBe(3);
    expect(new Set(got)).toEqual(new Set(badNumbers(600)));
    expect(new Set(written.records)).toEqual(new Set(goodNumbers(600)));
  });

  it("does not hide that the job's own sink fails, and both writers are closed", async () => {
    const closed: string[] = [];
    const { job } = dirtyJob({
      sink: {
        name: "numbers",
        createWriter: () => ({ write: boom, close: () => void closed.push("numbers") }),
      },
      policy: deadLetterTo(
        failing({
          createWriter: () => ({ write() {}, close: () => void closed.push("rejects") }),
        }),
      ),
    });
    const error = await (await JobHarness.start(job)).failure();
    expect(error.message).toContain("sink numbers failed to write");
    expect(closed.toSorted()).toEqual(["numbers", "rejects"]);
  });

  it("to open closes the writer that has opened", async () => {
    const closed: string[] = [];
    const { job } = dirtyJob({
      sink: {
        name: "numbers",
        createWriter: async () => ({ write() {}, close: () => void closed.push("numbers") }),
      },
      policy: deadLetterTo(failing({ createWriter: boom })),
    });
    await (await JobHarness.start(job)).failure();
    expect(closed).toEqual(["numbers"]);
  });
});
