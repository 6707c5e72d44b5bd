import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { SinkWriter, SinkWriterContext } from "../../src/api/sink.js";
import { MetricRegistry } from "../../src/metrics/metric-registry.js";
import {
  collectSink,
  discardSink,
  forEachSink,
  printSink,
  printToErrorSink,
} from "../../src/sink/index.js";
import { OperatorTestClock } from "../conformance/fixtures/operator-clock.js";

function contextOf(indexOfSubtask = 0, currentParallelism = 1): SinkWriterContext {
  const metricGroup = new MetricRegistry().root();
  const processingTime = new OperatorTestClock();
  return {
    jobName: "flights",
    indexOfSubtask,
    currentParallelism,
    metricGroup,
    processingTime,
    runInLoop: (action) => action(),
  };
}

const NO_TIME = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
const write = <T>(writer: SinkWriter<T>, ...records: T[]) => writer.write(records, NO_TIME);

/** A writer that was made synchronously, as all of these are. */
function writerOf<T>(
  sink: { createWriter(context: SinkWriterContext): unknown },
  context = contextOf(),
) {
  return sink.createWriter(context) as SinkWriter<T>;
}

/** A stream whose writes are over only when the test says so. */
class HeldStream extends Writable {
  readonly chunks: string[] = [];
  #done: ((error?: Error) => void) | undefined;

  constructor() {
    super({ highWaterMark: 4 });
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.chunks.push(chunk.toString());
    this.#done = done;
  }

  release(error?: Error): void {
    this.#done?.(error);
  }
}

async function isOver(promise: void | Promise<void>): Promise<boolean> {
  let over = false;
  void Promise.resolve(promise).then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  await new Promise(setImmediate);
  return over;
}

describe("printSink", () => {
  it("prints a line a record: strings as they are, others on one line", () => {
    const stream = new PassThrough();
    const writer = writerOf<unknown>(printSink({ stream }));
    write<unknown>(writer, "a b", { b: [1, 2n], c: new Date(0) }, null);
    expect(stream.read().toString()).toBe(
      "a b\n{ b: [ 1, 2n ], c: 1970-01-01T00:00:00.000Z }\nnull\n",
    );
  });

  it("puts prefix and subtask in front, as Flink does", () => {
    const printed = (prefix: string | undefined, parallelism: number): string => {
      const stream = new PassThrough();
      const options = { stream, ...(prefix === undefined ? {} : { prefix }) };
      write(writerOf<string>(printSink(options), contextOf(2, parallelism)), "x");
      return stream.read().toString();
    };
    expect(printed(undefined, 1)).toBe("x\n");
    expect(printed(undefined, 4)).toBe("3> x\n");
    expect(printed("late", 1)).toBe("late> x\n");
    expect(printed("late", 4)).toBe("late:3> x\n");
  });

  it("prints what format makes of record and timestamp", () => {
    const stream = new PassThrough();
    const sink = printToErrorSink<number>({ stream, format: (n, time) => `${n}@${time}` });
    void writerOf<number>(sink).write([1, 2], [10, 20]);
    expect(stream.read().toString()).toBe("1@10\n2@20\n");
  });

  it("waits while the stream is full, and flushes until the stream has everything", async () => {
    const stream = new HeldStream();
    const writer = writerOf<string>(printSink({ stream }));
    const written = write(writer, "0123456789");
    expect(await isOver(written)).toBe(false);
    const flushed = writer.flush?.(false);
    expect(await isOver(flushed)).toBe(false);
    stream.release();
    expect(await isOver(written)).toBe(true);
    stream.release();
    expect(await isOver(flushed)).toBe(true);
  });

  it("fails with the error of the stream, while it waits and later, and in every subtask", async () => {
    const stream = new HeldStream();
    const sink = printSink<string>({ stream });
    const first = writerOf<string>(sink);
    const second = writerOf<string>(sink, contextOf(1, 2));
    const written = write(first, "0123456789") as Promise<void>;
    stream.release(new Error("EPIPE"));
    const failed = { code: "SINK_FAILED", cause: { message: "EPIPE" } };
    await expect(written).rejects.toMatchObject(failed);
    await expect((async () => write(second, "x"))()).rejects.toMatchObject({
      ...failed,
      message: expect.stringContaining("subtask 1"),
    });
    const late = writerOf<string>(sink);
    await expect((async () => write(late, "x"))()).rejects.toMatchObject({ code: "SINK_FAILED" });
  });

  it("adds two listeners to a stream, however many subtasks print", () => {
    const stream = new PassThrough();
    const before = stream.listenerCount("error") + stream.listenerCount("close");
    const sink = printSink<string>({ stream });
    for (let i = 0; i < 50; i++) writerOf<string>(sink, contextOf(i, 50));
    expect(stream.listenerCount("error") + stream.listenerCount("close") - before).toBe(2);
  });

  it("fails with what format throws", () => {
    const sink = printSink<number>({
      stream: new PassThrough(),
      format: () => {
        throw new Error("cannot show it");
      },
    });
    expect(() => write(writerOf<number>(sink), 1)).toThrow(
      expect.objectContaining({ code: "SINK_FAILED", cause: new Error("cannot show it") }),
    );
  });

  it("refuses options that it cannot take, by name", () => {
    expect(() => printSink({ stream: {} as never })).toThrow(
      /printSink\.stream: .*writable stream/,
    );
    expect(() => printToErrorSink({ format: "json" as never })).toThrow(/printToErrorSink\.format/);
    expect(() => printSink({ prefx: "a" } as never)).toThrow(/printSink\.prefx.*misspelt/);
  });
});

