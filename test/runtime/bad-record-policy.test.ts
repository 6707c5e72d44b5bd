import { describe, expect, it } from "vitest";
import type { BadRecord, BadRecordPolicy, PipelineOptions } from "../../src/index.js";
import { collectSink, defineJob, elements } from "../../src/index.js";
import { badRecordRules } from "../../src/runtime/bad-record-policy.js";
import { JobHarness } from "../support/job-harness.js";

const NO_LIMITS = { max: Number.POSITIVE_INFINITY, maxPerMinute: Number.POSITIVE_INFINITY };

/** A job whose fromSource gets these options, whatever their type. */
function run(options: unknown) {
  const job = defineJob("options", (env) => {
    env.fromSource(elements(1), undefined, options as PipelineOptions).sinkTo(collectSink());
  });
  return JobHarness.run(job);
}

async function refusal(options: unknown): Promise<{ code: string; message: string }> {
  const error = await run(options).catch((thrown: unknown) => thrown);
  return error as { code: string; message: string };
}

describe("the options of fromSource", () => {
  it.each<[string, unknown, string]>([
    ["an unknown option", { paralelism: 2 }, "fromSource(elements).paralelism: there is no such"],
    ["an empty id", { id: "" }, "fromSource(elements).id: expected"],
    ["an id that is no text", { id: 7 }, "fromSource(elements).id: expected string, got 7"],
    ["no subtasks", { parallelism: 0 }, ".parallelism: expected a whole number ≥ 1, got 0"],
    ["half a subtask", { parallelism: 1.5 }, ".parallelism: expected a whole number ≥ 1, got 1.5"],
    ["no object", "fail", 'fromSource(elements): expected Object, got "fail"'],
    ["an unknown policy", { badRecords: "ignore" }, '.badRecords: expected "fail", "skip" or {'],
    ["a number as policy", { badRecords: 3 }, '.badRecords: expected "fail", "skip" or {'],
    ["null as policy", { badRecords: null }, '.badRecords: expected "fail", "skip" or {'],
    ["no action", { badRecords: {} }, '.badRecords.action: expected ("skip" | "dead-letter")'],
    ["a wrong action", { badRecords: { action: "fail" } }, ".badRecords.action: expected"],
    ["an unknown key", { badRecords: { action: "skip", to: [] } }, ".badRecords.to: there is no"],
    [
      "a negative max",
      { badRecords: { action: "skip", max: -1 } },
      ".max: expected a whole number ≥ 0",
    ],
    [
      "half a bad record a minute",
      { badRecords: { action: "skip", maxPerMinute: 0.5 } },
      ".maxPerMinute: expected a whole number ≥ 0, got 0.5",
    ],
    ["nowhere to go", { badRecords: { action: "dead-letter" } }, ".badRecords.to: it is required"],
    [
      "no sink",
      { badRecords: { action: "dead-letter", to: { write() {} } } },
      ".badRecords.to: expected a sink or a function, got an object",
    ],
    [
      "an unknown key beside a target",
      { badRecords: { action: "dead-letter", to() {}, limit: 1 } },
      ".badRecords.limit: there is no such option",
    ],
  ])("are refused before anything runs: %s", async (_what, options, says) => {
    const { code, message } = await refusal(options);
    expect(code).toBe("OPTION_INVALID");
    expect(message).toContain(says);
  });

  it.each<[string, PipelineOptions | undefined]>([
    ["none", undefined],
    ["an empty object", {}],
    ["all of them", { id: "numbers", parallelism: 2, badRecords: "fail" }],
    ["a dead-letter function", { badRecords: { action: "dead-letter", to: () => {} } }],
    ["a dead-letter sink", { badRecords: { action: "dead-letter", to: collectSink(), max: 0 } }],
  ])("may be %s", async (_what, options) => {
    expect((await run(options)).state).toBe("FINISHED");
  });
});

describe("a policy", () => {
  it.each<[string, BadRecordPolicy | undefined, object]>([
    ["undefined fails", undefined, { action: "fail", ...NO_LIMITS }],
    ["fail", "fail", { action: "fail", ...NO_LIMITS }],
    ["skip", "skip", { action: "skip", ...NO_LIMITS }],
    ["a limit", { action: "skip", max: 0 }, { action: "skip", ...NO_LIMITS, max: 0 }],
    [
      "the other limit",
      { action: "skip", maxPerMinute: 5 },
      { action: "skip", ...NO_LIMITS, maxPerMinute: 5 },
    ],
  ])("is read: %s", (_what, policy, rules) => {
    expect(badRecordRules(policy)).toEqual({ ...rules, deadLetters: undefined });
  });

  it("takes a sink as it is, and makes one of a function", () => {
    const sink = collectSink<BadRecord>();
    expect(badRecordRules({ action: "dead-letter", to: sink }).deadLetters).toBe(sink);
    expect(badRecordRules({ action: "dead-letter", to: () => {} }).deadLetters?.name).toBe(
      "dead-letter function",
    );
  });
});
