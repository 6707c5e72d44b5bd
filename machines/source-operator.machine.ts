import { setup } from "xstate";
import type { StopMode } from "../src/api/boundedness.js";

/** What decides whether a source operator is available in a state. */
export type SourceOperatorAvailability = "reader" | "alignment" | "always";

/** What happens to a source operator. */
export type SourceOperatorEvent =
  | { readonly type: "OutputInitialized" }
  | { readonly type: "WatermarkPastLimit" }
  | { readonly type: "WatermarkWithinLimit" }
  | { readonly type: "EndOfInputReached" }
  | { readonly type: "StopRequested"; readonly mode: StopMode }
  | { readonly type: "StatusReturned" }
  | { readonly type: "FinishRequested" };

/** What each state says about itself, beside its description. */
export interface SourceOperatorMeta {
  readonly flink: string;
  readonly availability: SourceOperatorAvailability;
}

const stop = [
  { guard: "drain", target: "SOURCE_DRAINED", actions: "forceAvailable" },
  {
    target: "SOURCE_STOPPED",
    actions: ["forceAvailable", "stopInternalServices", "completeStop"],
  },
] as const;

/** The operating mode of a source operator (Flink `SourceOperator.OperatingMode`). */
export const sourceOperatorMachine = setup({
  types: {
    context: {} as Record<string, never>,
    events: {} as SourceOperatorEvent,
    meta: {} as SourceOperatorMeta,
  },
  actions: {
    startWatermarkReports: () => {},
    beginAlignmentWait: () => {},
    releaseAlignmentWait: () => {},
    pauseActivityClock: () => {},
    resumeActivityClock: () => {},
    forceAvailable: () => {},
    stopInternalServices: () => {},
    completeStop: () => {},
    unexpectedEvent: () => {},
  },
  guards: {
    drain: ({ event }) => event.type === "StopRequested" && event.mode === "DRAIN",
  },
}).createMachine({
  id: "source-operator",
  description: "Decides what the next emitNext of a source operator does.",
  context: {},
  initial: "OUTPUT_NOT_INITIALIZED",
  on: {
    FinishRequested: { actions: ["stopInternalServices", "completeStop"] },
    "*": { actions: "unexpectedEvent" },
  },
  states: {
    OUTPUT_NOT_INITIALIZED: {
      description: "Nothing has been emitted: the first emitNext creates the main output.",
      meta: { flink: "SourceOperator.emitNextNotReading", availability: "reader" },
      on: {
        OutputInitialized: { target: "READING", actions: "startWatermarkReports" },
        StopRequested: stop,
      },
    },
    READING: {
      description: "Polls the reader.",
      meta: { flink: "SourceOperator.emitNext", availability: "reader" },
      on: {
        WatermarkPastLimit: { target: "WAITING_FOR_ALIGNMENT", actions: "pauseActivityClock" },
        EndOfInputReached: "DATA_FINISHED",
        StopRequested: stop,
      },
    },
    WAITING_FOR_ALIGNMENT: {
      description: "Is ahead of its alignment group: reads nothing until the limit rises.",
      meta: { flink: "SourceOperator.checkWatermarkAlignment", availability: "alignment" },
      entry: "beginAlignmentWait",
      exit: "releaseAlignmentWait",
      on: {
        WatermarkWithinLimit: { target: "READING", actions: "resumeActivityClock" },
        EndOfInputReached: "DATA_FINISHED",
        StopRequested: stop,
      },
    },
    SOURCE_STOPPED: {
      description: "Was stopped without drain: the next emitNext says STOPPED.",
      meta: { flink: "SourceOperator.stop", availability: "always" },
      on: { StatusReturned: "DATA_FINISHED", StopRequested: {} },
    },
    SOURCE_DRAINED: {
      description: "Was stopped with drain: the next emitNext says END_OF_DATA.",
      meta: { flink: "SourceOperator.stop", availability: "always" },
      on: { StatusReturned: "DATA_FINISHED", StopRequested: {} },
    },
    DATA_FINISHED: {
      description: "All records are out: every emitNext says END_OF_INPUT.",
      meta: { flink: "SourceOperator.convertToInternalStatus", availability: "always" },
      on: { StopRequested: {} },
    },
  },
});
