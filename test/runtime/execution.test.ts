import { expect, it } from "vitest";
import { Execution } from "../../src/runtime/execution.js";
import type { Pipeline } from "../../src/runtime/pipeline.js";
import type { SubtaskStatus } from "../../src/runtime/subtask-event.js";

const status = (records: number): SubtaskStatus => ({
  state: "RUNNING",
  mode: "READING",
  records,
  badRecords: 0,
  lastBadRecord: undefined,
  watermark: 0,
  maxDesiredWatermark: 0,
  idle: false,
  backPressured: false,
  splits: 0,
  paused: 0,
  splitWatermarks: {},
  pausedSplits: [],
});

it("counts the records of a subtask over all its attempts", () => {
  const execution = new Execution({ id: "source-0" } as Pipeline, 0);
  execution.deployed("attempt/0");
  execution.reported(status(10));
  execution.reported(status(25));
  execution.deployed("attempt/1");
  execution.reported(status(5));
  expect(execution.status?.records).toBe(30);
  execution.deployed("attempt/2");
  execution.reported(status(1));
  expect(execution.status?.records).toBe(31);
});