describe("collectSink", () => {
  it("keeps the records of all subtasks in one array", () => {
    const sink = collectSink<number>();
    write(writerOf<number>(sink), 1, 2);
    write(writerOf<number>(sink, contextOf(1, 2)), 3);
    expect(sink.records).toEqual([1, 2, 3]);
  });

  it("fails instead of keeping more than its limit", () => {
    const sink = collectSink<number>({ limit: 2 });
    expect(() => write(writerOf<number>(sink), 1, 2, 3)).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED", hint: expect.stringContaining("limit") }),
    );
    expect(sink.records).toEqual([1, 2]);
    expect(() => collectSink({ limit: 0 })).toThrow(/collectSink\.limit/);
  });
});

describe("forEachSink", () => {
  it("calls the function for each record, in order, at once when it is synchronous", () => {
    const calls: [number, number][] = [];
    const writer = writerOf<number>(forEachSink<number>((n, time) => void calls.push([n, time])));
    expect(writer.write([1, 2], [10, 20])).toBeUndefined();
    expect(calls).toEqual([
      [1, 10],
      [2, 20],
    ]);
  });

  it.each([1, 2, 3])(
    "has %d calls under way at a time and ends with the last",
    async (concurrency) => {
      const under: (() => void)[] = [];
      let started = 0;
      const sink = forEachSink<number>(
        () => {
          started++;
          return new Promise((resolve) => under.push(resolve));
        },
        { concurrency },
      );
      const written = write(writerOf<number>(sink), 1, 2, 3);
      for (let done = 0; done < 3; done++) {
        expect(await isOver(written)).toBe(false);
        expect(started).toBe(Math.min(3, done + concurrency));
        under[done]?.();
      }
      expect(await isOver(written)).toBe(true);
    },
  );

  it("starts no call after one has failed, waits for those under way, and says the subtask", async () => {
    const seen: number[] = [];
    let finishFirst = (): void => {};
    const sink = forEachSink<number>(
      (n) => {
        seen.push(n);
        if (n === 2) return Promise.reject(new Error("database away"));
        return new Promise((resolve) => {
          finishFirst = resolve;
        });
      },
      { concurrency: 2 },
    );
    const written = write(writerOf<number>(sink, contextOf(4, 5)), 1, 2, 3) as Promise<void>;
    const failed = expect(written).rejects.toMatchObject({
      code: "SINK_FAILED",
      message: expect.stringContaining("subtask 4"),
      cause: { message: "database away" },
    });
    expect(await isOver(written)).toBe(false);
    finishFirst();
    await failed;
    expect(seen).toEqual([1, 2]);
  });

  it("fails with what a synchronous function throws", () => {
    const sink = forEachSink<number>(() => {
      throw new Error("no");
    });
    expect(() => write(writerOf<number>(sink), 1)).toThrow(
      expect.objectContaining({ code: "SINK_FAILED", domain: "user" }),
    );
  });

  it("refuses what is no function, and options that it cannot take", () => {
    expect(() => forEachSink(1 as never)).toThrow(/forEachSink\.fn: expected a function, got 1/);
    expect(() => forEachSink(() => {}, { concurrency: 0 })).toThrow(/forEachSink\.concurrency/);
  });
});

describe("discardSink", () => {
  it("takes everything and keeps nothing", () => {
    expect(write(writerOf<number>(discardSink()), 1, 2, 3)).toBeUndefined();
  });
});
