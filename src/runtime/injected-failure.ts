import type { InputStatus } from "../api/boundedness.js";
import type { AnySource } from "../api/source.js";
import type { PollBudget, ReaderOutput, SourceReader } from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import { HeadwaterError } from "../errors/index.js";
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
    pipelines.map((pipeline) => ({ ...pipeline, source: failingSource(pipeline.source, counter) }));
}

interface Countdown {
  left: number;
  failed: boolean;
}

function failingSource(source: AnySource, counter: Countdown): AnySource {
  return new Proxy(source, {
    get(target, property) {
      if (property === "createReader") {
        return (context: Parameters<AnySource["createReader"]>[0]) =>
          failingReader(target.createReader(context), context.pollBudget, counter);
      }
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function failingReader(
  reader: SourceReader<unknown, SourceSplit>,
  budget: PollBudget,
  counter: Countdown,
): SourceReader<unknown, SourceSplit> {
  const pollNext = (output: ReaderOutput<unknown>): InputStatus => {
    if (!counter.failed && counter.left-- <= 0) {
      counter.failed = true;
      throw new HeadwaterError("INJECTED_FAILURE", "a failure was asked for", {
        domain: "user",
        retry: "now",
        scope: "reader",
      });
    }
    // One record a poll until then: that is how they are counted.
    if (!counter.failed) budget.remaining = 1;
    return reader.pollNext(output);
  };
  return new Proxy(reader, {
    get(target, property) {
      if (property === "pollNext") return pollNext;
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
