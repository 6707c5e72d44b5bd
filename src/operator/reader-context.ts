import type { PollBudget, SourceReaderContext } from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import type { SourceOperatorOptions } from "./source-operator-options.js";

/** What a reader may use of its operator; what it asks for after `isClosed` is dropped. */
export function createReaderContext<T, SplitT extends SourceSplit>(
  options: SourceOperatorOptions<T, SplitT>,
  pollBudget: PollBudget,
  isClosed: () => boolean,
): SourceReaderContext {
  return {
    indexOfSubtask: options.subtask,
    currentParallelism: options.parallelism,
    localHostName: options.localHostName,
    metricGroup: options.metricGroup,
    processingTime: options.processingTime,
    actors: options.actors,
    pollBudget,
    lastEmittedTimestamp: options.lastEmittedTimestamp,
    inspect: options.inspect,
    allowUnalignedSourceSplits: options.allowUnalignedSourceSplits,
    sendSplitRequest: () => {
      options.sendToCoordinator({ type: "RequestSplit", hostName: options.localHostName });
    },
    sendSourceEventToCoordinator: (event) => {
      options.sendToCoordinator({ type: "SourceEventWrapper", event });
    },
    reportBadRecord: (input) => {
      if (isClosed()) return;
      pollBudget.remaining = 0;
      options.reportBadRecord(input);
    },
    runInOperatorLoop: (action) => {
      options.runInOperatorLoop(() => {
        if (!isClosed()) action();
      });
    },
  };
}
