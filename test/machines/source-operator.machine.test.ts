import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import {
  type SourceOperatorEvent,
  sourceOperatorMachine,
} from "../../machines/source-operator.machine.js";
import { AVAILABILITY, type SourceOperatorMode } from "../../src/operator/operator-mode.js";

/** The way into each mode. */
const PATHS: Record<SourceOperatorMode, readonly SourceOperatorEvent[]> = {
  OUTPUT_NOT_INITIALIZED: [],
  READING: [{ type: "OutputInitialized" }],
  WAITING_FOR_ALIGNMENT: [{ type: "OutputInitialized" }, { type: "WatermarkPastLimit" }],
  SOURCE_STOPPED: [{ type: "StopRequested", mode: "NO_DRAIN" }],
  SOURCE_DRAINED: [{ type: "StopRequested", mode: "DRAIN" }],
  DATA_FINISHED: [{ type: "OutputInitialized" }, { type: "EndOfInputReached" }],
};

const EVENTS: Record<string, SourceOperatorEvent> = {
  OutputInitialized: { type: "OutputInitialized" },
  WatermarkPastLimit: { type: "WatermarkPastLimit" },
  WatermarkWithinLimit: { type: "WatermarkWithinLimit" },
  EndOfInputReached: { type: "EndOfInputReached" },
  StopWithDrain: { type: "StopRequested", mode: "DRAIN" },
  StopWithoutDrain: { type: "StopRequested", mode: "NO_DRAIN" },
  StatusReturned: { type: "StatusReturned" },
  FinishRequested: { type: "FinishRequested" },
};

const STOPPED = "SOURCE_STOPPED: forceAvailable stopInternalServices completeStop";
const STOPPED_WAITING =
  "SOURCE_STOPPED: releaseAlignmentWait forceAvailable stopInternalServices completeStop";

/** Where an event leads, and what it has done; what is not here is unexpected and changes nothing. */
const EXPECTED: Record<SourceOperatorMode, Record<string, string>> = {
  OUTPUT_NOT_INITIALIZED: {
    OutputInitialized: "READING: startWatermarkReports",
    StopWithDrain: "SOURCE_DRAINED: forceAvailable",
    StopWithoutDrain: STOPPED,
  },
  READING: {
    WatermarkPastLimit: "WAITING_FOR_ALIGNMENT: pauseActivityClock beginAlignmentWait",
    EndOfInputReached: "DATA_FINISHED:",
    StopWithDrain: "SOURCE_DRAINED: forceAvailable",
    StopWithoutDrain: STOPPED,
  },
  WAITING_FOR_ALIGNMENT: {
    WatermarkWithinLimit: "READING: releaseAlignmentWait resumeActivityClock",
    EndOfInputReached: "DATA_FINISHED: releaseAlignmentWait",
    StopWithDrain: "SOURCE_DRAINED: releaseAlignmentWait forceAvailable",
    StopWithoutDrain: STOPPED_WAITING,
  },
  SOURCE_STOPPED: {
    StatusReturned: "DATA_FINISHED:",
    StopWithDrain: "SOURCE_STOPPED:",
    StopWithoutDrain: "SOURCE_STOPPED:",
  },
  SOURCE_DRAINED: {
    StatusReturned: "DATA_FINISHED:",
    StopWithDrain: "SOURCE_DRAINED:",
    StopWithoutDrain: "SOURCE_DRAINED:",
  },
  DATA_FINISHED: {
    StopWithDrain: "DATA_FINISHED:",
    StopWithoutDrain: "DATA_FINISHED:",
  },
};

const MODES = Object.keys(PATHS) as SourceOperatorMode[];
const ACTIONS = [
  "startWatermarkReports",
  "beginAlignmentWait",
  "releaseAlignmentWait",
  "pauseActivityClock",
  "resumeActivityClock",
  "forceAvailable",
  "stopInternalServices",
  "completeStop",
  "unexpectedEvent",
] as const;

function start(done: string[]) {
  const actions = Object.fromEntries(ACTIONS.map((name) => [name, () => void done.push(name)]));
  const actor = createActor(sourceOperatorMachine.provide({ actions }));
  actor.start();
  return actor;
}

describe.each(MODES)("in %s", (mode) => {
  it.each(Object.keys(EVENTS))("handles %s as Flink does", (name) => {
    const done: string[] = [];
    const actor = start(done);
    for (const event of PATHS[mode]) actor.send(event);
    expect(actor.getSnapshot().value).toBe(mode);
    done.length = 0;
    actor.send(EVENTS[name] as SourceOperatorEvent);
    const told = `${String(actor.getSnapshot().value)}: ${done.join(" ")}`.trim();
    const unexpected = `${mode}: unexpectedEvent`;
    const finish = `${mode}: stopInternalServices completeStop`;
    const otherwise = name === "FinishRequested" ? finish : unexpected;
    expect(told).toBe(EXPECTED[mode][name] ?? otherwise);
  });

  it("describes itself and names what it models", () => {
    const state = sourceOperatorMachine.states[mode];
    expect(state?.description).toMatch(/\.$/);
    expect(state?.meta).toMatchObject({ flink: expect.stringMatching(/^SourceOperator\.\w+$/) });
  });
});

it("says in each mode what availability means", () => {
  expect(AVAILABILITY).toEqual({
    OUTPUT_NOT_INITIALIZED: "reader",
    READING: "reader",
    WAITING_FOR_ALIGNMENT: "alignment",
    SOURCE_STOPPED: "always",
    SOURCE_DRAINED: "always",
    DATA_FINISHED: "always",
  });
});
