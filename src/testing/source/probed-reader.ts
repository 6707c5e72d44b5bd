import type { InputStatus } from "../../api/boundedness.js";
import type { ReaderOutput, SourceReader, SourceReaderContext } from "../../api/source-reader.js";
import type { SourceSplit } from "../../api/source-split.js";
import type { Availability } from "../../mailbox/index.js";
import { withOverrides } from "../harness/with-overrides.js";
import { probedOutput } from "./probed-output.js";
import type { RunningReader, SourceProbe } from "./source-probe.js";

/** A reader of one attempt, watched, which reads no further than the probe allows. */
export function probedReader<T>(
  probe: SourceProbe,
  context: SourceReaderContext,
  reader: SourceReader<T, SourceSplit>,
): SourceReader<T, SourceSplit> {
  const running: RunningReader = { subtask: context.indexOfSubtask, context, reader };
  const who = `the reader of subtask ${running.subtask}`;
  const own = new Set<string>();
  const attempt = probe.ends.push(0) - 1;
  probe.readers.set(running.subtask, running);
  let output: ReaderOutput<T> | undefined;
  let isHeld = false;
  const violation = (what: string): void => void probe.violations.push(`${who} ${what}`);
  return withOverrides(reader, {
    pollNext(target: ReaderOutput<T>): InputStatus {
      probe.failHere("pollNext");
      isHeld = probe.remaining <= 0;
      if (isHeld) return "NOTHING_AVAILABLE";
      const { pollBudget } = context;
      pollBudget.remaining = Math.min(pollBudget.remaining, probe.remaining);
      output ??= probedOutput(target, (record, splitId) => {
        if (splitId !== undefined && !own.has(splitId)) {
          violation(`emitted a record of split ${splitId}, which it was not given`);
        }
        probe.record(record, splitId);
      });
      const status = reader.pollNext(output);
      if (status === "END_OF_INPUT") {
        probe.ended++;
        if (probe.ends[attempt] === 0)
          violation("ended before it was told that no more splits come");
      }
      return status;
    },
    isAvailable(): Availability {
      return isHeld && probe.remaining <= 0 && probe.failureDue !== "pollNext"
        ? probe.gate()
        : reader.isAvailable();
    },
    addSplits(splits: readonly SourceSplit[]): void {
      for (const { splitId } of splits) {
        if (own.has(splitId)) violation(`was given split ${splitId} twice`);
        own.add(splitId);
      }
      if (probe.ends[attempt] !== 0 && !probe.hasPhases)
        violation("was given a split after the end of splits");
      probe.splits.push(...splits);
      reader.addSplits(splits);
      probe.onAssigned(running, splits);
    },
    notifyNoMoreSplits(): void {
      probe.ends[attempt] = (probe.ends[attempt] ?? 0) + 1;
      reader.notifyNoMoreSplits();
    },
    snapshotState(checkpointId: number): SourceSplit[] {
      const splits = reader.snapshotState(checkpointId);
      const ids = new Set<string>();
      for (const { splitId } of splits) {
        if (!own.has(splitId)) violation(`snapshots split ${splitId}, which it was not given`);
        if (ids.has(splitId)) violation(`snapshots split ${splitId} twice`);
        ids.add(splitId);
      }
      probe.splits.push(...splits);
      return splits;
    },
    async close(): Promise<void> {
      await reader.close();
      if (probe.closesTwice) await reader.close();
    },
  });
}
