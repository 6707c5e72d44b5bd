import { describe, expect, it } from "vitest";
import type { SourceOutput, SplitIterator } from "../../src/api/source-reader.js";
import { rootCause } from "../../src/errors/index.js";
import { IteratorSourceReader } from "../../src/reader/index.js";
import { NumbersOutput, type NumbersSplit, numbersSplit } from "../support/reader-fixtures.js";
import { ReaderHarness } from "../support/reader-harness.js";

class Values implements SplitIterator<number> {
  position: number;
  readonly #values: readonly number[];

  constructor({ index, values }: NumbersSplit) {
    this.position = index;
    this.#values = values;
  }

  hasNext(): boolean {
    return this.position < this.#values.length;
  }

  next(): number {
    return this.#values[this.position++] as number;
  }
}

class ValuesReader extends IteratorSourceReader<number, number, NumbersSplit, Values> {
  protected override createIterator(split: NumbersSplit): Values {
    return new Values(split);
  }

  protected override splitAt(split: NumbersSplit, iterator: Values): NumbersSplit {
    return { ...split, index: iterator.position };
  }

  protected override emit(element: number, output: SourceOutput<number>): void {
    if (element === 13) throw new Error("unlucky");
    output.collect(element, element);
  }
}

function setUp() {
  const harness = new ReaderHarness();
  const reader = new ValuesReader(harness.context);
  const output = new NumbersOutput();
  const poll = (times: number): string[] =>
    Array.from({ length: times }, () => reader.pollNext(output));
  const positions = (): string[] =>
    reader.snapshotState(1).map(({ splitId, index }) => `${splitId}@${index}`);
  return { harness, reader, output, poll, positions };
}

describe("iterator source reader", () => {
  it("asks for a split when it starts without one, and when it has read its last", () => {
    const { harness, reader, output, poll } = setUp();
    reader.start();
    expect(harness.splitRequests).toBe(1);
    reader.addSplits([numbersSplit(0, 2), numbersSplit(2, 1)]);
    expect(poll(3)).toEqual(Array(3).fill("MORE_AVAILABLE"));
    expect(harness.splitRequests).toBe(1);
    expect(poll(3)).toEqual(Array(3).fill("NOTHING_AVAILABLE"));
    expect(harness.splitRequests).toBe(2);
    expect(output.records).toEqual([0, 1, 20]);
    expect(output.released).toEqual(["0", "2"]);
  });

  it("does not ask when it starts with restored splits", () => {
    const { harness, reader } = setUp();
    reader.addSplits([numbersSplit(0)]);
    reader.start();
    expect(harness.splitRequests).toBe(0);
  });

  it("is available from a split's arrival until it finds nothing more", () => {
    const { reader, poll } = setUp();
    const before = reader.isAvailable();
    expect(before.isDone).toBe(false);
    reader.addSplits([numbersSplit(0, 1)]);
    expect(before.isDone).toBe(true);
    poll(2);
    expect(reader.isAvailable().isDone).toBe(false);
    reader.notifyNoMoreSplits();
    expect(reader.isAvailable().isDone).toBe(true);
    expect(poll(2)).toEqual(["END_OF_INPUT", "END_OF_INPUT"]);
  });

  it("passes over splits without records", () => {
    const { reader, output, poll } = setUp();
    reader.addSplits([numbersSplit(0, 0), numbersSplit(1, 0), numbersSplit(2, 1)]);
    reader.notifyNoMoreSplits();
    expect(poll(2)).toEqual(["MORE_AVAILABLE", "END_OF_INPUT"]);
    expect(output.records).toEqual([20]);
  });

  it("snapshots the current split at its position and those that wait as they are", () => {
    const { reader, poll, positions } = setUp();
    reader.addSplits([numbersSplit(0, 3), numbersSplit(2, 3)]);
    expect(positions()).toEqual(["0@0", "2@0"]);
    poll(2);
    expect(positions()).toEqual(["0@2", "2@0"]);
    poll(1);
    expect(positions()).toEqual(["2@0"]);
    poll(1);
    expect(positions()).toEqual(["2@1"]);
  });

  it("puts a paused split aside at its position and reads the next one", () => {
    const { reader, output, poll, positions } = setUp();
    reader.addSplits([numbersSplit(0, 3), numbersSplit(2, 2)]);
    reader.notifyNoMoreSplits();
    poll(1);
    reader.pauseOrResumeSplits(["0"], []);
    expect(positions()).toEqual(["0@1", "2@0"]);
    expect(poll(3)).toEqual(["MORE_AVAILABLE", "MORE_AVAILABLE", "NOTHING_AVAILABLE"]);
    expect(reader.isAvailable().isDone).toBe(false);
    reader.pauseOrResumeSplits([], ["0"]);
    expect(reader.isAvailable().isDone).toBe(true);
    expect(poll(3)).toEqual(["MORE_AVAILABLE", "MORE_AVAILABLE", "END_OF_INPUT"]);
    expect(output.records).toEqual([0, 20, 21, 1, 2]);
  });

  it("does not start a split that was paused before its turn", () => {
    const { reader, output, poll } = setUp();
    reader.addSplits([numbersSplit(0, 1), numbersSplit(2, 1)]);
    reader.pauseOrResumeSplits(["0", "2"], []);
    expect(poll(1)).toEqual(["NOTHING_AVAILABLE"]);
    reader.pauseOrResumeSplits([], ["2"]);
    poll(2);
    expect(output.records).toEqual([20]);
  });

  it("names the split whose record could not be emitted", () => {
    const { reader, output } = setUp();
    reader.addSplits([numbersSplit(1)]);
    let failure: unknown;
    try {
      while (reader.pollNext(output) === "MORE_AVAILABLE");
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: "READER_FAILED", message: 'reading split "1" failed' });
    expect(rootCause(failure)).toMatchObject({ message: "unlucky" });
    expect(output.records).toEqual([10, 11, 12]);
  });
});
