import { describe, expect, it } from "vitest";
import { HeadwaterError, rootCause } from "../../src/errors/index.js";
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
  type NumbersSplitReaderOptions,
  numbersSplit,
  pump,
} from "../support/reader-fixtures.js";
import { ReaderHarness } from "../support/reader-harness.js";

interface SetUp extends NumbersSplitReaderOptions {
  readonly capacity?: number;
  readonly fetcherPerSplit?: boolean;
  readonly eof?: (record: number) => boolean;
  readonly poison?: ReadonlySet<number>;
}

function setUp(options: SetUp = {}) {
  const harness = new ReaderHarness();
  const splitReaders: NumbersSplitReader[] = [];
  const managerOptions: SplitFetcherManagerOptions<NumbersElement, NumbersSplit> = {
    context: harness.context,
    elementQueueCapacity: options.capacity ?? 2,
    splitReaderFactory: () => {
      const splitReader = new NumbersSplitReader(options);
      splitReaders.push(splitReader);
      return splitReader;
    },
  };
  const manager = options.fetcherPerSplit
    ? new FetcherPerSplitManager(managerOptions)
    : new SingleThreadFetcherManager(managerOptions);
  const reader = new NumbersReader(
    {
      context: harness.context,
      fetcherManager: manager,
      ...(options.eof === undefined ? {} : { eofRecordEvaluator: options.eof }),
    },
    options.poison,
  );
  return { harness, splitReaders, manager, reader, output: new NumbersOutput() };
}

const tenSplits = (): NumbersSplit[] => Array.from({ length: 10 }, (_, id) => numbersSplit(id));
const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i);
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

