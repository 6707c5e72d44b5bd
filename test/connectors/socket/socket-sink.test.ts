import { afterEach, describe, expect, it } from "vitest";
import type { SinkWriter } from "../../../src/api/sink.js";
import { type SocketSinkOptions, socketSink } from "../../../src/connectors/socket/index.js";
import { VirtualClock } from "../../../src/mailbox/clock.js";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";
import { eventually, LineServer } from "./line-server.js";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(): Promise<LineServer> {
  const one = await new LineServer().listen();
  closing.push(() => one.close());
  return one;
}

class Writing<T> {
  readonly clock = new VirtualClock();
  readonly metrics = new MetricRegistry();
  readonly writer: SinkWriter<T>;

  constructor(port: number, options: Partial<SocketSinkOptions<T>> = {}) {
    this.writer = socketSink<T>({ host: "127.0.0.1", port, ...options }).createWriter({
      jobName: "job",
      indexOfSubtask: 0,
      currentParallelism: 1,
      metricGroup: this.metrics.root(),
      processingTime: {
        now: () => this.clock.now(),
        relativeTime: () => this.clock.relativeTime(),
        registerTimer: (delay, callback) => this.clock.schedule(delay, callback),
        scheduleWithFixedDelay: () => () => {},
      },
      runInLoop: (action) => action(),
    }) as SinkWriter<T>;
    closing.push(() => this.close());
  }

  write(...records: T[]): void | Promise<void> {
    return this.writer.write(
      records,
      records.map(() => 0),
    );
  }

  async flush(): Promise<void> {
    await this.writer.flush?.(false);
  }

  async close(): Promise<void> {
    await this.writer.close?.();
  }

  get waitingBytes(): number {
    return this.metrics.snapshot()["socket.waitingBytes"] ?? Number.NaN;
  }

