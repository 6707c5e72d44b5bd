import type { ReaderActors } from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import { type ActorContext, addressBelow } from "../mailbox/index.js";
import { SourceOperator } from "../operator/index.js";
import type { BadRecordHandler } from "./bad-records.js";
import type { LoopTimers } from "./loop-timers.js";
import type { SourceLoop } from "./source-loop.js";
import type { SubtaskOptions } from "./subtask-options.js";

/** What a subtask gives to its source operator, besides its own options. */
export interface OperatorParts {
  readonly context: ActorContext;
  readonly timers: LoopTimers;
  readonly loop: SourceLoop;
  readonly actors: ReaderActors;
  readonly badRecords: BadRecordHandler;
}

/** Puts the source operator of one attempt together; it is not opened yet. */
export function createSourceOperator(
  options: SubtaskOptions,
  { context, timers, loop, actors, badRecords }: OperatorParts,
): SourceOperator<unknown, SourceSplit> {
  const { metricGroup, inspect, pipeline, subtask, attempt, coordinator, log } = options;
  const { source, watermarkStrategy } = pipeline;
  metricGroup.gauge("numRecordsOut", () => loop.records);
  metricGroup.gauge("isBackPressured", () => (loop.isBackPressured ? 1 : 0));
  loop.times.register(metricGroup, () => loop.records);
  return new SourceOperator<unknown, SourceSplit>({
    id: addressBelow(context.self, "operator"),
    createReader: (readerContext) => source.createReader(readerContext),
    splitSerializer: source.splitSerializer,
    watermarkStrategy,
    subtask,
    parallelism: options.parallelism,
    localHostName: options.hostName,
    processingTime: timers,
    actors,
    runInOperatorLoop: (action) => timers.runInLoop(action),
    emitRecordAttributes: (attributes) => loop.builder.emitRecordAttributes(attributes),
    reportBadRecord: (input) => badRecords.report(input),
    sendToCoordinator: (event) =>
      context.post(coordinator, { type: "OperatorEvent", subtask, attempt, event }),
    metricGroup,
    autoWatermarkInterval: options.autoWatermarkInterval,
    emitProgressiveWatermarks: true,
    recordsOfNextPoll: () => loop.recordsOfNextPoll(),
    lastEmittedTimestamp: () => loop.lastTimestamp,
    ...(log === undefined
      ? {}
      : {
          splitFinished: (split: string) =>
            log.write("info", "split finished", { subtask, attempt, split }),
        }),
    allowUnalignedSourceSplits: options.allowUnalignedSourceSplits,
    supportsSplitReassignmentOnRecovery: source.supportsSplitReassignmentOnRecovery ?? false,
    ...(inspect === undefined ? {} : { inspect }),
  });
}
