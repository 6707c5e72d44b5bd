import { firstValueFrom, from, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { asyncMap, FINAL_STATE } from "../../src/stream/index.js";
import {
  AsyncMapLab,
  barrier,
  chunkOf,
  deadLetter,
  describeError,
  END,
  records,
  watermark,
} from "./async-map-lab.js";
import { elementsOf } from "./elements.js";

describe("asyncMap, ordered", () => {
  it("gives results in the order of the records, each with its timestamp", async () => {
    const lab = new AsyncMapLab();
    lab.push(records(1, 2, 3));
    lab.answer(3, 2);
    await lab.settle();
    expect(lab.seen).toEqual([]);
    lab.answer(1);
    await lab.settle();
    expect(lab.out).toEqual([
      { record: "r1", timestamp: 10 },
      { record: "r2", timestamp: 20 },
      { record: "r3", timestamp: 30 },
    ]);
  });

  it("gives none, one or many results for a record", async () => {
    const lab = new AsyncMapLab();
    lab.push(records(1, 2, 3));
    lab.call(1).resolve([]);
    lab.call(2).resolve(["a", "b"]);
    lab.call(3).resolve("c");
    await lab.settle();
    expect(lab.seen).toEqual(["a", "b", "c"]);
  });
});

describe("asyncMap, unordered", () => {
  it("gives results as they come, but none across a watermark", async () => {
    const lab = new AsyncMapLab({ mode: "unordered" });
    lab.push([...records(1, 2), watermark(20), ...records(3, 4)]);
    lab.answer(4, 2);
    await lab.settle();
    expect(lab.seen).toEqual(["r2"]);
    lab.answer(1);
    await lab.settle();
    expect(lab.seen).toEqual(["r2", "r1", "Watermark 20", "r4"]);
    lab.answer(3);
    await lab.settle();
    expect(lab.seen).toEqual(["r2", "r1", "Watermark 20", "r4", "r3"]);
  });
});

describe.each(["ordered", "unordered"] as const)("asyncMap, %s", (mode) => {
  it("lets a watermark pass at once when nothing is before it", () => {
    const lab = new AsyncMapLab({ mode });
    lab.push([watermark(5), ...records(1)]);
    expect(lab.seen).toEqual(["Watermark 5"]);
  });

  it("emits only in the loop, however many promises settle", async () => {
    const lab = new AsyncMapLab({ mode });
    lab.push(records(1, 2, 3));
    lab.answer(1, 2, 3);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(lab.seen).toEqual([]);
    expect(lab.pendingActions).toBe(1);
    await lab.settle();
    expect(lab.seen).toEqual(["r1", "r2", "r3"]);
  });

  it("starts no more calls than its capacity, and holds the credits of what waits", async () => {
    const lab = new AsyncMapLab({ mode, capacity: 2 });
    lab.push(records(1, 2));
    expect(lab.creditsOut).toBe(1);
    lab.push(records(3));
    lab.push(records(4));
    expect(lab.calls.map(({ record }) => record)).toEqual([1, 2]);
    expect(lab.creditsOut).toBe(1);
    lab.answer(1);
    await lab.settle();
    expect(lab.calls.map(({ record }) => record)).toEqual([1, 2, 3]);
    expect(lab.creditsOut).toBe(2);
    lab.answer(2);
    await lab.settle();
    expect(lab.creditsOut).toBe(3);
  });

  it("lets barriers and dead letters pass at once, also those behind input that waits", () => {
    const lab = new AsyncMapLab({ mode, capacity: 1 });
    lab.push([...records(1, 2), watermark(20)]);
    lab.push([...records(3), deadLetter(7), barrier(5)]);
    expect(lab.seen).toEqual(["BadRecord 7", "Barrier 5"]);
    expect(lab.acknowledged).toEqual([
      {
        checkpointId: 5,
        state: {
          inFlight: [
            [1, 10],
            [2, 20],
            [3, 30],
          ],
        },
      },
    ]);
  });

  it("keeps a barrier's credit no longer than it must: empty chunks wait for nothing", () => {
    const lab = new AsyncMapLab({ mode, capacity: 1 });
    lab.push(records(1, 2));
    for (let id = 1; id <= 50; id++) lab.push([barrier(id)]);
    expect(lab.creditsOut).toBe(50);
  });

  it("ends when all are done, and has no state then", async () => {
    const lab = new AsyncMapLab({ mode, capacity: 1 });
    lab.push([...records(1, 2), END]);
    lab.input.complete();
    lab.answer(1);
    await lab.settle();
    expect([lab.seen, lab.isComplete]).toEqual([["r1"], false]);
    lab.answer(2);
    await lab.settle();
    expect([lab.seen, lab.isComplete]).toEqual([["r1", "r2", "EndOfData 0"], true]);
    expect(lab.acknowledged).toEqual([{ checkpointId: FINAL_STATE, state: { inFlight: [] } }]);
  });

  it("calls again for restored records, before all input, with no credit for them", async () => {
    const state = { inFlight: [[7, "-Infinity"]] };
    const lab = new AsyncMapLab({ mode, capacity: 1 }, [state, { inFlight: [[8, 80]] }]);
    lab.push(records(9));
    for (const record of [7, 8, 9]) {
      lab.answer(record);
      await lab.settle();
    }
    expect(lab.out.map((one) => ("record" in one ? [one.record, one.timestamp] : one))).toEqual([
      ["r7", Number.NEGATIVE_INFINITY],
      ["r8", 80],
      ["r9", 90],
    ]);
    expect(lab.creditsOut).toBe(1);
  });

  it("emits nothing behind a stopping savepoint, whose state has it", async () => {
    const lab = new AsyncMapLab({ mode });
    lab.push([...records(1, 2), barrier(-3)]);
    const { signal } = lab.call(2);
    lab.answer(1);
    await lab.settle();
    lab.push([END]);
    lab.input.complete();
    await lab.settle();
    expect(lab.seen).toEqual(["Barrier 3", "EndOfData 0"]);
    expect([lab.isComplete, signal.aborted, lab.creditsOut]).toEqual([true, true, 2]);
    const inFlight = [
      [1, 10],
      [2, 20],
    ];
    expect(lab.acknowledged).toEqual([
      { checkpointId: 3, state: { inFlight } },
      { checkpointId: FINAL_STATE, state: { inFlight } },
    ]);
  });

  it("gives all credits back with a stopping barrier, so that the source can end", () => {
    const lab = new AsyncMapLab({ mode, capacity: 1 });
    lab.push(records(1, 2));
    lab.push(records(3));
    lab.push([barrier(-3)]);
    expect([lab.seen, lab.creditsOut]).toEqual([["Barrier 3"], 3]);
  });

  it("goes on when the stopping savepoint is aborted, without waiting for input", async () => {
    const lab = new AsyncMapLab({ mode, capacity: 1 });
    lab.push([...records(1, 2), barrier(-3)]);
    lab.answer(1);
    await lab.settle();
    expect(lab.seen).toEqual(["Barrier 3"]);
    lab.abortCheckpoint(2);
    expect(lab.seen).toEqual(["Barrier 3"]);
    lab.abortCheckpoint(3);
    expect(lab.seen).toEqual(["Barrier 3", "r1"]);
    lab.answer(2);
    await lab.settle();
    expect(lab.seen).toEqual(["Barrier 3", "r1", "r2"]);
  });

  it("lets everything out before the barrier of a drain", async () => {
    const lab = new AsyncMapLab({ mode });
    lab.push([...records(1), watermark(Number.POSITIVE_INFINITY), barrier(-3)]);
    expect(lab.seen).toEqual([]);
    lab.answer(1);
    await lab.settle();
    expect(lab.seen).toEqual(["r1", "Watermark Infinity", "Barrier 3"]);
    expect(lab.acknowledged).toEqual([{ checkpointId: 3, state: { inFlight: [] } }]);
  });
});

describe("the state of asyncMap", () => {
  const bad: Readonly<Record<string, readonly [unknown, string]>> = {
    "a Date": [{ at: [new Date(0)] }, "record.at[0] is a Date"],
    "a bigint": [{ id: 1n }, "record.id is a bigint"],
    "no number": [Number.NaN, "record is NaN"],
    bytes: [{ b: new Uint8Array(1) }, "record.b is a Uint8Array"],
    "a hole": [[undefined], "record[0] is undefined"],
  };
  it.each(Object.entries(bad))("cannot hold %s, and says where it is", (_name, [record, where]) => {
    const lab = new AsyncMapLab();
    lab.push([{ record: record as number, timestamp: 0 }, barrier(1)]);
    expect(lab.declined).toEqual([
      `1: operator lookup could not snapshot its state < a record in flight is not JSON: ${where}`,
    ]);
    expect(lab.seen).toEqual(["Barrier 1"]);
  });

  it("holds one object in two places, and properties that are undefined", () => {
    const lab = new AsyncMapLab();
    const shared = { x: 1 };
    const record = { a: shared, b: [shared], c: undefined };
    lab.push([{ record: record as unknown as number, timestamp: 0 }, barrier(1)]);
    expect(lab.acknowledged[0]?.state).toEqual({
      inFlight: [[{ a: { x: 1 }, b: [{ x: 1 }] }, 0]],
    });
  });

  it("is refused when it is another operator's", () => {
    const lab = new AsyncMapLab({}, [[1, 2]]);
    expect(lab.error).toMatchObject({ code: "CHECKPOINT_STATE_UNMATCHED" });
  });
});

describe("asyncMap outside a job", () => {
  it("is a plain RxJS operator", async () => {
    const double = asyncMap<number, number>({
      name: "double",
      mode: "ordered",
      timeout: "1min",
      fn: async (n) => n * 2,
    });
    const chunks = from([chunkOf([...records(1, 2), watermark(20)]), chunkOf(records(3))]);
    const out = await firstValueFrom(chunks.pipe(double, toArray()));
    expect(elementsOf(out).map((one) => ("record" in one ? one.record : one.control))).toEqual([
      2,
      4,
      "Watermark",
      6,
    ]);
  });

  it.each([
    [{ mode: "sorted" }, "asyncMap.mode"],
    [{ capacity: 0 }, "asyncMap.capacity"],
    [{ timeout: 0 }, "asyncMap.timeout"],
    [{ name: "" }, "asyncMap.name"],
    [{ retries: 3 }, "asyncMap.retries"],
    [{ retry: { strategy: "fixed" } }, "asyncMap.retry.strategy"],
  ])("refuses %j", (wrong, path) => {
    let thrown: unknown;
    try {
      new AsyncMapLab(wrong as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "OPTION_INVALID" });
    expect(describeError(thrown)).toContain(path);
  });
});
