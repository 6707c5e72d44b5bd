import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sent } from "./async-sink-lab.js";
import { AsyncSinkLab, describeError } from "./async-sink-lab.js";

const atOnce = { name: "at once", delayOf: () => 0 };
const small = { maxBatchSize: 3, maxBufferedRequests: 6, maxInFlightRequests: 2 };
const unlimited = () => ({
  maxBatchSize: 1000,
  shouldBlock: () => false,
  registerInFlightRequest() {},
  registerCompletedRequest() {},
});

describe("upsertSink", () => {
  it("writes the last record of a key in a batch, at the place of its first", async () => {
    const lab = await AsyncSinkLab.upserting(small);
    lab.write("a1", "b1", "a2", "b2", "a3");
    expect(lab.metric("numBufferedRequests")).toBe(2);
    lab.flush();
    expect(lab.batches).toEqual([["a3", "b2"]]);
  });

  it("keeps a key's next record back while the key is in flight", async () => {
    const lab = await AsyncSinkLab.upserting({ ...small, rateLimiting: unlimited });
    lab.write("a1", "b1", "c1", "a2", "a3", "d1", "e1", "f1");
    lab.flush();
    expect(lab.batches).toEqual([
      ["a1", "b1", "c1"],
      ["d1", "e1", "f1"],
    ]);
    lab.call(1).accept();
    await lab.settle();
    expect(lab.sent).toHaveLength(2);
    lab.call(0).accept();
    await lab.settle();
    expect(lab.batches[2]).toEqual(["a3"]);
    lab.call(2).accept();
    await lab.settle();
    expect(lab.pending).toBe(0);
  });

  it("writes a newer record instead of one that did not go through, in front of all others", async () => {
    const lab = await AsyncSinkLab.upserting({
      ...small,
      rateLimiting: unlimited,
      maxInFlightRequests: 1,
      retry: { strategy: atOnce },
    });
    lab.write("a1", "b1", "c1", "d1", "b2");
    lab.call(0).retry("a1", "b1");
    await lab.settle();
    expect([lab.batches[1], lab.call(1).attempt]).toEqual([["a1", "b2", "d1"], 2]);
    lab.write("a2");
    lab.call(1).accept();
    lab.flush();
    await lab.settle();
    expect([lab.batches[2], lab.call(2).attempt]).toEqual([["a2"], 1]);
  });

  it("sends deletes and upserts of a batch apart, and waits for both", async () => {
    const lab = await AsyncSinkLab.upserting({});
    const other = await AsyncSinkLab.upserting({
      upsert: lab.send,
      delete: lab.send,
      isDelete: (record) => record.endsWith("-"),
      retry: { strategy: atOnce },
    });
    other.write("a1", "b-", "c1", "d-");
    other.flush();
    expect(lab.batches).toEqual([
      ["a1", "c1"],
      ["b-", "d-"],
    ]);
    lab.call(0).retry("c1");
    await other.settle();
    expect(lab.sent).toHaveLength(2);
    lab.call(1).retry("d-");
    await other.settle();
    expect(lab.batches.slice(2)).toEqual([["c1"], ["d-"]]);
    lab.call(2).reject(new Error("boom"));
    await other.settle();
    expect(lab.sent).toHaveLength(4);
    lab.call(3).accept();
    await other.settle();
    expect(lab.batches.slice(4)).toEqual([["c1"], ["d-"]]);
  });

  it("ends the job when either fails for good, whatever the other says", async () => {
    const lab = await AsyncSinkLab.upserting({
      upsert: () => Promise.reject(new Error("busy")),
      delete: () => Promise.reject(new Error("denied")),
      isDelete: (record) => record.endsWith("-"),
      retry: { isFatal: (error) => (error as Error).message === "denied" },
    });
    lab.write("a1", "b-");
    lab.flush();
    await lab.settle();
    expect(lab.rejected.map(describeError)).toEqual([
      "sink table in subtask 0 of job lab could not send a batch of 2 < denied",
    ]);
  });

  it("does not send a key again before a call that has timed out has ended", async () => {
    const lab = await AsyncSinkLab.upserting({
      ...small,
      rateLimiting: unlimited,
      requestTimeout: 100,
      retry: { strategy: atOnce },
    });
    lab.write("a1", "b1", "c1", "a2");
    await lab.advance(100);
    expect([lab.call(0).signal.aborted, lab.sent.length]).toEqual([true, 1]);
    await lab.advance(50);
    lab.call(0).reject(new Error("aborted"));
    await lab.settle();
    expect(lab.batches[1]).toEqual(["a2", "b1", "c1"]);
  });

  it("believes a call that went through after its timeout", async () => {
    const lab = await AsyncSinkLab.upserting({ ...small, requestTimeout: 100 });
    lab.write("a1", "b1", "c1");
    await lab.advance(150);
    lab.call(0).accept();
    await lab.settle();
    lab.flush();
    expect([lab.pending, lab.sent.length, lab.errors]).toEqual([0, 1, []]);
  });

  it("fails when a call does not end after its signal has aborted", async () => {
    const lab = await AsyncSinkLab.upserting({ ...small, requestTimeout: 100 });
    lab.write("a1", "b1", "c1");
    await lab.advance(199);
    expect(lab.errors).toEqual([]);
    await lab.advance(1);
    expect(lab.errors.map(describeError)).toEqual([
      "sink table in subtask 0 of job lab has a batch of 3 that did not end within 100 ms after its signal had aborted",
    ]);
  });

  it("refuses a key that would never be equal to another", async () => {
    const lab = await AsyncSinkLab.upserting({ keyOf: (() => ({})) as never });
    expect(() => lab.write("a")).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: "ILLEGAL_ARGUMENT" }) }),
    );
  });

  it.each([
    [{ delete: () => {} }, "upsertSink.delete: expected isDelete beside it"],
    [{ isDelete: () => true }, "upsertSink.isDelete: expected delete beside it"],
    [{ keyOf: "id" as never }, "upsertSink.keyOf"],
    [{ send: () => {} }, "upsertSink.send: there is no such option"],
  ])("refuses the options %o", async (options, message) => {
    await expect(AsyncSinkLab.upserting(options as object)).rejects.toThrow(message);
  });
});

