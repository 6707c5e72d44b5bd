import type { Socket } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import {
  type SocketTextSourceOptions,
  socketTextSource,
} from "../../../src/connectors/socket/index.js";
import type { VirtualClock } from "../../../src/mailbox/clock.js";
import { SourceRun } from "../source-run.js";
import { eventually, LineServer } from "./line-server.js";

type Run = ReturnType<typeof started>;

const CONNECT_TIMEOUT = 10_000;

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).reverse()) await one.close();
});

async function server(): Promise<LineServer> {
  const one = await new LineServer().listen();
  closing.push(one);
  return one;
}

function started(
  { port }: { readonly port: number },
  options: Partial<SocketTextSourceOptions> = {},
  more: ConstructorParameters<typeof SourceRun>[1] = {},
) {
  const run = new SourceRun(socketTextSource({ host: "127.0.0.1", port, ...options }), more);
  closing.push(run);
  run.start();
  // Hands the split over, so that the reader connects.
  run.checkpoint();
  return run;
}

const clockOf = (run: Run) => run.subtasks[0]?.harness.clock as VirtualClock;
const metric = (run: Run, name: string): number | undefined =>
  run.subtasks[0]?.harness.metrics.snapshot()[`socket.${name}`];

/** Lets the delay before the next retry pass, once the connection waits for it. */
async function passDelay(run: Run): Promise<number> {
  const clock = clockOf(run);
  const left = (): number => (clock.nextTimer() ?? Number.NaN) - clock.now();
  await eventually(() => clock.pendingTimers === 1 && left() !== CONNECT_TIMEOUT);
  const delay = left();
  clock.advanceToNextTimer();
  return delay;
}