  /** Lets the delay before the next retry pass. */
  async passDelay(): Promise<number> {
    const left = (): number => (this.clock.nextTimer() ?? Number.NaN) - this.clock.now();
    await eventually(() => this.clock.pendingTimers === 1 && left() !== 10_000);
    const delay = left();
    this.clock.advanceToNextTimer();
    return delay;
  }
}

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe("socketSink", () => {
  it("writes each record as a line, in order, and ends the stream when it is closed", async () => {
    const one = await server();
    const writing = new Writing<unknown>(one.port);
    await writing.write("a", 2, null);
    await writing.write();
    await writing.write("é😀");
    await writing.flush();
    await writing.close();
    await one.until(() => one.connections[0]?.readableEnded === true);
    expect(one.received(0)).toBe("a\n2\nnull\né😀\n");
    expect(writing.clock.pendingTimers).toBe(0);
  });

  it("writes the text or bytes that serialize gives", async () => {
    const one = await server();
    const writing = new Writing<number>(one.port, {
      serialize: (n) => (n % 2 === 0 ? new Uint8Array([48 + n]) : `<${n}>`),
    });
    await writing.write(1, 2, 3, 4, 6);
    await writing.flush();
    await one.until(() => one.received(0) === "<1>2<3>46");
    const wrong = new Writing<number>(one.port, { serialize: () => 7 as never });
    expect(thrownBy(() => wrong.write(1))).toMatchObject({
      code: "SINK_FAILED",
      retry: "never",
      message: expect.stringMatching(
        /127.0.0.1:\d+ has to give a string or a Uint8Array, and gave 7/,
      ),
    });
  });

  it("holds the job back while the receiver does not read, and loses nothing", async () => {
    const one = await server();
    const writing = new Writing<string>(one.port, { serialize: (text) => text });
    const socket = await one.connection(0);
    socket.pause();
    const chunk = "x".repeat(1_000_000);
    let written = 0;
    let held: undefined | Promise<void>;
    const hold = async (): Promise<void> => {
      for (; written < 40; written++) {
        held = writing.write(chunk) ?? undefined;
        let settled = held === undefined;
        void held?.then(() => {
          settled = true;
        });
        for (let i = 0; i < 200 && !settled; i++) await new Promise(setImmediate);
        if (!settled) return;
      }
    };
    await hold();
    expect(written).toBeLessThan(40);
    expect(writing.waitingBytes).toBeLessThanOrEqual(1_064_000);
    let flushed = false;
    const flushing = held
      ?.then(() => writing.flush())
      .then(() => {
        flushed = true;
      });
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(flushed).toBe(false);
    socket.resume();
    await flushing;
    expect(writing.waitingBytes).toBe(0);
    await one.until(() => one.received(0).length === (written + 1) * 1_000_000);
  });

  it("writes the chunk again in full that a broken connection has not taken", async () => {
    const one = await server();
    const writing = new Writing<string>(one.port, { maxRetries: 1, serialize: (text) => text });
    const socket = await one.connection(0);
    await writing.write("first;");
    await writing.flush();
    await one.until(() => one.received(0) === "first;");
    socket.pause();
    const chunks = [..."abcdefghijklmnopqrst"].map((letter) => letter.repeat(1_000_000));
    let last: undefined | Promise<void>;
    const sent: string[] = [];
    for (const chunk of chunks) {
      last = writing.write(chunk) ?? undefined;
      sent.push(chunk[0] as string);
      let settled = last === undefined;
      void last?.then(() => {
        settled = true;
      });
      for (let i = 0; i < 200 && !settled; i++) await new Promise(setImmediate);
      if (!settled) break;
    }
    const open = sent.at(-1) as string;
    expect(sent.length).toBeLessThan(chunks.length);
    socket.resetAndDestroy();
    expect(await writing.passDelay()).toBe(500);
    await last;
    await writing.write("end");
    await writing.flush();
    await one.until(() => one.received(1).endsWith("end"));
    expect(one.received(1)).toBe(`${open.repeat(1_000_000)}end`);
  });

  it("waits for a receiver that is not there yet, with growing delays", async () => {
    const one = await server();
    await one.refuse();
    const writing = new Writing<string>(one.port, { maxRetries: -1, retryDelay: 100 });
    await writing.write("a");
    const flushing = writing.flush();
    expect(await writing.passDelay()).toBe(100);
    expect(await writing.passDelay()).toBe(200);
    await one.listen();
    expect(await writing.passDelay()).toBe(400);
    await flushing;
    await one.until(() => one.received(0) === "a\n");
  });

  it.each(["write", "flush"] as const)(
    "fails the next %s with host and port when nobody listens",
    async (call) => {
      const one = await server();
      await one.refuse();
      const writing = new Writing<string>(one.port);
      await eventually(() => writing.clock.pendingTimers === 0);
      const failed = expect((async () => await writing[call]("a"))()).rejects;
      await failed.toMatchObject({
        code: "CONNECTION_FAILED",
        retry: "backoff",
        message: `cannot connect to 127.0.0.1:${one.port}`,
      });
    },
  );

  it("fails a call that waits, and every later one, when the receiver closes", async () => {
    const one = await server();
    const writing = new Writing<string>(one.port);
    const socket = await one.connection(0);
    await writing.write("a");
    await writing.flush();
    socket.end();
    const expected = {
      code: "CONNECTION_FAILED",
      message: `127.0.0.1:${one.port} has closed the connection`,
    };
    await eventually(() => socket.destroyed);
    await expect(writing.flush()).rejects.toMatchObject(expected);
    expect(() => writing.write("b")).toThrow(expect.objectContaining(expected));
  });

  it("fails a flush that takes longer than flushTimeout", async () => {
    const one = await server();
    const writing = new Writing<string>(one.port, {
      flushTimeout: "5s",
      serialize: (text) => text,
    });
    (await one.connection(0)).pause();
    await eventually(() => writing.clock.pendingTimers === 0);
    void Promise.resolve(writing.write("x".repeat(30_000_000))).catch(() => {});
    const flushing = expect(writing.flush()).rejects.toMatchObject({
      code: "CONNECTION_FAILED",
      message: expect.stringMatching(/has not taken \d+ bytes within 5000 ms/),
    });
    writing.clock.advance(5000);
    await flushing;
    expect(writing.clock.pendingTimers).toBe(0);
  });

  it("closes in every state, with nothing left behind", async () => {
    const one = await server();
    const connecting = new Writing<string>(one.port);
    await connecting.close();
    expect(connecting.clock.pendingTimers).toBe(0);

    const stuck = new Writing<string>(one.port, { serialize: (text) => text });
    const before = one.connections.length;
    const socket = await one.connection(before);
    socket.pause();
    void stuck.write("x".repeat(30_000_000));
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    await stuck.close();
    socket.resume();
    await one.until(() => socket.destroyed);

    await one.refuse();
    const waiting = new Writing<string>(one.port, { maxRetries: -1 });
    await eventually(() => waiting.clock.nextTimer() === 500);
    await waiting.close();
    expect(waiting.clock.pendingTimers).toBe(0);
  });

  it("refuses wrong options", () => {
    expect(() => socketSink({ host: "h", port: 1, serialize: 1 as never })).toThrow(/serialize/);
    expect(() => socketSink({ host: "h", port: 70_000 })).toThrow(/port/);
    expect(() => socketSink({ host: "h", port: 1, retryDelay: 5, maxRetryDelay: 1 })).toThrow(
      /maxRetryDelay/,
    );
  });
});
