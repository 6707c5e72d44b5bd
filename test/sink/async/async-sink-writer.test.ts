import { describe, expect, it } from "vitest";
import { HeadwaterError } from "../../../src/errors/index.js";
import { AsyncSinkLab, describeError, numbers } from "./async-sink-lab.js";

const atOnce = { name: "at once", delayOf: () => 0 };
const small = { maxBatchSize: 3, maxBufferedRequests: 6, maxInFlightRequests: 2 };
/** Nothing but the number of batches limits what is in flight. */
const unlimited = () => ({
  maxBatchSize: 1000,
  shouldBlock: () => false,
  registerInFlightRequest() {},
  registerCompletedRequest() {},
});

describe("batches", () => {
  it("are sent when they are full, in the order of the records", async () => {
    const lab = await AsyncSinkLab.batching({ ...small, rateLimiting: unlimited });
    lab.write(1, 2);
    expect(lab.batches).toEqual([]);
    lab.write(3, 4, 5, 6, 7);
    expect(lab.batches).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(lab.metric("numBufferedRequests")).toBe(1);
  });

  it("are cut at their bytes, and a buffer with that many bytes is not held back", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      sizeInBytes: (n) => n,
      maxBatchSizeInBytes: 10,
      maxRecordSizeInBytes: 9,
      rateLimiting: unlimited,
    });
    lab.write(4, 5);
    expect(lab.batches).toEqual([]);
    lab.write(3);
    expect(lab.batches).toEqual([[4, 5]]);
    lab.write(9);
    expect(lab.batches).toEqual([[4, 5], [3]]);
    expect(lab.metric("numBytesSend")).toBe(12);
  });

  it("that are not full are sent when their first record has waited long enough", async () => {
    const lab = await AsyncSinkLab.batching({ ...small, maxTimeInBuffer: "2s" });
    lab.write(1);
    await lab.advance(1500);
    lab.write(2);
    await lab.advance(499);
    expect(lab.batches).toEqual([]);
    await lab.advance(1);
    expect(lab.batches).toEqual([[1, 2]]);
    lab.call(0).accept();
    lab.write(3);
    await lab.advance(1999);
    expect(lab.batches).toHaveLength(1);
    await lab.advance(1);
    expect(lab.batches).toEqual([[1, 2], [3]]);
  });

  it("take what came while they waited for a place, and only what was due goes unfilled", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      maxInFlightRequests: 1,
      maxTimeInBuffer: 100,
    });
    lab.write(1, 2, 3, 4);
    await lab.advance(100);
    lab.write(5);
    lab.call(0).accept();
    await lab.settle();
    expect(lab.batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    lab.write(6);
    lab.call(1).accept();
    await lab.settle();
    expect(lab.batches).toHaveLength(2);
    await lab.advance(100);
    expect(lab.batches).toHaveLength(3);
  });

  it("are made of what toRequest gives, which knows the timestamp", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      toRequest: (record, { timestamp }) => record * 100 + timestamp,
    });
    lab.write(1, 2, 3);
    expect(lab.batches).toEqual([[100, 201, 302]]);
  });
});

describe("back-pressure", () => {
  it("holds write until the buffer has taken its last record, and takes no more than fits", async () => {
    let taken = 0;
    const lab = await AsyncSinkLab.batching({
      ...small,
      rateLimiting: unlimited,
      toRequest: (record) => {
        taken++;
        return record;
      },
    });
    lab.write(...numbers(14));
    // 2 batches of 3 in flight, 6 in the buffer.
    expect([lab.pending, taken, lab.metric("numBufferedRequests")]).toEqual([1, 12, 6]);
    expect(lab.metric("numInFlightRequests")).toBe(2);
    lab.call(0).accept();
    await lab.settle();
    expect([lab.pending, taken, lab.metric("numBufferedRequests")]).toEqual([0, 14, 5]);
    expect(lab.batches[2]).toEqual([6, 7, 8]);
  });

  it("does not count an answer twice", async () => {
    const lab = await AsyncSinkLab.batching({ ...small, rateLimiting: unlimited });
    lab.write(...numbers(12));
    lab.call(0).accept();
    lab.call(0).retry(0, 1);
    await lab.settle();
    expect(lab.batches[2]).toEqual([6, 7, 8]);
    expect(lab.metric("numInFlightRequests")).toBe(2);
  });
});

