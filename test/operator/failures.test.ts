import { describe, expect, it } from "vitest";
import { HeadwaterError } from "../../src/errors/index.js";
import { noWatermarks } from "../../src/eventtime/index.js";
import { OperatorBench } from "../conformance/fixtures/operator-bench.js";
import { parseSplit, scriptedSplitSerializer } from "../conformance/fixtures/operator-split.js";

const boom = new Error("boom");

function failing(method: string, error: unknown = boom): OperatorBench {
  const bench = new OperatorBench({ perSplit: true, gen: "max", alignment: {} });
  Object.assign(bench.reader, {
    [method]: () => {
      throw error;
    },
  });
  return bench;
}

function errorOf(call: () => unknown): HeadwaterError {
  try {
    call();
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

describe("a reader that throws", () => {
  const opened = (method: string, error?: unknown) => {
    const bench = failing(method, error);
    bench.operator.open([]);
    return bench;
  };
  const add = (bench: OperatorBench) => bench.addSplits(parseSplit({ id: 7, records: [5] }));

  it.each([
    ["start", "to start", () => opened("start")],
    ["pollNext", "to poll", () => opened("pollNext").emitNext()],
    ["addSplits", "to add split 7", () => add(opened("addSplits"))],
    ["isAvailable", "whether it is available", () => opened("isAvailable").operator.isAvailable()],
    [
      "snapshotState",
      "for checkpoint 12",
      () => opened("snapshotState").operator.snapshotState(12),
    ],
    [
      "notifyCheckpointComplete",
      "completion of checkpoint 12",
      () => opened("notifyCheckpointComplete").operator.notifyCheckpointComplete(12),
    ],
    [
      "notifyCheckpointAborted",
      "abortion of checkpoint 12",
      () => opened("notifyCheckpointAborted").operator.notifyCheckpointAborted(12),
    ],
    [
      "handleSourceEvents",
      "on its event Hello",
      () =>
        opened("handleSourceEvents").operator.handleOperatorEvent({
          type: "SourceEventWrapper",
          event: { type: "Hello" },
        }),
    ],
    [
      "pauseOrResumeSplits",
      "to pause or resume split 7",
      () => {
        const bench = opened("pauseOrResumeSplits");
        add(bench);
        bench.emitNext();
        bench.align(4);
      },
    ],
  ])("in %s fails as READER_FAILED, saying where, with its cause", (_method, where, call) => {
    const error = errorOf(call);
    expect(error.code).toBe("READER_FAILED");
    expect(error.message).toContain("subtask 1");
    expect(error.message).toContain(where);
    expect(error.cause).toBe(boom);
  });

  it("in a later poll fails in the same way", () => {
    const bench = new OperatorBench();
    bench.operator.open([parseSplit({ id: 1, records: [1] })]);
    bench.emitNext();
    bench.reader.pollNext = () => {
      throw boom;
    };
    expect(errorOf(() => bench.emitNext())).toMatchObject({ code: "READER_FAILED", cause: boom });
  });

  it("in close rejects", async () => {
    const bench = opened("close");
    await expect(bench.operator.close()).rejects.toMatchObject({
      code: "READER_FAILED",
      cause: boom,
    });
  });

  it("keeps who has to act, whether to retry, and what to do", () => {
    const cause = new HeadwaterError("FILE_NOT_FOUND", "no such file", {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "look for it",
    });
    const error = errorOf(() => opened("pollNext", cause).emitNext());
    expect(error).toMatchObject({
      code: "READER_FAILED",
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "look for it",
      cause,
    });
  });

  it("when it is created fails as READER_FAILED", () => {
    const createReader = () => {
      throw boom;
    };
    const bench = new OperatorBench({}, { createReader });
    expect(errorOf(() => bench.operator.open([]))).toMatchObject({
      code: "READER_FAILED",
      cause: boom,
    });
  });

  it("or returns what is no status, fails as READER_FAILED", () => {
    const bench = new OperatorBench();
    bench.operator.open([]);
    bench.reader.pollNext = () => undefined as never;
    expect(errorOf(() => bench.emitNext()).code).toBe("READER_FAILED");
  });
});

it("does not blame the reader for a timestamp assigner that gives no number", () => {
  const bench = new OperatorBench(
    {},
    { watermarkStrategy: noWatermarks<number>().withTimestampAssigner(() => Number.NaN) },
  );
  bench.operator.open([parseSplit({ id: 1, records: [1] })]);
  const error = errorOf(() => bench.emitNext());
  expect(error).toMatchObject({ code: "OPERATOR_FAILED", domain: "user", retry: "never" });
});

describe("a split serializer that throws", () => {
  it("while reading says the subtask, the split and the version", () => {
    const bench = new OperatorBench();
    bench.operator.open([]);
    const good = scriptedSplitSerializer.serialize(parseSplit(1));
    const bad = new TextEncoder().encode("{");
    const error = errorOf(() =>
      bench.operator.handleOperatorEvent({
        type: "AddSplit",
        splits: { version: 0, splits: [good, bad] },
      }),
    );
    expect(error.code).toBe("SERIALIZER_FAILED");
    expect(error.message).toMatch(/subtask 1: split 2 of 2.*version 0/);
    expect(error.cause).toBeInstanceOf(SyntaxError);
    expect(bench.reader.assigned).toEqual([]);
  });

  it("while writing says the subtask and the split", () => {
    const splitSerializer = {
      ...scriptedSplitSerializer,
      serialize: () => {
        throw boom;
      },
    };
    const bench = new OperatorBench({ reassignOnRecovery: true }, { splitSerializer });
    const error = errorOf(() => bench.operator.open([parseSplit(8)]));
    expect(error.code).toBe("SERIALIZER_FAILED");
    expect(error.message).toMatch(/subtask 1: split 8/);
    expect(error.cause).toBe(boom);
  });
});
