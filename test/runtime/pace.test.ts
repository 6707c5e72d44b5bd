import { describe, expect, it } from "vitest";
import type { InputStatus } from "../../src/api/boundedness.js";
import type { ReaderOutput, SourceReaderContext } from "../../src/api/source-reader.js";
import { AVAILABLE, VirtualClock } from "../../src/mailbox/index.js";
import { pacedAt } from "../../src/runtime/pace.js";
import type { Pipeline } from "../../src/runtime/pipeline.js";

/** Two readers of one source that always have records, polled as an operator polls them. */
function paced(recordsPerSecond: number) {
  const clock = new VirtualClock(0);
  const emitted = [0, 0];
  const reader = (subtask: number, context: SourceReaderContext) => ({
    pollNext(output: ReaderOutput<number>): InputStatus {
      for (; context.pollBudget.remaining > 0; context.pollBudget.remaining--) output.collect(1);
      return "MORE_AVAILABLE";
    },
    isAvailable: () => AVAILABLE,
    subtask,
  });
  const pipeline = {
    source: {
      createReader: (context: SourceReaderContext) => reader(context.indexOfSubtask, context),
    },
  } as unknown as Pipeline;
  const [changed] = pacedAt(recordsPerSecond)([pipeline]) as [Pipeline];
  const subtasks = emitted.map((_, indexOfSubtask) => {
    const pollBudget = { remaining: 0 };
    const processingTime = {
      relativeTime: () => clock.relativeTime(),
      registerTimer: (delay: number, callback: () => void) => clock.schedule(delay, callback),
    };
    const context = {
      indexOfSubtask,
      pollBudget,
      processingTime,
    } as unknown as SourceReaderContext;
    const output = {
      collect: () => {
        emitted[indexOfSubtask] = (emitted[indexOfSubtask] as number) + 1;
      },
    } as unknown as ReaderOutput<unknown>;
    return { reader: changed.source.createReader(context), pollBudget, output };
  });
  const pollAll = (): void => {
    for (const { reader, pollBudget, output } of subtasks) {
      for (;;) {
        pollBudget.remaining = 1024;
        if (reader.pollNext(output as never) === "NOTHING_AVAILABLE") break;
      }
      expect(reader.isAvailable().isDone).toBe(false);
    }
  };
  return { clock, emitted, pollAll };
}

describe("pacedAt", () => {
  it.each([10, 1000, 50_000])(
    "lets %i records a second through, shared by the subtasks",
    (pace) => {
      const { clock, emitted, pollAll } = paced(pace);
      for (let ms = 0; ms < 10_000; ms += 5) {
        pollAll();
        clock.advance(5);
      }
      const [one = 0, other = 0] = emitted;
      expect((one + other) / 10).toBeGreaterThanOrEqual(0.85 * pace);
      expect((one + other) / 10).toBeLessThanOrEqual(1.1 * pace);
      expect(Math.abs(one - other)).toBeLessThanOrEqual(0.1 * (one + other));
    },
  );

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses %d records a second", (pace) => {
    expect(() => pacedAt(pace)).toThrow(/number of records > 0/);
  });
});