describe("flush", () => {
  it("sends what there is and waits until all of it went through, retries included", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      rateLimiting: unlimited,
      retry: { strategy: atOnce },
    });
    lab.write(1, 2, 3, 4);
    lab.flush();
    expect(lab.batches).toEqual([[1, 2, 3], [4]]);
    lab.call(0).accept();
    lab.call(1).retry(4);
    await lab.settle();
    expect([lab.pending, lab.batches[2]]).toEqual([1, [4]]);
    lab.call(2).accept();
    await lab.settle();
    expect(lab.pending).toBe(0);
    lab.write(5);
    expect(lab.batches).toHaveLength(3);
  });

  it("is over at once when nothing is under way", async () => {
    const lab = await AsyncSinkLab.batching();
    lab.flush();
    expect(lab.pending).toBe(0);
  });
});

describe("requests that did not go through", () => {
  it("come again at the front and in their order, with the number of the attempt", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      rateLimiting: unlimited,
      retry: { strategy: atOnce },
    });
    lab.write(...numbers(12));
    lab.call(0).retry(0, 2);
    await lab.settle();
    expect(lab.batches[2]).toEqual([0, 2, 6]);
    expect(lab.sent.map(({ attempt }) => attempt)).toEqual([1, 1, 2]);
    lab.call(2).retry(2, 6);
    await lab.settle();
    expect([lab.batches[3], lab.call(3).attempt]).toEqual([[2, 6, 7], 3]);
  });

  it("wait for the delay of their retry, and so does all that is behind them", async () => {
    const lab = await AsyncSinkLab.batching({ ...small, rateLimiting: unlimited });
    lab.write(...numbers(6));
    lab.call(0).reject(new Error("boom"));
    await lab.settle();
    lab.write(6, 7, 8);
    await lab.advance(99);
    expect(lab.sent).toHaveLength(2);
    await lab.advance(1);
    expect(lab.batches[2]).toEqual([0, 1, 2]);
    lab.call(2).reject(new Error("boom"));
    await lab.advance(199);
    expect(lab.sent).toHaveLength(3);
    await lab.advance(1);
    expect([lab.batches[3], lab.call(3).attempt]).toEqual([[0, 1, 2], 3]);
  });

  it("are given up after as many retries as the strategy has", async () => {
    const delayOf = (retry: number) => (retry <= 2 ? 0 : undefined);
    const lab = await AsyncSinkLab.batching({
      ...small,
      retry: { strategy: { name: "two", delayOf } },
    });
    lab.write(1, 2, 3);
    for (const i of [0, 1, 2]) {
      lab.call(i).reject(new Error("boom"));
      await lab.settle();
    }
    expect(lab.errors.map(describeError)).toEqual([
      "sink service in subtask 0 of job lab gave up a batch: 3 times a request of it did not go through < boom",
    ]);
    expect(lab.errors[0]).toMatchObject({
      code: "SINK_FAILED",
      retry: "backoff",
      domain: "external",
    });
  });

  it.each([Number.POSITIVE_INFINITY, Number.NaN, -1])("are not sent after %d ms", async (delay) => {
    const strategy = { name: "odd", delayOf: () => delay };
    const lab = await AsyncSinkLab.batching({ ...small, retry: { strategy } });
    lab.write(1, 2, 3);
    lab.call(0).reject(new Error("boom"));
    await lab.settle();
    expect(lab.errors.map(describeError)).toEqual([
      `sink service in subtask 0 of job lab cannot use retry.strategy odd: it gave delay ${delay}`,
    ]);
  });

  it("count on their own: a new one beside an old one has all its retries", async () => {
    const delayOf = (retry: number) => (retry <= 1 ? 0 : undefined);
    const lab = await AsyncSinkLab.batching({
      ...small,
      retry: { strategy: { name: "one", delayOf } },
    });
    lab.write(1, 2, 3, 4, 5);
    lab.call(0).retry(1);
    await lab.settle();
    lab.call(1).retry(4);
    await lab.settle();
    expect([lab.errors, lab.batches[2]?.[0]]).toEqual([[], 4]);
  });

  it("are all there again when the call has changed its list", async () => {
    const calls: number[][] = [];
    const lab = await AsyncSinkLab.batching({
      ...small,
      rateLimiting: unlimited,
      retry: { strategy: atOnce },
      async send(batch) {
        calls.push([...batch]);
        (batch as number[]).length = 0;
        if (calls.length === 1) throw new Error("boom");
      },
    });
    lab.write(1, 2, 3);
    await lab.settle();
    expect(calls).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it("may be equal to others of their batch", async () => {
    const lab = await AsyncSinkLab.batching({ ...small, retry: { strategy: atOnce } });
    lab.write(7, 7, 7);
    lab.call(0).retry(7, 7);
    await lab.settle();
    lab.flush();
    expect(lab.batches[1]).toEqual([7, 7]);
  });
});

