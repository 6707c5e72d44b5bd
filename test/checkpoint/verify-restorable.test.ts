import { describe, expect, it } from "vitest";
import { type RestoringJob, verifyRestorable } from "../../src/checkpoint/index.js";
import { checkpointData } from "./sample-checkpoint.js";

function verify(overrides: Partial<RestoringJob> = {}): () => void {
  const job = {
    jobName: "flights",
    pipelines: [{ id: "source-0", operatorNames: ["count", "print"] }],
    allowNonRestoredState: false,
    ...overrides,
  };
  return () => verifyRestorable(checkpointData(), job);
}

function errorOf(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("verifyRestorable", () => {
  it("accepts a job that has a place for all state, and new pipelines and operators", () => {
    expect(verify()).not.toThrow();
    const added = { id: "source-1", operatorNames: ["other"] };
    const known = { id: "source-0", operatorNames: ["count"] };
    expect(verify({ pipelines: [known, added] })).not.toThrow();
  });

  it("refuses another job's checkpoint, naming both", () => {
    expect(errorOf(verify({ jobName: "trains", allowNonRestoredState: true }))).toMatchObject({
      code: "CHECKPOINT_OTHER_JOB",
      message: 'checkpoint 7 belongs to job "flights", this is job "trains"',
      hint: expect.stringContaining('"trains"'),
    });
  });

  it("refuses state for a pipeline or an operator that the job no longer has", () => {
    expect(errorOf(verify({ pipelines: [] }))).toMatchObject({
      code: "CHECKPOINT_STATE_UNMATCHED",
      message: expect.stringContaining('state for pipeline "source-0"'),
      hint: expect.stringContaining("allowNonRestoredState"),
    });
    const renamed = [{ id: "source-0", operatorNames: ["counter"] }];
    expect(errorOf(verify({ pipelines: renamed }))).toMatchObject({
      code: "CHECKPOINT_STATE_UNMATCHED",
      message: expect.stringContaining('operator "count" of pipeline "source-0"'),
    });
    expect(verify({ pipelines: renamed, allowNonRestoredState: true })).not.toThrow();
    expect(verify({ pipelines: [], allowNonRestoredState: true })).not.toThrow();
  });

  it("refuses the state of another source, whatever is allowed", () => {
    const pipelines = [{ id: "source-0", sourceName: "trains", operatorNames: ["count"] }];
    expect(errorOf(verify({ pipelines, allowNonRestoredState: true }))).toMatchObject({
      code: "CHECKPOINT_STATE_UNMATCHED",
      message: expect.stringContaining('had source "flights" and has "trains"'),
      hint: expect.stringContaining("pipeline id"),
    });
  });
});
