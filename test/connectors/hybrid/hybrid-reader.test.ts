import { describe, expect, it } from "vitest";
import type { AnySource, SourceReader } from "../../../src/api/index.js";
import { hybridSource } from "../../../src/connectors/hybrid/index.js";
import { numberSequenceSource } from "../../../src/connectors/number-sequence/index.js";
import { splitNumberRange } from "../../../src/enumerator/index.js";
import { Faults, faultySource } from "../../support/faulty-source.js";
import { NumbersOutput } from "../../support/reader-fixtures.js";
import { ReaderHarness, type ReaderHarnessOptions } from "../../support/reader-harness.js";

interface Split {
  readonly splitId: string;
  readonly sourceIndex: number;
  readonly wrappedVersion: number;
  readonly wrappedBytes: Uint8Array;
}

const numbers = (from: number, to: number): AnySource<number> => numberSequenceSource({ from, to });

/** Three splits of fetched numbers, 0 to 29. */
const fetched = (faults = new Faults()): AnySource<number> =>
  faultySource({ faults, splits: 3, perSplit: 10, fetchSize: 4 });

/** One hybrid reader and what it does. */
class HybridReaderRun {
  readonly harness: ReaderHarness;
  readonly reader: SourceReader<number, Split> & { readonly currentSourceIndex: number };
  readonly output = new NumbersOutput();
  readonly #sources: readonly AnySource<number>[];

  constructor(sources: readonly AnySource<number>[], options: ReaderHarnessOptions = {}) {
    this.#sources = sources;
    this.harness = new ReaderHarness(options);
    this.reader = hybridSource({ sources }).createReader(this.harness.context) as never;
  }

  get records(): readonly number[] {
    return this.output.records;
  }

  /** What the reader has announced since the last look. */
  announced(): unknown[] {
    return this.harness.sourceEvents.splice(0).map((event) => {
      const { type, ...fields } = event as { type: string; sourceIndex: number };
      expect(type).toBe("SourceReaderFinished");
      return fields.sourceIndex;
    });
  }

  switchTo(sourceIndex: number): void {
    this.reader.handleSourceEvents?.({
      type: "SwitchSource",
      sourceIndex,
      isFinalSource: sourceIndex === this.#sources.length - 1,
    } as never);
  }

  split(sourceIndex: number, split: { readonly splitId: string }): Split {
    const { splitSerializer } = this.#sources[sourceIndex] as AnySource<number>;
    return {
      splitId: `${sourceIndex}:${split.splitId}`,
      sourceIndex,
      wrappedVersion: splitSerializer.version,
      wrappedBytes: splitSerializer.serialize(split),
    };
  }

  /** A split of the numbers, as its source's enumerator hands it out. */
  range(sourceIndex: number, from: number, to: number): Split {
    const [split] = splitNumberRange(from, to, 1);
    return this.split(sourceIndex, split as { readonly splitId: string });
  }

  poll(budget = 1): string {
    this.harness.context.pollBudget.remaining = budget;
    return this.reader.pollNext(this.output);
  }

  /** Polls until the reader says something else than that there is more. */
  drain(): string {
    for (;;) {
      const status = this.poll();
      if (status !== "MORE_AVAILABLE") return status;
    }
  }

  /** Drains it, letting fetchers run, until it neither emits nor changes its status. */
  async drainFetched(): Promise<string> {
    for (;;) {
      const before = this.records.length;
      await this.harness.settle();
      const status = this.drain();
      await this.harness.settle();
      if (
        status === "END_OF_INPUT" ||
        (this.records.length === before && status === this.drain())
      ) {
        return status;
      }
    }
  }

  /** What a snapshot says, split by split. */
  snapshot(): unknown[] {
    return this.reader
      .snapshotState(1)
      .map(({ splitId, sourceIndex, wrappedVersion, wrappedBytes }) => {
        const { splitSerializer } = this.#sources[sourceIndex] as AnySource<number>;
        const { splitId: own, ...rest } = splitSerializer.deserialize(wrappedVersion, wrappedBytes);
        expect(splitId).toBe(`${sourceIndex}:${own}`);
        return { splitId, ...rest };
      });
  }
}