describe("a failure", () => {
  it.each([
    ["isFatal says so", { isFatal: () => true }, new Error("denied")],
    [
      "isFatal throws",
      {
        isFatal: () => {
          throw new Error("oops");
        },
      },
      new Error("denied"),
    ],
    [
      "it is an error that is never retried",
      {},
      new HeadwaterError("UNSUPPORTED_OPERATION", "denied", {
        domain: "user",
        retry: "never",
        scope: "job",
      }),
    ],
  ])("ends the job when %s", async (_, retry, error) => {
    const lab = await AsyncSinkLab.batching({ ...small, rateLimiting: unlimited, retry });
    lab.write(...numbers(6));
    lab.call(0).reject(error);
    await lab.settle();
    expect(lab.errors.map(describeError)).toEqual([
      "sink service in subtask 0 of job lab could not send a batch of 3 < denied",
    ]);
    expect(lab.errors[0]).toMatchObject({ code: "SINK_FAILED", retry: "never" });
    expect(lab.call(1).signal.aborted).toBe(true);
  });

  it("rejects who waits, once, and is thrown at whoever comes later", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      rateLimiting: unlimited,
      retry: { isFatal: () => true },
    });
    lab.write(1, 2, 3, 4);
    lab.flush();
    lab.call(0).reject(new Error("first"));
    lab.call(1).reject(new Error("second"));
    await lab.settle();
    expect([lab.errors, lab.pending]).toEqual([[], 0]);
    expect(lab.rejected.map(describeError)).toEqual([
      "sink service in subtask 0 of job lab could not send a batch of 3 < first",
    ]);
    expect(() => lab.write(5)).toThrow("could not send a batch of 3");
    expect(() => lab.flush()).toThrow("could not send a batch of 3");
    expect(lab.sent).toHaveLength(2);
  });

  it.each([
    [{ status: 500 }, "cannot use what send gave: an object"],
    [null, "cannot use what send gave: null"],
    [
      { retry: [99] },
      "failed < its retry holds a request that is not of the batch, or holds one twice",
    ],
    [
      { retry: [1, 1] },
      "failed < its retry holds a request that is not of the batch, or holds one twice",
    ],
  ])("is an answer that says nothing usable: %j", async (answer, message) => {
    const lab = await AsyncSinkLab.batching(small);
    lab.write(1, 2, 3);
    lab.call(0).resolve(answer);
    await lab.settle();
    expect(lab.errors.map(describeError)).toEqual([
      `sink service in subtask 0 of job lab ${message}`,
    ]);
  });

  it("is a record that is too large, or has no size, and nothing is sent after it", async () => {
    const sized = { ...small, sizeInBytes: (n: number) => n, maxRecordSizeInBytes: 10 };
    const lab = await AsyncSinkLab.batching(sized);
    expect(() => lab.write(1, 11)).toThrow(
      "cannot send a record of 11 bytes: maxRecordSizeInBytes is 10",
    );
    await lab.advance(10_000);
    expect(lab.sent).toHaveLength(0);
    const other = await AsyncSinkLab.batching(sized);
    expect(() => other.write(Number.NaN)).toThrow("sizeInBytes gave NaN");
  });

  it("is a record that toRequest throws at, also while write waits", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      rateLimiting: unlimited,
      toRequest: (n) => {
        if (n === 13) throw new Error("unlucky");
        return n;
      },
    });
    lab.write(...numbers(14));
    lab.call(0).accept();
    await lab.settle();
    expect(lab.rejected.map(describeError)).toEqual([
      "sink service in subtask 0 of job lab cannot make a request of a record < unlucky",
    ]);
  });
});

