import type { SourceSplit } from "../../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../../api/split-enumerator.js";
import { withOverrides } from "../harness/with-overrides.js";
import type { SourceProbe } from "./source-probe.js";

type AnyEnumerator = SplitEnumerator<SourceSplit, unknown>;

/** An enumerator, watched, whose methods fail when the probe says so. */
export function probedEnumerator(
  probe: SourceProbe,
  context: SplitEnumeratorContext<SourceSplit>,
  create: (context: SplitEnumeratorContext<SourceSplit>) => AnyEnumerator,
): AnyEnumerator {
  /** How often each registration was told the end. */
  const ends = new Map<number, number>();
  const watched = withOverrides(context, {
    signalNoMoreSplits(subtask: number): void {
      const times = (ends.get(subtask) ?? 0) + 1;
      ends.set(subtask, times);
      if (times > 1) {
        probe.violations.push(
          `the enumerator told subtask ${subtask} ${times} times that no more splits come`,
        );
      }
      context.signalNoMoreSplits(subtask);
    },
    signalIntermediateNoMoreSplits(subtask: number): void {
      probe.hasPhases = true;
      context.signalIntermediateNoMoreSplits(subtask);
    },
  });
  const enumerator = create(watched);
  return withOverrides(enumerator, {
    start(): void {
      probe.failHere("start");
      enumerator.start();
    },
    addReader(subtask: number): void {
      ends.delete(subtask);
      probe.failHere("addReader");
      enumerator.addReader(subtask);
    },
    snapshotState(checkpointId: number): unknown {
      probe.failHere("snapshotState");
      const state = enumerator.snapshotState(checkpointId);
      probe.enumeratorStates.push(state);
      return state;
    },
    notifyCheckpointComplete(checkpointId: number): void {
      probe.failHere("notifyCheckpointComplete");
      enumerator.notifyCheckpointComplete?.(checkpointId);
    },
    async close(): Promise<void> {
      await enumerator.close();
      if (probe.closesTwice) await enumerator.close();
    },
  });
}
