import {
  collection,
  dataGenerator,
  hybridSource,
  numberSequenceSource,
} from "../../../src/index.js";
import {
  MemoryLog,
  memoryLogSource,
  type TestedSystem,
  testSource,
} from "../../../src/testing/index.js";
import type { SystemNeed } from "../../../src/testing/source/tested-source.js";
import { numbered } from "./numbered.js";

interface Numbers extends TestedSystem<number> {
  readonly splits: number;
  expected(): readonly number[];
}

/** The numbers from 0 on. */
function numbersOf({ splits, records }: SystemNeed): Numbers {
  const numbers = numbered()(splits * records);
  return { splits, expected: () => numbers };
}

testSource("numberSequenceSource", {
  time: "virtual",
  lacks: { empty: "a sequence has a number at least" },
  externalSystem: { create: numbersOf },
  source: ({ splits, expected }) =>
    numberSequenceSource({ from: 0, to: expected().length - 1, splits }),
});

testSource("dataGenerator", {
  time: "virtual",
  externalSystem: { create: numbersOf },
  source: ({ splits, expected }) =>
    dataGenerator({ generate: (i) => i, count: expected().length, splits }),
});

testSource("dataGenerator with a rate", {
  time: "virtual",
  recordsWhilePaused: 50,
  externalSystem: { create: numbersOf },
  source: ({ splits, expected }) =>
    dataGenerator({ generate: (i) => i, count: expected().length, splits, rate: 1000 }),
});

const ONE_SPLIT = "a collection is one split";

testSource("collection of an array", {
  time: "virtual",
  lacks: { manySplits: ONE_SPLIT },
  externalSystem: { create: numbersOf },
  source: ({ expected }) => collection(expected()),
});

testSource("collection of an async iterable", {
  time: "virtual",
  lacks: { manySplits: ONE_SPLIT },
  externalSystem: { create: numbersOf },
  source: ({ expected }) =>
    collection(async function* () {
      for (const number of expected()) yield await Promise.resolve(number);
    }),
});

testSource("hybridSource of three sources, the last of them without an end", {
  time: "virtual",
  unbounded: true,
  externalSystem: {
    create: ({ splits, records }: SystemNeed) => {
      const take = numbered();
      const logs = Array.from(
        { length: 3 },
        () => new MemoryLog(Array.from({ length: splits }, () => take(records))),
      );
      const last = logs.at(-1) as MemoryLog<number>;
      for (const log of logs) if (log !== last) log.end();
      return {
        logs,
        expected: () => logs.flatMap(({ records }) => records),
        write: (split: number, count: number) => last.append(split, ...take(count)),
        addSplit: (count: number) => last.addSplit(...take(count)),
      };
    },
  },
  records: 2,
  source: ({ logs }) =>
    hybridSource({
      sources: logs.map((log, i) => memoryLogSource(log, { bounded: i < logs.length - 1 })),
    }),
});