describe("a call that takes too long", () => {
  it("is aborted and sent again, and what it answers then counts for nothing", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      requestTimeout: "1s",
      rateLimiting: unlimited,
      retry: { strategy: atOnce },
    });
    lab.write(1, 2, 3);
    await lab.advance(999);
    expect(lab.call(0).signal.aborted).toBe(false);
    await lab.advance(1);
    expect(lab.call(0).signal.reason).toMatchObject({ name: "TimeoutError" });
    expect(lab.batches[1]).toEqual([1, 2, 3]);
    lab.call(0).retry(1);
    lab.call(1).accept();
    await lab.settle();
    lab.flush();
    expect([lab.pending, lab.sent.length]).toEqual([0, 2]);
    expect(lab.metric("numRecordsSendErrors")).toBe(3);
  });

  it("counts as answered when the answer is on its way to the loop", async () => {
    const lab = await AsyncSinkLab.batching({ ...small, requestTimeout: 10 });
    lab.write(1, 2, 3);
    lab.call(0).accept();
    await lab.advance(10);
    expect([lab.sent.length, lab.metric("numInFlightRequests")]).toEqual([1, 0]);
  });

  it("fails the subtask with failOnTimeout", async () => {
    const lab = await AsyncSinkLab.batching({ ...small, requestTimeout: 10, failOnTimeout: true });
    lab.write(1, 2, 3);
    await lab.advance(10);
    expect(lab.errors.map(describeError)).toEqual([
      "sink service in subtask 0 of job lab could not send a batch of 3 < a batch of 3 got no answer within 10 ms",
    ]);
    expect(lab.errors[0]).toMatchObject({ retry: "backoff" });
  });
});

describe("close", () => {
  it("aborts every call, waits until they have ended, and then closes the client", async () => {
    const events: string[] = [];
    const lab = await AsyncSinkLab.batching({
      ...small,
      rateLimiting: unlimited,
      createClient: ((context: { indexOfSubtask: number }) =>
        `client ${context.indexOfSubtask}`) as never,
      closeClient: ((client: string) => void events.push(`closed ${client}`)) as never,
    });
    lab.write(...numbers(8));
    lab.writer.close?.()?.then(() => events.push("done"));
    await lab.settle();
    expect(lab.sent.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    lab.call(0).reject(new Error("aborted"));
    await lab.settle();
    expect(events).toEqual([]);
    lab.call(1).accept();
    await lab.settle();
    expect(events).toEqual(["closed client 0", "done"]);
    expect([lab.errors, lab.sent.length, lab.clock.pendingTimers]).toEqual([[], 2, 0]);
  });

  it("waits 5 s at most for calls that do not heed their signals", async () => {
    const lab = await AsyncSinkLab.batching(small);
    let isClosed = false;
    lab.write(1, 2, 3);
    lab.writer.close?.()?.then(() => {
      isClosed = true;
    });
    await lab.advance(4999);
    expect(isClosed).toBe(false);
    await lab.advance(1);
    expect([isClosed, lab.clock.pendingTimers]).toEqual([true, 0]);
  });
});

describe("metrics", () => {
  it("count what is sent with its retries, what failed, and how long the last answer took", async () => {
    const lab = await AsyncSinkLab.batching({
      ...small,
      sizeInBytes: () => 10,
      retry: { strategy: atOnce },
    });
    lab.write(1, 2, 3);
    await lab.advance(70);
    lab.call(0).retry(2);
    await lab.settle();
    lab.flush();
    await lab.advance(30);
    lab.call(1).accept();
    await lab.settle();
    expect(lab.metrics.snapshot()).toEqual({
      numRecordsSend: 4,
      numBytesSend: 40,
      numRecordsSendErrors: 1,
      currentSendTime: 30,
      numBufferedRequests: 0,
      numInFlightRequests: 0,
    });
  });
});

describe("options", () => {
  it.each([
    [{ name: "" }, "asyncBatchSink.name: expected a name"],
    [{ maxBatchSize: 0 }, "asyncBatchSink.maxBatchSize: expected a whole number ≥ 1, got 0"],
    [
      { maxBatchSize: 10, maxBufferedRequests: 10 },
      "maxBufferedRequests: expected more than maxBatchSize, 10, got 10",
    ],
    [{ maxBatchSizeInBytes: 5 }, "maxBatchSizeInBytes: expected sizeInBytes beside it, got 5"],
    [
      { sizeInBytes: () => 1, maxBatchSizeInBytes: 5, maxRecordSizeInBytes: 6 },
      "maxRecordSizeInBytes: expected at most maxBatchSizeInBytes, 5, got 6",
    ],
    [{ maxTimeInBuffer: 0 }, "maxTimeInBuffer: expected a duration > 0"],
    [{ requestTimeout: "soon" }, "asyncBatchSink.requestTimeout: expected a duration"],
    [{ rateLimiting: { increaseRate: 0 } }, "asyncBatchSink.rateLimiting"],
    [{ retry: { attempts: 3 } }, "asyncBatchSink.retry.attempts: there is no such option"],
    [{ batchSize: 3 }, "asyncBatchSink.batchSize: there is no such option"],
    [{ send: undefined }, "asyncBatchSink.send"],
  ])("refuses %j", async (options, message) => {
    await expect(AsyncSinkLab.batching(options as object)).rejects.toThrow(message);
  });
});
