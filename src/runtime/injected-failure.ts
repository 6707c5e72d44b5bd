import { HeadwaterError } from "../errors/index.js";
import { withReaders } from "./changed-readers.js";
import type { Pipeline } from "./pipeline.js";

/**
 * Makes a job fail once, after its readers have emitted `records` records in all: the subtask that
 * emits the next one dies. For trying out recovery.
 */
export function failOnceAt(
  records: number,
): (pipelines: readonly Pipeline[]) => readonly Pipeline[] {
  const counter = { left: records, failed: false };
  return (pipelines) =>
    pipelines.map((pipeline) =>
      withReaders(pipeline, (reader, { pollBudget }) => ({
        pollNext(output) {
          if (!counter.failed && counter.left-- <= 0) {
            counter.failed = true;
            throw new HeadwaterError("INJECTED_FAILURE", "a failure was asked for", {
              domain: "user",
              retry: "now",
              scope: "reader",
            });
          }
          // One record a poll until then: that is how they are counted.
          if (!counter.failed) pollBudget.remaining = 1;
          return reader.pollNext(output);
        },
      })),
    );
}