type Step =
  | { readonly write: readonly number[] }
  | { readonly advance: number }
  | { readonly answer: number; readonly how: "accept" | "retry" | "reject" | "lost" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ write: fc.array(fc.nat(8), { maxLength: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ advance: fc.integer({ min: 0, max: 300 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      answer: fc.nat(5),
      how: fc.constantFrom("accept", "retry", "reject", "lost"),
    }),
  },
);

/** A table that takes what it is sent when it answers, and checks what it is sent. */
class Table {
  readonly rows = new Map<string, number>();
  readonly #lab: AsyncSinkLab<string>;

  constructor(lab: AsyncSinkLab<string>) {
    this.#lab = lab;
  }

  get open(): readonly Sent<string>[] {
    return this.#lab.sent.filter(({ isOpen }) => isOpen);
  }

  checkLimits(): void {
    const keys = this.open.flatMap(({ batch }) => batch.map((record) => record.slice(0, 1)));
    expect(new Set(keys).size).toBe(keys.length);
    expect(this.open.length).toBeLessThanOrEqual(2);
    for (const { batch } of this.open) {
      expect(batch.length).toBeLessThanOrEqual(4);
      const bytes = batch.reduce((sum, { length }) => sum + length, 0);
      expect(bytes).toBeLessThanOrEqual(9);
    }
    const inFlight = this.open.reduce((sum, { batch }) => sum + batch.length, 0);
    expect(this.#lab.metric("numInFlightRequests")).toBe(this.open.length);
    // Nine keys: what comes back finds the places that it had.
    expect((this.#lab.metric("numBufferedRequests") ?? 0) + inFlight).toBeLessThanOrEqual(5 + 8);
  }

  apply(records: readonly string[]): void {
    for (const record of records) {
      const version = Number(record.slice(1));
      const key = record.slice(0, 1);
      expect(version).toBeGreaterThanOrEqual(this.rows.get(key) ?? 0);
      this.rows.set(key, version);
    }
  }

  answer({ answer, how }: Extract<Step, { how: string }>): void {
    const call = this.open[answer % Math.max(1, this.open.length)];
    if (call === undefined) return;
    const half = call.batch.filter((_, i) => i % 2 === answer % 2);
    if (how === "accept" || how === "lost") this.apply(call.batch);
    if (how === "retry") this.apply(call.batch.filter((record) => !half.includes(record)));
    if (how === "accept") call.accept();
    else if (how === "retry") call.retry(...half);
    else call.reject(new Error(how));
  }
}

describe("whatever the service answers and when", () => {
  it("each key has its last record in the end, none goes back, and no limit is passed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const lab = await AsyncSinkLab.upserting({
          maxBatchSize: 4,
          maxBatchSizeInBytes: 9,
          maxRecordSizeInBytes: 9,
          sizeInBytes: ({ length }) => length,
          maxBufferedRequests: 5,
          maxInFlightRequests: 2,
          maxTimeInBuffer: 100,
          retry: { strategy: { name: "ever", delayOf: (retry) => Math.min(retry * 10, 50) } },
        });
        const table = new Table(lab);
        const last = new Map<string, number>();
        let version = 0;
        for (const one of steps) {
          if ("write" in one) {
            if (lab.pending > 0) continue;
            const records = one.write.map((n) => `${"abcdefghi"[n]}${++version % 100}`);
            if (version > 90) continue;
            for (const record of records) last.set(record.slice(0, 1), Number(record.slice(1)));
            lab.write(...records);
          } else if ("advance" in one) await lab.advance(one.advance);
          else table.answer(one);
          await lab.settle();
          table.checkLimits();
        }
        for (let round = 0; lab.pending > 0 || round === 0; round++) {
          if (round > 200) throw new Error("it does not come to an end");
          if (lab.pending === 0) lab.flush();
          for (const call of table.open) {
            table.apply(call.batch);
            call.accept();
          }
          await lab.advance(60);
          table.checkLimits();
        }
        lab.flush();
        for (let round = 0; lab.pending > 0 && round < 200; round++) {
          for (const call of table.open) {
            table.apply(call.batch);
            call.accept();
          }
          await lab.advance(60);
        }
        expect(lab.errors).toEqual([]);
        expect(table.rows).toEqual(last);
      }),
      { numRuns: 200 },
    );
  });
});