describe("the hybrid reader", () => {
  it("reads one source after the other as it is told, and ends with the last [HY-11]", () => {
    const run = new HybridReaderRun([numbers(0, 2), numbers(10, 11)]);
    run.reader.start();
    expect(run.announced()).toEqual([-1]);
    expect(run.reader.currentSourceIndex).toBe(-1);
    expect(run.poll()).toBe("NOTHING_AVAILABLE");
    run.switchTo(0);
    expect(run.reader.currentSourceIndex).toBe(0);
    run.reader.addSplits([run.range(0, 0, 2)]);
    expect(run.drain()).toBe("NOTHING_AVAILABLE");
    expect(run.records).toEqual([0, 1, 2]);
    expect(run.announced()).toEqual([]);
    run.reader.notifyNoMoreSplits();
    expect(run.poll()).toBe("NOTHING_AVAILABLE");
    expect(run.announced()).toEqual([0]);
    expect(run.poll()).toBe("NOTHING_AVAILABLE");
    expect(run.announced()).toEqual([]);
    run.switchTo(1);
    run.reader.addSplits([run.range(1, 10, 11)]);
    run.reader.notifyNoMoreSplits();
    expect(run.drain()).toBe("END_OF_INPUT");
    expect(run.records).toEqual([0, 1, 2, 10, 11]);
    expect(run.announced()).toEqual([1]);
  });

  it("is available when a source begins, and not when it has nothing to read [HY-12]", () => {
    const run = new HybridReaderRun([numbers(0, 0), numbers(1, 1)]);
    run.reader.start();
    const before = run.reader.isAvailable();
    expect(before.isDone).toBe(false);
    run.switchTo(0);
    expect(before.isDone).toBe(true);
    run.reader.addSplits([run.range(0, 0, 0)]);
    expect(run.drain()).toBe("NOTHING_AVAILABLE");
    expect(run.reader.isAvailable().isDone).toBe(false);
    run.reader.notifyNoMoreSplits();
    expect(run.reader.isAvailable().isDone).toBe(true);
    run.drain();
    const between = run.reader.isAvailable();
    expect(between.isDone).toBe(false);
    run.switchTo(1);
    expect(between.isDone).toBe(true);
    run.drain();
    expect(run.reader.isAvailable().isDone).toBe(false);
  });

  it("keeps restored splits, also in snapshots, until their source begins [HY-13]", () => {
    const run = new HybridReaderRun([numbers(0, 9), numbers(10, 19)]);
    const restored = [run.range(1, 12, 13), run.range(0, 5, 6)];
    run.reader.addSplits(restored);
    run.reader.start();
    expect(run.harness.sourceEvents).toEqual([
      { type: "SourceReaderFinished", sourceIndex: -1, holdsSplits: true },
    ]);
    const both = [
      { splitId: "0:1", from: 5, to: 6 },
      { splitId: "1:1", from: 12, to: 13 },
    ];
    expect(run.snapshot()).toEqual([both[1], both[0]]);
    expect(run.reader.currentSourceIndex).toBe(-1);
    run.switchTo(0);
    expect(run.snapshot()).toEqual(both);
    expect(run.poll()).toBe("MORE_AVAILABLE");
    expect(run.snapshot()).toEqual([{ splitId: "0:1", from: 6, to: 6 }, both[1]]);
    run.reader.notifyNoMoreSplits();
    expect(run.drain()).toBe("NOTHING_AVAILABLE");
    run.switchTo(1);
    expect(run.harness.splitRequests).toBe(0);
    run.reader.notifyNoMoreSplits();
    expect(run.drain()).toBe("END_OF_INPUT");
    expect(run.records).toEqual([5, 6, 12, 13]);
    expect(run.snapshot()).toEqual([]);
  });

  it("says at its start which source its restored splits are of", () => {
    const run = new HybridReaderRun([numbers(0, 9), numbers(10, 19), numbers(20, 29)]);
    run.reader.addSplits([run.range(2, 20, 29)]);
    run.reader.start();
    expect(run.announced()).toEqual([1]);
  });

  it("goes from one source with fetchers to the next when the first has closed", async () => {
    const faults = new Faults();
    const run = new HybridReaderRun([fetched(faults), fetched(faults), numbers(50, 51)]);
    run.reader.start();
    run.switchTo(0);
    run.reader.addSplits([run.split(0, { splitId: "a", next: 0, end: 10 } as never)]);
    run.reader.notifyNoMoreSplits();
    expect(await run.drainFetched()).toBe("NOTHING_AVAILABLE");
    run.switchTo(1);
    const waiting = run.reader.isAvailable();
    expect(run.poll()).toBe("NOTHING_AVAILABLE");
    // All this comes before the first reader has closed.
    run.reader.addSplits([run.split(1, { splitId: "a", next: 10, end: 12 } as never)]);
    run.reader.notifyNoMoreSplits();
    expect(run.reader.currentSourceIndex).toBe(-1);
    expect(run.snapshot()).toEqual([{ splitId: "1:a", next: 10, end: 12 }]);
    await run.harness.settle();
    expect(waiting.isDone).toBe(true);
    expect(run.reader.currentSourceIndex).toBe(1);
    expect(await run.drainFetched()).toBe("NOTHING_AVAILABLE");
    run.switchTo(2);
    await run.harness.settle();
    run.reader.addSplits([run.range(2, 50, 51)]);
    run.reader.notifyNoMoreSplits();
    expect(run.drain()).toBe("END_OF_INPUT");
    expect(run.records).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 50, 51]);
    expect(run.output.released).toEqual(["0:a", "1:a", "2:1"]);
  });

  it("fails of a reader that cannot be closed at a switch", async () => {
    const thrown: unknown[] = [];
    const run = new HybridReaderRun([fetched(new Faults().at("SourceReader.close")), fetched()]);
    const { context } = run.harness;
    Object.assign(context, {
      runInOperatorLoop: (action: () => void) => {
        try {
          action();
        } catch (error) {
          thrown.push(error);
        }
      },
    });
    run.reader.start();
    run.switchTo(0);
    run.reader.notifyNoMoreSplits();
    await run.drainFetched();
    run.switchTo(1);
    await run.harness.settle();
    expect(thrown).toEqual([expect.objectContaining({ message: "boom in SourceReader.close" })]);
    await expect(run.reader.close()).rejects.toThrow("boom in SourceReader.close");
  });

  it("closes the reader it has, whatever it is doing", async () => {
    for (const steps of [0, 1, 2, 3]) {
      const faults = new Faults().at("SourceReader.close", 1000);
      const run = new HybridReaderRun([fetched(faults), fetched(faults)]);
      run.reader.start();
      if (steps === 0) {
        await run.reader.close();
        expect(faults.hits).toEqual([]);
        continue;
      }
      run.switchTo(0);
      if (steps > 1) run.reader.notifyNoMoreSplits();
      if (steps > 1) await run.drainFetched();
      const { context } = run.harness;
      Object.assign(context, { runInOperatorLoop: () => {} });
      if (steps > 2) run.switchTo(1);
      await expect(run.reader.close()).rejects.toThrow("boom in SourceReader.close");
      expect(faults.hits).toHaveLength(1);
    }
  });

  it("refuses to leave a source before its end, and splits of another source", () => {
    const run = new HybridReaderRun([numbers(0, 9), numbers(10, 19)]);
    run.reader.start();
    run.switchTo(0);
    run.reader.addSplits([run.range(0, 0, 9)]);
    expect(() => run.switchTo(1)).toThrow(/to switch to source 1 while it is READING at 0/);
    expect(() => run.reader.addSplits([run.range(1, 10, 19)])).toThrow(
      /split 1:1 comes while source 0 is being read/,
    );
    run.reader.notifyNoMoreSplits();
    run.drain();
    expect(() => run.reader.addSplits([run.range(0, 0, 9)])).toThrow(/while source 0 is over/);
    expect(() => run.switchTo(0)).toThrow(/while it is FINISHED at 0/);
  });

  it("gives each reader the operator's own poll budget, metrics and actors' names", async () => {
    const run = new HybridReaderRun([numbers(0, 9), fetched()]);
    run.reader.start();
    run.switchTo(0);
    run.reader.addSplits([run.range(0, 0, 9)]);
    run.reader.notifyNoMoreSplits();
    expect(run.poll(4)).toBe("MORE_AVAILABLE");
    expect(run.records).toEqual([0, 1, 2, 3]);
    expect(run.harness.context.pollBudget.remaining).toBe(0);
    expect(run.harness.metrics.snapshot()).toEqual({ "source-0.numRecordsIn": 4 });
    run.drain();
    run.switchTo(1);
    run.reader.addSplits([run.split(1, { splitId: "a", next: 0, end: 10 } as never)]);
    expect([...run.harness.system.addresses]).toContain(`${run.harness.self}/source-1-fetcher-0`);
    expect(Object.keys(run.harness.metrics.snapshot())).toContain("source-1.numRecordsIn");
    expect(Object.keys(run.harness.metrics.snapshot())).not.toContain("source-0.numRecordsIn");
  });

  it("passes on bad records with the split's id among those of all sources", async () => {
    const bad = faultySource({
      faults: new Faults(),
      splits: 1,
      perSplit: 5,
      isBad: (n) => n === 3,
    });
    const run = new HybridReaderRun([bad]);
    run.reader.start();
    run.switchTo(0);
    run.reader.addSplits([run.split(0, { splitId: "a", next: 0, end: 5 } as never)]);
    run.reader.notifyNoMoreSplits();
    expect(await run.drainFetched()).toBe("END_OF_INPUT");
    expect(run.records).toEqual([0, 1, 2, 4]);
    expect(run.harness.badRecords).toEqual([
      expect.objectContaining({ splitId: "0:a", position: 3 }),
    ]);
  });

  it("routes events to and from the source that is read", () => {
    const got: string[] = [];
    const source = (name: string): AnySource<number> => ({
      ...numbers(0, 9),
      createReader(context) {
        const reader = numbers(0, 9).createReader(context);
        reader.handleSourceEvents = ({ type }) => {
          got.push(`${name} ${type}`);
          context.sendSourceEventToCoordinator({ type: "Answer" });
        };
        return reader;
      },
    });
    const run = new HybridReaderRun([source("first"), source("second")]);
    const wrapped = (sourceIndex: number) =>
      ({ type: "WrappedSourceEvent", sourceIndex, event: { type: "Ask" } }) as never;
    run.reader.start();
    run.switchTo(0);
    run.reader.handleSourceEvents?.(wrapped(0));
    run.reader.handleSourceEvents?.({ type: "Plain" });
    run.reader.notifyNoMoreSplits();
    run.drain();
    run.switchTo(1);
    run.harness.sourceEvents.length = 0;
    run.reader.handleSourceEvents?.(wrapped(0));
    run.reader.handleSourceEvents?.(wrapped(1));
    expect(got).toEqual(["first Ask", "first Plain", "second Ask"]);
    expect(run.harness.sourceEvents).toEqual([
      { type: "WrappedSourceEvent", sourceIndex: 1, event: { type: "Answer" } },
    ]);
  });

  it("pauses and resumes splits by their own names, also before their source begins", () => {
    const run = new HybridReaderRun([numbers(0, 9), numbers(10, 19)]);
    run.reader.addSplits([run.range(0, 0, 1), run.range(1, 10, 11)]);
    run.reader.start();
    run.reader.pauseOrResumeSplits?.(["0:1", "1:1"], []);
    run.switchTo(0);
    run.reader.notifyNoMoreSplits();
    expect(run.drain()).toBe("NOTHING_AVAILABLE");
    expect(run.records).toEqual([]);
    run.reader.pauseOrResumeSplits?.([], ["0:1"]);
    run.drain();
    expect(run.records).toEqual([0, 1]);
    run.switchTo(1);
    run.reader.notifyNoMoreSplits();
    expect(run.drain()).toBe("NOTHING_AVAILABLE");
    run.reader.pauseOrResumeSplits?.([], ["1:1"]);
    expect(run.drain()).toBe("END_OF_INPUT");
    expect(run.records).toEqual([0, 1, 10, 11]);
  });

  it("says that it cannot pause when the reader of the source cannot", () => {
    const source: AnySource<number> = {
      ...numbers(0, 9),
      createReader: (context) =>
        Object.assign(numbers(0, 9).createReader(context), { pauseOrResumeSplits: undefined }),
    };
    for (const allowUnaligned of [false, true]) {
      const run = new HybridReaderRun([source, source], { allowUnaligned });
      run.reader.addSplits([run.range(0, 0, 1), run.range(1, 10, 11)]);
      run.reader.start();
      run.reader.pauseOrResumeSplits?.(["1:1"], []);
      run.switchTo(0);
      expect(() => run.reader.pauseOrResumeSplits?.(["0:1"], [])).toThrow(
        expect.objectContaining({ code: "UNSUPPORTED_OPERATION" }),
      );
      run.reader.notifyNoMoreSplits();
      run.drain();
      if (allowUnaligned) run.switchTo(1);
      else {
        expect(() => run.switchTo(1)).toThrow(
          expect.objectContaining({ code: "UNSUPPORTED_OPERATION" }),
        );
      }
    }
  });
});
