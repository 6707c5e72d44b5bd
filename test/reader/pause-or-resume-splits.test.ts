import { describe, expect, it } from "vitest";
import {
  FetcherPerSplitManager,
  SingleThreadFetcherManager,
  type SplitFetcherManagerOptions,
} from "../../src/reader/index.js";
import {
  type NumbersElement,
  NumbersOutput,
  NumbersReader,
  type NumbersSplit,
  NumbersSplitReader,
  pump,
} from "../support/reader-fixtures.js";
import { ReaderHarness } from "../support/reader-harness.js";

interface SetUp {
  readonly perSplit: boolean;
  readonly canPause?: readonly boolean[];
  readonly allowUnaligned?: boolean;
}

function setUp({ perSplit, canPause = [], allowUnaligned = false }: SetUp) {
  const harness = new ReaderHarness({ allowUnaligned });
  const splitReaders: NumbersSplitReader[] = [];
  const options: SplitFetcherManagerOptions<NumbersElement, NumbersSplit> = {
    context: harness.context,
    splitReaderFactory: () => {
      const splitReader = new NumbersSplitReader({
        recordsPerFetch: 1,
        canPause: canPause[splitReaders.length] ?? true,
      });
      splitReaders.push(splitReader);
      return splitReader;
    },
  };
  const fetcherManager = perSplit
    ? new FetcherPerSplitManager(options)
    : new SingleThreadFetcherManager(options);
  const reader = new NumbersReader({ context: harness.context, fetcherManager });
  return { harness, reader, splitReaders, output: new NumbersOutput() };
}

/** Values i * 2 + split. */
const splits = (): NumbersSplit[] =>
  [0, 1].map((split) => ({
    splitId: String(split),
    index: 0,
    values: [0, 1, 2, 3, 4].map((i) => i * 2 + split),
  }));
const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

describe("pausing and resuming splits", () => {
  it.each([
    ["one split reader for both", false, 1],
    ["a split reader for each", true, 2],
  ])(
    "holds a paused split back and then reads the rest, with %s [SP-01]",
    async (_what, perSplit, readers) => {
      const { harness, reader, output, splitReaders } = setUp({ perSplit });
      reader.addSplits(splits());
      reader.notifyNoMoreSplits();
      // One batch may be on its way for each fetcher; the pause stands before anything is fetched.
      reader.pauseOrResumeSplits(["0"], []);
      expect(await pump(harness, reader, output)).toBe("NOTHING_AVAILABLE");
      expect(output.records).toEqual([1, 3, 5, 7, 9]);
      reader.pauseOrResumeSplits([], ["0"]);
      expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
      expect(sorted(output.records)).toEqual(upTo(10));
      expect(splitReaders).toHaveLength(readers);
    },
  );

  it("pauses a split in the middle [SP-01]", async () => {
    const { harness, reader, output } = setUp({ perSplit: false });
    reader.addSplits(splits());
    await pump(harness, reader, output, () => output.records.length === 2);
    expect(sorted(output.records)).toEqual([0, 1]);
    reader.pauseOrResumeSplits(["0"], []);
    expect(await pump(harness, reader, output)).toBe("NOTHING_AVAILABLE");
    const ofSplit0 = output.records.filter((value) => value % 2 === 0);
    expect(ofSplit0.length).toBeLessThan(5);
    expect(output.records.filter((value) => value % 2 === 1)).toEqual([1, 3, 5, 7, 9]);
    reader.pauseOrResumeSplits([], ["0"]);
    await pump(harness, reader, output);
    expect(sorted(output.records)).toEqual(upTo(10));
  });

  it.each([false, true])(
    "fails when a split reader cannot pause, unless unaligned splits are allowed: %s [SP-02]",
    async (allowUnaligned) => {
      const { harness, reader, output } = setUp({
        perSplit: true,
        canPause: [false, true],
        allowUnaligned,
      });
      reader.addSplits(splits());
      reader.notifyNoMoreSplits();
      reader.pauseOrResumeSplits(["1"], []);
      expect(await pump(harness, reader, output)).toBe("NOTHING_AVAILABLE");
      expect(output.records).toEqual([0, 2, 4, 6, 8]);
      reader.pauseOrResumeSplits([], ["1"]);
      expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
      expect(sorted(output.records)).toEqual(upTo(10));

      const second = setUp({ perSplit: true, canPause: [false, true], allowUnaligned });
      second.reader.addSplits(splits());
      second.reader.notifyNoMoreSplits();
      second.reader.pauseOrResumeSplits(["0"], []);
      const end = pump(second.harness, second.reader, second.output);
      if (allowUnaligned) {
        expect(await end).toBe("END_OF_INPUT");
        expect(sorted(second.output.records)).toEqual(upTo(10));
      } else {
        await expect(end).rejects.toMatchObject({
          code: "FETCHER_FAILED",
          domain: "user",
          retry: "never",
          cause: { cause: { code: "UNSUPPORTED_OPERATION" } },
        });
      }
    },
  );

  it("does not lose a pause for a split that its fetcher has not taken yet", async () => {
    const { harness, reader, output, splitReaders } = setUp({ perSplit: false });
    reader.addSplits(splits());
    reader.pauseOrResumeSplits(["0", "1"], []);
    await harness.settle();
    expect(splitReaders[0]?.paused).toEqual(new Set(["0", "1"]));
    expect(await pump(harness, reader, output)).toBe("NOTHING_AVAILABLE");
    expect(output.records).toEqual([]);
  });

  it("ignores splits that it does not know", async () => {
    const { harness, reader, output } = setUp({ perSplit: false });
    reader.pauseOrResumeSplits(["7"], ["8"]);
    reader.addSplits(splits());
    reader.notifyNoMoreSplits();
    expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
    expect(output.records).toHaveLength(10);
  });
});
