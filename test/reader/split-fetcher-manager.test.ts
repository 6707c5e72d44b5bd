import { describe, expect, it } from "vitest";
import { isIdle } from "../../machines/fetcher-manager.machine.js";
import type { RecordsWithSplitIds } from "../../src/api/split-reader.js";
import { type HeadwaterError, rootCause } from "../../src/errors/index.js";
import {
  FetcherPerSplitManager,
  type FetcherPerSplitManagerOptions,
  SequentialFetcherManager,
  SingleThreadFetcherManager,
  type SplitFetcherManager,
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

type Managed = SplitFetcherManager<NumbersElement, NumbersSplit>;
type Options = FetcherPerSplitManagerOptions<NumbersElement, NumbersSplit>;

interface SetUp extends NumbersSplitReaderOptions {
  readonly create?: (options: Options) => Managed;
  readonly options?: Partial<Options>;
  readonly holdTurns?: boolean;
}

function setUp({ create, options, holdTurns, ...readerOptions }: SetUp = {}) {
  const harness = new ReaderHarness({ holdTurns: holdTurns ?? false });
  const splitReaders: NumbersSplitReader[] = [];
  const make = create ?? ((all: Options): Managed => new SingleThreadFetcherManager(all));
  const manager = make({
    context: harness.context,
    splitReaderFactory: () => {
      const splitReader = new NumbersSplitReader(readerOptions);
      splitReaders.push(splitReader);
      return splitReader;
    },
    ...options,
  });
  const reader = new NumbersReader({ context: harness.context, fetcherManager: manager });
  return { harness, manager, reader, splitReaders, output: new NumbersOutput() };
}

const drain = (manager: Managed): RecordsWithSplitIds<NumbersElement>[] => {
  const batches: RecordsWithSplitIds<NumbersElement>[] = [];
  for (let batch = manager.queue.poll(); batch !== null; batch = manager.queue.poll()) {
    batches.push(batch);
  }
  return batches;
};

describe("split fetcher manager", () => {
  it("notifies a reader that already waits when a fetcher becomes idle [SF-04]", async () => {
    const { harness, manager, splitReaders } = setUp({ fetches: "held", recordsPerFetch: 10 });
    manager.addSplits([numbersSplit(0)]);
    await harness.settle();
    const before = manager.queue.availability();
    splitReaders[0]?.release();
    await harness.settle();
    expect(manager.queue.availability().isDone).toBe(true);
    expect(before.isDone).toBe(true);
  });

  it("completes the future that was taken before a fetcher became idle [SF-05]", async () => {
    const { harness, manager } = setUp();
    const before = manager.queue.availability();
    manager.addSplits([]);
    await harness.settle();
    expect(manager.queue.isEmpty).toBe(true);
    expect(before.isDone).toBe(true);
    expect(manager.maybeShutdownFinishedFetchers()).toBe(true);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    "is available or known to be idle after a drain at point %i of the last hand-over [SF-06] [SF-07]",
    async (point) => {
      const { harness, manager } = setUp({ recordsPerFetch: 10, separateFinished: true });
      manager.addSplits([numbersSplit(0)]);
      for (let i = 0; i < point; i++) harness.scheduler.runOne();
      drain(manager);
      const idleNow = manager.maybeShutdownFinishedFetchers();
      await harness.settle();
      expect(manager.queue.availability().isDone || idleNow).toBe(true);
      drain(manager);
      expect(manager.maybeShutdownFinishedFetchers()).toBe(true);
    },
  );

  it.each([0, 2])(
    "makes the queue available when a fetch fails after %i batches, and keeps the cause [SM-01]",
    async (batches) => {
      const { harness, manager } = setUp({
        onFetch: (fetch) => {
          if (fetch > batches) throw new Error("test");
        },
        options: { elementQueueCapacity: 4 },
      });
      manager.addSplits([numbersSplit(0)]);
      const before = manager.queue.availability();
      await harness.settle();
      expect(before.isDone).toBe(true);
      expect(drain(manager)).toHaveLength(batches);
      const failure = catchError(() => manager.checkErrors());
      expect(((failure.cause as Error).cause as Error).message).toBe("test");
      expect(manager.maybeShutdownFinishedFetchers()).toBe(false);
    },
  );

  it("keeps the error of a split reader that fails to close [SM-02]", async () => {
    const message = "Artificial exception on closing the split reader.";
    const { harness, manager, reader, output } = setUp({
      onClose: () => {
        throw new Error(message);
      },
    });
    manager.addSplits([]);
    await harness.settle();
    manager.maybeShutdownFinishedFetchers();
    await harness.settle();
    expect(reader.pollNext(output)).toBe("NOTHING_AVAILABLE");
    await harness.settle();
    expect(rootCause(catchError(() => manager.checkErrors()))).toMatchObject({ message });
  });

  it("rejects close when a split reader fails to close only then [SM-02]", async () => {
    const { harness, manager } = setUp({ onClose: () => Promise.reject(new Error("late")) });
    manager.addSplits([numbersSplit(0)]);
    await harness.settle();
    const closed = manager.close().catch((error: unknown) => error);
    await harness.settle();
    expect(await closed).toMatchObject({ code: "FETCHER_FAILED" });
    expect(rootCause(await closed)).toMatchObject({ message: "late" });
  });

  it("removes an idle fetcher, and closes at once when none is left [SM-03]", async () => {
    const { harness, manager, splitReaders } = setUp();
    manager.addSplits([]);
    await harness.settle();
    expect(manager.numAliveFetchers).toBe(1);
    expect(manager.maybeShutdownFinishedFetchers()).toBe(true);
    expect(manager.numAliveFetchers).toBe(0);
    await harness.settle();
    const closed = manager.close();
    await harness.settle();
    await closed;
    expect(splitReaders[0]?.closed).toBe(true);
  });

  it("closes only when every fetcher has ended [SM-04]", async () => {
    let release: () => void = () => {};
    const { harness, manager } = setUp({
      onClose: () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    });
    manager.addSplits([numbersSplit(0)]);
    await harness.settle();
    let closed = false;
    void manager.close().then(() => {
      closed = true;
    });
    await harness.settle();
    expect(closed).toBe(false);
    release();
    await harness.settle();
    expect(closed).toBe(true);
    expect(harness.clock.nextTimer()).toBeUndefined();
  });

  it("gives up waiting after the close timeout and says so [SM-04]", async () => {
    const { harness, manager } = setUp({
      onClose: () => new Promise(() => {}),
      options: { closeTimeout: "5s" },
    });
    manager.addSplits([numbersSplit(0)]);
    await harness.settle();
    const closed = manager.close().catch((error: unknown) => error);
    harness.clock.advance(5000);
    expect(await closed).toMatchObject({
      code: "FETCHER_FAILED",
      message: "1 split fetchers did not end within 5000 ms",
    });
  });

  it("closes an idle fetcher's split reader only after all its batches are recycled [SM-05]", async () => {
    const { harness, manager, splitReaders } = setUp({
      separateFinished: true,
      recordsPerFetch: 10,
    });
    manager.addSplits([numbersSplit(0)]);
    await harness.settle();
    expect(manager.queue.size).toBe(2);
    expect(manager.maybeShutdownFinishedFetchers()).toBe(true);
    await harness.settle();
    for (let recycled = 0; recycled < 3; recycled++) {
      expect(splitReaders[0]?.closed).toBe(false);
      manager.queue.poll()?.recycle?.();
      await harness.settle();
    }
    expect(splitReaders[0]?.closed).toBe(true);
  });

  it("does not take a fetcher for idle while splits are on their way to it", async () => {
    const { harness, manager } = setUp({ recordsPerFetch: 10 });
    manager.addSplits([numbersSplit(0)]);
    await harness.settle();
    expect(manager.fetchers[0]).toMatchObject({ idle: true });
    manager.addSplits([numbersSplit(1)]);
    expect(manager.maybeShutdownFinishedFetchers()).toBe(false);
    await harness.settle();
    expect(drain(manager)).toHaveLength(2);
    expect(manager.maybeShutdownFinishedFetchers()).toBe(true);
  });

  it("keeps the first error as the cause and later ones as suppressed", async () => {
    const { harness, manager } = setUp({
      create: (options) => new FetcherPerSplitManager(options),
      onFetch: () => {
        throw new Error("down");
      },
    });
    manager.addSplits([numbersSplit(0), numbersSplit(1)]);
    await harness.settle();
    const failure = catchError(() => manager.checkErrors());
    expect((failure.cause as Error).message).toContain("split fetcher 0");
    expect(failure.suppressed.map((error) => (error as Error).message)).toEqual([
      expect.stringContaining("split fetcher 1"),
    ]);
  });

  it("creates a fetcher for a task when there is none", async () => {
    const tasks: string[] = [];
    const { harness, manager } = setUp({
      options: {
        handleTask: (_reader, task) => {
          tasks.push(task.type);
        },
      },
    });
    manager.enqueueTask({ type: "CommitOffsets" });
    await harness.settle();
    expect(tasks).toEqual(["CommitOffsets"]);
    expect(manager.maybeShutdownFinishedFetchers()).toBe(true);
  });

  it.each([
    [{ elementQueueCapacity: 0 }, "fetcherManager.elementQueueCapacity"],
    [{ closeTimeout: "soon" }, "fetcherManager.closeTimeout"],
    [{ maxConcurrentFetcher: 3 }, "fetcherManager.maxConcurrentFetcher"],
  ])("refuses the option %o by its path", (options, path) => {
    const create = (all: Options): Managed => new FetcherPerSplitManager(all);
    expect(() => setUp({ create, options: options as Partial<Options> })).toThrow(path);
  });
});

describe("sequential fetcher manager", () => {
  const create = (options: Options): Managed => new SequentialFetcherManager(options);

  it("reads one split after another through one split reader", async () => {
    const { harness, reader, output, splitReaders } = setUp({ create });
    reader.addSplits([numbersSplit(2), numbersSplit(0), numbersSplit(1)]);
    reader.notifyNoMoreSplits();
    expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
    const inOrder = [2, 0, 1].flatMap((id) => numbersSplit(id).values);
    expect(output.records).toEqual(inOrder);
    expect(splitReaders).toHaveLength(1);
  });

  it("lets splits pass one that is paused in line, and ends only after it was read", async () => {
    const { harness, reader, output } = setUp({ create });
    reader.addSplits([numbersSplit(0), numbersSplit(1), numbersSplit(2)]);
    reader.notifyNoMoreSplits();
    reader.pauseOrResumeSplits(["1"], []);
    expect(await pump(harness, reader, output)).toBe("NOTHING_AVAILABLE");
    expect(output.records).toHaveLength(20);
    reader.pauseOrResumeSplits([], ["1"]);
    expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
    expect(output.records.slice(20)).toEqual(numbersSplit(1).values);
  });
});

describe("fetcher per split manager", () => {
  const create = (options: Options): Managed => new FetcherPerSplitManager(options);

  it("runs no more fetchers at once than the limit and reads all splits", async () => {
    const { harness, manager, reader, output, splitReaders } = setUp({
      create,
      options: { maxConcurrentFetchers: 2 },
    });
    reader.addSplits([0, 1, 2, 3, 4].map((id) => numbersSplit(id)));
    reader.notifyNoMoreSplits();
    let most = 0;
    const status = await pump(harness, reader, output, () => {
      most = Math.max(most, manager.fetchers.filter((one) => !isIdle(one)).length);
      return false;
    });
    expect(status).toBe("END_OF_INPUT");
    expect(most).toBe(2);
    expect(splitReaders).toHaveLength(5);
    expect([...output.records].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
    expect(harness.metrics.snapshot()).toMatchObject({ numFetchers: 0, numWaitingSplits: 0 });
  });

  it("does not let paused splits keep the others out", async () => {
    const { harness, reader, output } = setUp({ create, options: { maxConcurrentFetchers: 1 } });
    reader.addSplits([numbersSplit(0), numbersSplit(1)]);
    reader.notifyNoMoreSplits();
    reader.pauseOrResumeSplits(["0"], []);
    expect(await pump(harness, reader, output)).toBe("NOTHING_AVAILABLE");
    expect(output.records).toEqual(numbersSplit(1).values);
    reader.pauseOrResumeSplits([], ["0"]);
    expect(await pump(harness, reader, output)).toBe("END_OF_INPUT");
    expect(output.records).toHaveLength(20);
  });
});

function catchError(call: () => void): HeadwaterError {
  try {
    call();
  } catch (error) {
    return error as HeadwaterError;
  }
  throw new Error("nothing was thrown");
}