describe("socketTextSource", () => {
  it("gives the lines of the connection and ends with it; the rest is the last line", async () => {
    const one = await server();
    const run = started(one);
    const socket = await one.connection(0);
    socket.end("a\nbé\r\n\nrest");
    expect(await run.take()).toEqual(["a", "bé", "", "rest"]);
    expect(run.source.boundedness).toBe("CONTINUOUS_UNBOUNDED");
  });

  it("gives the same lines however the server cuts its bytes", async () => {
    const one = await server();
    let connections = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom("a", "é", "😀", " "), maxLength: 8 })),
        fc.array(fc.nat(), { maxLength: 6 }),
        async (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
          const run = started(one);
          const socket = await one.connection(connections++);
          let from = 0;
          for (const at of cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b)) {
            await new Promise((resolve) => socket.write(bytes.subarray(from, at), resolve));
            from = at;
          }
          socket.end(bytes.subarray(from));
          expect(await run.take()).toEqual(lines);
          await run.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is read by one of several subtasks, and the others end", async () => {
    const one = await server();
    const run = started(one, {}, { parallelism: 3 });
    (await one.connection(0)).end("a\nb\n");
    expect(await run.take()).toEqual(["a", "b"]);
    expect(one.connections.length).toBe(1);
    expect([...run.enumeratorRun.noMoreSplits].sort()).toEqual([0, 1, 2]);
  });

  it("connects anew after its delay, and reports the torn line instead of glueing it", async () => {
    const one = await server();
    const run = started(one, { maxRetries: 3, retryDelay: "2s" });
    const first = run.take(2);
    (await one.connection(0)).end("a\nb\nhal");
    expect(await first).toEqual(["a", "b"]);
    const second = run.take(1);
    expect(await passDelay(run)).toBe(2000);
    (await one.connection(1)).write("f\nc\n");
    expect(await second).toEqual(["f"]);
    expect(await run.take(1)).toEqual(["c"]);
    expect(run.badRecords).toMatchObject([{ position: 2, rawLength: 3 }]);
    const [torn] = run.badRecords;
    expect(Buffer.from(torn?.raw ?? []).toString()).toBe("hal");
    expect(String(torn?.error)).toContain("within the line");
    expect(metric(run, "connects")).toBe(2);
    expect(metric(run, "connectionsLost")).toBe(1);
  });

  it("connects anew when the connection is reset", async () => {
    const one = await server();
    const run = started(one, { maxRetries: 1 });
    const socket = await one.connection(0);
    socket.write("a\n");
    expect(await run.take(1)).toEqual(["a"]);
    socket.resetAndDestroy();
    const next = run.take(1);
    await passDelay(run);
    (await one.connection(1)).write("b\n");
    expect(await next).toEqual(["b"]);
  });

  it("doubles the delay with each try in a row, up to its limit, and begins anew after data", async () => {
    const one = await server();
    const run = started(one, { maxRetries: -1, retryDelay: 100, maxRetryDelay: 350 });
    const taking = run.take(1);
    for (const [i, delay] of [100, 200, 350, 350].entries()) {
      (await one.connection(i)).destroy();
      expect(await passDelay(run)).toBe(delay);
    }
    const socket = await one.connection(4);
    socket.write("a\n");
    expect(await taking).toEqual(["a"]);
    socket.destroy();
    const next = run.take(1);
    expect(await passDelay(run)).toBe(100);
    (await one.connection(5)).write("b\n");
    expect(await next).toEqual(["b"]);
  });

  it("tries again while nobody listens, and fails with host and port when no retry is left", async () => {
    const one = await server();
    await one.refuse();
    const run = started(one, { maxRetries: 2, retryDelay: 10 });
    const failed = expect(run.take()).rejects.toMatchObject({
      code: "FETCHER_FAILED",
      retry: "backoff",
      hint: expect.stringContaining("maxRetries"),
      cause: {
        cause: {
          code: "CONNECTION_FAILED",
          domain: "external",
          retry: "backoff",
          message: `cannot connect to 127.0.0.1:${one.port} in 3 tries`,
          cause: { message: expect.stringContaining("ECONNREFUSED") },
        },
      },
    });
    expect(await passDelay(run)).toBe(10);
    expect(await passDelay(run)).toBe(20);
    await failed;
  });

  it("fails at once without retries, when nobody listens or the connection is reset", async () => {
    const one = await server();
    const run = started(one);
    const socket = await one.connection(0);
    socket.write("a\nhal");
    expect(await run.take(1)).toEqual(["a"]);
    const failed = expect(run.take()).rejects.toMatchObject({
      cause: {
        cause: {
          code: "CONNECTION_FAILED",
          message: `the connection to 127.0.0.1:${one.port} broke`,
        },
      },
    });
    socket.resetAndDestroy();
    await failed;
    expect(run.badRecords).toEqual([]);
    await one.refuse();
    await expect(started(one).take()).rejects.toMatchObject({
      cause: { cause: { code: "CONNECTION_FAILED" } },
    });
  });

  it("ends, as without retries, when the last retry has ended in good order", async () => {
    const one = await server();
    const run = started(one, { maxRetries: 1 });
    const all = run.take();
    (await one.connection(0)).end("a\n");
    await passDelay(run);
    (await one.connection(1)).end();
    expect(await all).toEqual(["a"]);
  });

  it("gives up a try that gets no answer in time", async () => {
    const one = await server();
    const run = started(one, { connectTimeout: 70, maxRetries: 0 });
    const clock = clockOf(run);
    const schedule = clock.schedule.bind(clock);
    clock.schedule = (delay, callback) => {
      const cancel = schedule(delay, callback);
      // Before the socket has a turn to connect.
      if (delay === 70) queueMicrotask(() => clock.advance(delay));
      return cancel;
    };
    await expect(run.take()).rejects.toMatchObject({
      cause: { cause: { cause: { message: "no answer within 70 ms" } } },
    });
    expect(clockOf(run).pendingTimers).toBe(0);
  });

  it("reports bad lines with their place, and reads on", async () => {
    const one = await server();
    const run = started(one, { maxLineLength: 20 });
    (await one.connection(0)).end(
      Buffer.concat([
        Buffer.from("ok\n"),
        Buffer.from([0xff, 0xfe, 10]),
        Buffer.from(`${"x".repeat(50)}\n`),
        Buffer.from("ok\n"),
      ]),
    );
    expect(await run.take()).toEqual(["ok", "ok"]);
    expect(run.badRecords).toMatchObject([
      { splitId: `127.0.0.1:${one.port}`, position: 1, rawLength: 2 },
      { position: 2, rawLength: 50, error: { code: "BAD_RECORD" } },
    ]);
  });

  it("survives any bytes: they come to an end, and nothing is thrown", async () => {
    const one = await server();
    let connections = 0;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        const run = started(one, { maxLineLength: 50 });
        (await one.connection(connections++)).end(bytes);
        const lines = await run.take();
        const parts = Buffer.from(bytes).toString("latin1").split("\n");
        if (parts.at(-1) === "") parts.pop();
        expect(lines.length + run.badRecords.length).toBe(parts.length);
        await run.close();
      }),
      { numRuns: 40 },
    );
  });

  it("lets the server wait while the job does not read, and then gives every line", async () => {
    const one = await server();
    const run = started(one);
    const socket = await one.connection(0);
    socket.write("first\n");
    expect(await run.take(1)).toEqual(["first"]);
    const line = `${"x".repeat(99)}\n`;
    const chunk = line.repeat(10_000);
    for (let i = 0; i < 40; i++) socket.write(chunk);
    socket.end();
    // Quiet: nothing goes on any more, and yet most of it is still with the server.
    let written = -1;
    for (let quiet = 0; quiet < 200; quiet++) {
      await new Promise(setImmediate);
      if (socket.bytesWritten - socket.writableLength !== written) quiet = 0;
      written = socket.bytesWritten - socket.writableLength;
    }
    expect(socket.writableLength).toBeGreaterThan(10e6);
    expect(metric(run, "waitingBytes")).toBeLessThanOrEqual((256 + 64) * 1024);
    expect((await run.take()).length).toBe(400_000);
    expect(metric(run, "waitingBytes")).toBe(0);
  });

  it("gives nothing while its split is paused, and everything after", async () => {
    const one = await server();
    const run = started(one);
    const socket = await one.connection(0);
    socket.write("a\n");
    expect(await run.take(1)).toEqual(["a"]);
    const splitId = `127.0.0.1:${one.port}`;
    run.subtasks[0]?.reader.pauseOrResumeSplits?.([splitId], []);
    let taken: string[] | undefined;
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    const taking = run.take(2).then((lines) => {
      taken = lines;
    });
    await new Promise((resolve) => socket.write("b\nc\n", resolve));
    await eventually(() => (metric(run, "waitingBytes") ?? 0) === 4);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(taken).toBeUndefined();
    run.subtasks[0]?.reader.pauseOrResumeSplits?.([], [splitId]);
    await taking;
    expect(taken).toEqual(["b", "c"]);
  });

  it("connects anew after a restore, and counts on", async () => {
    const one = await server();
    const run = started(one);
    (await one.connection(0)).write("a\nb\nc\n");
    expect(await run.take(2)).toEqual(["a", "b"]);
    const restore = run.checkpoint();
    await run.close();
    const second = started(one, {}, { restore });
    (await one.connection(1)).end(Buffer.from([0xff, 10, 100, 10]));
    expect(await second.take()).toEqual(["d"]);
    expect(second.badRecords).toMatchObject([{ position: 2 }]);
  });

  it("closes in every state, with nothing left behind", async () => {
    const one = await server();
    const connecting = started(one);
    await eventually(() => clockOf(connecting).pendingTimers === 1);
    await connecting.close();
    expect(clockOf(connecting).pendingTimers).toBe(0);

    const connected = started(one);
    await eventually(() => metric(connected, "connects") === 1);
    const socket = one.connections.at(-1) as Socket;
    await connected.close();
    await one.until(() => socket.destroyed);
    expect(clockOf(connected).pendingTimers).toBe(0);

    await one.refuse();
    const waiting = started(one, { maxRetries: -1 });
    await eventually(() => clockOf(waiting).nextTimer() === 500);
    await waiting.close();
    expect(clockOf(waiting).pendingTimers).toBe(0);
  });

  it.each<[string, object, RegExp]>([
    ["no host", { port: 1 }, /host/],
    ["port 0", { host: "h", port: 0 }, /port.*1 to 65535/],
    ["an empty delimiter", { host: "h", port: 1, delimiter: "" }, /delimiter/],
    ["half a character as delimiter", { host: "h", port: 1, delimiter: "\ud83d" }, /delimiter/],
    ["-2 retries", { host: "h", port: 1, maxRetries: -2 }, /maxRetries/],
    ["a delay that shrinks", { host: "h", port: 1, retryDelay: "1min" }, /maxRetryDelay/],
    ["a line length of 0", { host: "h", port: 1, maxLineLength: 0 }, /maxLineLength/],
    ["a misspelt option", { host: "h", port: 1, retries: 1 }, /misspelt/],
  ])("refuses %s", (_, options, message) => {
    expect(() => socketTextSource(options as never)).toThrow(message);
  });
});