describe("source reader base", () => {
  it("throws the fetcher's error and never says END_OF_INPUT when a fetch fails [RB-01]", async () => {
    const { harness, reader, output } = setUp({
      onFetch: () => {
        throw new Error("Testing Exception");
      },
    });
    reader.addSplits([numbersSplit(0)]);
    reader.notifyNoMoreSplits();
    const failure = await pump(harness, reader, output).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HeadwaterError);
    const error = failure as HeadwaterError;
    expect(error.code).toBe("FETCHER_FAILED");
    expect(error.message).toBe("One or more fetchers have encountered exception");
    expect((error.cause as Error).message).toMatch(/split fetcher 0 failed to fetch \(split 0\)/);
    expect((rootCause(error) as Error).message).toBe("Testing Exception");
    expect(() => reader.pollNext(output)).toThrow(/encountered exception/);
  });

  it("does not recycle a batch that it still reads [RB-02]", async () => {
    const { harness, reader, output, splitReaders } = setUp({ capacity: 1 });
    reader.addSplits([numbersSplit(0)]);
    await harness.settle();
    expect(reader.pollNext(output)).toBe("MORE_AVAILABLE");
    expect(splitReaders[0]?.recycled).toBe(0);
  });

  it("recycles a batch once, when the poll after its last record finds its end [RB-03]", async () => {
    const { harness, reader, output, splitReaders } = setUp();
    reader.addSplits([numbersSplit(0, 2)]);
    await harness.settle();
    for (let i = 0; i < 3; i++) reader.pollNext(output);
    expect(output.records).toEqual([0, 1]);
    expect(splitReaders[0]?.recycled).toBe(1);
  });

  it.each([false, true])(
    "ends when its splits end in different fetches, markers apart: %s [RB-06]",
    async (separateFinished) => {
      const { harness, reader, output } = setUp({ separateFinished });
      reader.addSplits([numbersSplit(0, 10), numbersSplit(2, 12)]);
      reader.notifyNoMoreSplits();
      expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
      expect(output.records).toHaveLength(22);
      expect(reader.finished).toEqual(["0", "2"]);
    },
  );

  it("ends when the last batch holds nothing but the finished marker [RB-07]", async () => {
    const { harness, reader, output } = setUp({ separateFinished: true, recordsPerFetch: 10 });
    reader.addSplits([numbersSplit(0)]);
    reader.notifyNoMoreSplits();
    expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
    expect(output.records).toEqual(upTo(10));
    expect(output.released).toEqual(["0"]);
  });

  it("says MORE_AVAILABLE when all fetchers have ended but a batch still lies in the queue [RB-08]", async () => {
    const { harness, manager, reader, output } = setUp({ fetcherPerSplit: true });
    reader.addSplits([numbersSplit(0, 0), numbersSplit(1, 1)]);
    reader.notifyNoMoreSplits();
    await harness.settle();
    expect(manager.queue.size).toBe(2);
    // The first batch holds nothing but an end; the poll finds all fetchers idle and a batch left.
    expect(reader.pollNext(output)).toBe("MORE_AVAILABLE");
    expect([output.records, manager.numAliveFetchers]).toEqual([[], 0]);
    expect(reader.pollNext(output)).toBe("MORE_AVAILABLE");
    expect(output.records).toEqual([10]);
    expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
  });

  it("keeps an output for each split, so that watermarks are per split [RB-09]", async () => {
    const { harness, reader, output } = setUp({ recordsPerFetch: 3 });
    expect(reader.pollNext(output)).toBe("NOTHING_AVAILABLE");
    const splits: NumbersSplit[] = [
      { splitId: "A", index: 0, values: [100, 200, 300] },
      { splitId: "B", index: 0, values: [150, 250, 350] },
    ];
    reader.addSplits(splits);
    for (const { splitId } of splits) output.register(splitId);
    await pump(harness, reader, output, () => output.records.length === 3);
    expect(output.watermarks).toEqual([]);
    await pump(harness, reader, output, () => output.records.length === 6);
    expect(output.watermarks).toEqual([150, 250, 300]);
  });

  it.each(["sync", "async"] as const)(
    "ends a split at the record that the evaluator names, without emitting it; %s fetches [RB-10]",
    async (fetches) => {
      const { harness, reader, output } = setUp({
        fetches,
        unbounded: true,
        eof: (record) => record === 7 || record === 15,
      });
      reader.addSplits([numbersSplit(0), numbersSplit(1)]);
      reader.notifyNoMoreSplits();
      expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
      expect(ascending(output.records)).toEqual([0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14]);
    },
  );

  it.each(["sync", "async"] as const)(
    "reads every record of all splits once with %s fetches [RB-11]",
    async (fetches) => {
      const { harness, reader, output } = setUp({ fetches });
      reader.addSplits(tenSplits());
      reader.notifyNoMoreSplits();
      expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
      expect(ascending(output.records)).toEqual(upTo(100));
    },
  );

  it("reads on when splits are added while another is half read [RB-12]", async () => {
    const { harness, reader, output } = setUp();
    const [first, ...others] = tenSplits();
    reader.addSplits([first as NumbersSplit]);
    await pump(harness, reader, output, () => output.records.length === 5);
    reader.addSplits(others);
    await pump(harness, reader, output, () => output.records.length === 100);
    expect(ascending(output.records)).toEqual(upTo(100));
  });

  it("says NOTHING_AVAILABLE when all is consumed and more splits may come [RB-13]", async () => {
    const { harness, reader, output } = setUp();
    reader.addSplits(tenSplits());
    await pump(harness, reader, output, () => output.records.length === 100);
    expect(await pump(harness, reader, output)).toBe("NOTHING_AVAILABLE");
    expect(reader.pollNext(output)).toBe("NOTHING_AVAILABLE");
  });

  it("becomes available when there is something to read, and not before [RB-14]", async () => {
    const { harness, reader, output } = setUp();
    expect(reader.pollNext(output)).toBe("NOTHING_AVAILABLE");
    const availability = reader.isAvailable();
    await harness.settle();
    expect(availability.isDone).toBe(false);
    reader.addSplits([numbersSplit(0)]);
    await harness.settle();
    expect(availability.isDone).toBe(true);
    expect(reader.pollNext(output)).toBe("MORE_AVAILABLE");
  });

  it("snapshots each split behind its last emitted record [RB-15]", async () => {
    const { harness, reader, output } = setUp({ unbounded: true });
    reader.addSplits(tenSplits());
    await pump(harness, reader, output, () => output.records.length === 1);
    expect(reader.snapshotState(1).map(({ index }) => index)).toEqual([1, ...Array(9).fill(0)]);
    await pump(harness, reader, output, () => output.records.length === 100);
    const splits = reader.snapshotState(2);
    expect(splits.map(({ splitId }) => splitId)).toEqual(upTo(10).map(String));
    expect(splits.every(({ index }) => index === 10)).toBe(true);
  });

  it("names the split when the record emitter throws", async () => {
    const { harness, reader, output } = setUp({ poison: new Set([13]) });
    reader.addSplits([numbersSplit(1)]);
    const failure = await pump(harness, reader, output).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "READER_FAILED", scope: "reader" });
    expect((failure as Error).message).toContain('split "1"');
    expect(rootCause(failure)).toMatchObject({ message: "cannot emit 13" });
    expect(output.records).toEqual([10, 11, 12]);
  });

  it("counts the records that came in", async () => {
    const { harness, reader, output } = setUp();
    reader.addSplits([numbersSplit(0)]);
    await pump(harness, reader, output, () => output.records.length === 7);
    expect(harness.metrics.snapshot()).toMatchObject({ numRecordsIn: 7, numFetchers: 1 });
  });

  it("closes its split readers and recycles what was not read", async () => {
    const { harness, reader, output, splitReaders } = setUp({ capacity: 1 });
    reader.addSplits([numbersSplit(0)]);
    await harness.settle();
    reader.pollNext(output);
    await harness.settle();
    const closed = reader.close();
    await harness.settle();
    await closed;
    const [splitReader] = splitReaders;
    expect(splitReader?.closed).toBe(true);
    expect(splitReader?.recycled).toBe(splitReader?.fetches);
    expect(harness.system.addresses).toEqual([harness.self]);
    expect(() => reader.addSplits([numbersSplit(1)])).toThrow(/has closed/);
  });
});
