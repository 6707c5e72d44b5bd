import { MemoryLog, memoryLogSource } from "../../../src/testing/external/index.js";
import {
  MemoryLogReader,
  MemoryLogSplitReader,
} from "../../../src/testing/external/memory-log-reader.js";
import { testSource } from "../../../src/testing/source/index.js";
import { numbered } from "./numbered.js";

/** A log whose records are numbers, each once. */
function systemOf(splits: number, records: number) {
  const take = numbered();
  const log = new MemoryLog<number>(Array.from({ length: splits }, () => take(records)));
  return {
    log,
    expected: () => log.records,
    write: (split: number, count: number) => log.append(split, ...take(count)),
    addSplit: (count: number) => log.addSplit(...take(count)),
  };
}

testSource("memoryLogSource, bounded", {
  time: "virtual",
  externalSystem: {
    create: ({ splits, records }) => {
      const system = systemOf(splits, records);
      system.log.end();
      return system;
    },
  },
  source: ({ log }) => memoryLogSource(log, { bounded: true }),
});

testSource("memoryLogSource, unbounded", {
  time: "virtual",
  unbounded: true,
  externalSystem: { create: ({ splits, records }) => systemOf(splits, records) },
  source: ({ log }) => memoryLogSource(log),
});

testSource("memoryLogSource with a split reader that cannot pause", {
  time: "virtual",
  unbounded: true,
  lacks: { pause: "its split reader does not know how" },
  externalSystem: { create: ({ splits, records }) => systemOf(splits, records) },
  source: ({ log }) => ({
    ...memoryLogSource(log),
    createReader: (context) =>
      new MemoryLogReader(context, () =>
        Object.assign(new MemoryLogSplitReader(log, 4), { pauseOrResumeSplits: undefined }),
      ),
  }),
});
