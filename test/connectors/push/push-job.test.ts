import { describe, expect, it } from "vitest";
import {
  collectSink,
  defineJob,
  fixedDelayRestart,
  forEachSink,
  functionSource,
  noWatermarks,
  runDefinition,
  socketSink,
  socketTextSource,
} from "../../../src/index.js";
import { JobHarness } from "../../support/job-harness.js";
import { eventually, LineServer } from "../socket/line-server.js";

const LAST = 20_000;

describe("a job with a push source", () => {
  it("goes on from the position of its last checkpoint when a subtask has failed", async () => {
    const restored: (number | undefined)[] = [];
    const seen: number[][] = [[]];
    const source = functionSource<number, number>({
      bufferSize: 100,
      async run({ collect, restoredPosition }) {
        restored.push(restoredPosition);
        for (let i = restoredPosition ?? 0; i < LAST; i++) await collect(i, { position: i + 1 });
      },
    });
    let failures = 0;
    const job = defineJob("positions", (env) => {
      env.fromSource(source, noWatermarks()).sinkTo(
        forEachSink((record: number) => {
          seen.at(-1)?.push(record);
          if (record === 15_000 && failures++ === 0) {
            seen.push([]);
            throw new Error("the sink is broken");
          }
        }),
      );
    });
    const harness = await JobHarness.start(job, {
      restartStrategy: fixedDelayRestart({ attempts: 3, delay: 5 }),
    });
    await harness.until(() => (seen[0] as number[]).length > 5000);
    await harness.result(harness.handle.checkpoint());
    await harness.finish();
    expect(restored.length).toBe(2);
    const [first, second] = seen as [number[], number[]];
    const from = restored[1] as number;
    expect(from).toBeGreaterThan(5000);
    expect(second).toEqual(Array.from({ length: LAST - from }, (_, i) => from + i));
    expect(first).toEqual(Array.from({ length: 15_001 }, (_, i) => i));
  });

  it("gives its own watermarks to the sink", async () => {
    const watermarks: number[] = [];
    const results = collectSink<number>();
    const source = functionSource<number>({
      async run({ collect, emitWatermark }) {
        for (let i = 0; i < 3000; i++) {
          await collect(i, i);
          if (i % 1000 === 999) emitWatermark(i);
        }
      },
    });
    await JobHarness.run(
      defineJob("watermarks", (env) => {
        env.fromSource(source, noWatermarks()).sinkTo({
          name: "watermarks",
          createWriter: async (context) => {
            const writer = await results.createWriter(context);
            return {
              write: (records, timestamps) => writer.write(records, timestamps),
              writeWatermark: (watermark) => void watermarks.push(watermark),
            };
          },
        });
      }),
    );
    expect(results.records.length).toBe(3000);
    expect(watermarks).toEqual([999, 1999, 2999, Number.POSITIVE_INFINITY]);
  });
});

describe("a job between two sockets", () => {
  it("passes every line on, and skips the bad ones", async () => {
    const [from, to] = [await new LineServer().listen(), await new LineServer().listen()];
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} é`);
    void from.connection(0).then((socket) => {
      socket.write(Buffer.from([0xff, 0x0a]));
      socket.end(`${lines.join("\n")}\n`);
    });
    const job = defineJob("sockets", (env) => {
      env
        .fromSource(socketTextSource({ host: "127.0.0.1", port: from.port }), noWatermarks(), {
          badRecords: "skip",
        })
        .sinkTo(socketSink({ host: "127.0.0.1", port: to.port }));
    });
    await (await runDefinition(job, { parallelism: 2 })).done;
    await to.until(() => to.connections.every((socket) => socket.readableEnded));
    const received = [0, 1].map((i) => to.received(i)).join("");
    expect(received).toBe(`${lines.join("\n")}\n`);
    await from.close();
    await to.close();
  });

  it("ends when it is cancelled while it connects in vain", async () => {
    const gone = await new LineServer().listen();
    await gone.close();
    const target = { host: "127.0.0.1", port: gone.port, maxRetries: -1 };
    const job = defineJob("in vain", (env) => {
      env.fromSource(socketTextSource(target), noWatermarks()).sinkTo(socketSink(target));
    });
    const handle = await runDefinition(job, {});
    await eventually(() => handle.status().state === "RUNNING");
    for (let i = 0; i < 100; i++) await new Promise(setImmediate);
    await handle.cancel();
    expect((await handle.done).state).toBe("CANCELED");
  });
});
