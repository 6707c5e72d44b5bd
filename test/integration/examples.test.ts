import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type JobDefinition, type RunOptions, runDefinition } from "../../src/index.js";

let printed: string[];

beforeEach(() => {
  printed = [];
  const print = (text: unknown): boolean => {
    printed.push(...String(text).split("\n").filter(Boolean));
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(print);
  vi.spyOn(console, "log").mockImplementation(print);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

async function run(job: JobDefinition, options: RunOptions = {}): Promise<readonly string[]> {
  const handle = await runDefinition(job, options);
  await handle.done;
  return printed.splice(0);
}

describe("the word count", () => {
  it("finds the same words with one subtask and with three", async () => {
    const { default: job } = await import("../../docs/examples/02-word-count.js");
    const alone = await run(job);
    expect(alone).toHaveLength(10);
    expect(alone.join()).toContain("checkpoint");
    expect(await run(job, { parallelism: 3 })).toEqual(alone);
  });
});

describe("the word count over a socket", () => {
  it("counts every word that comes before the connection ends", async () => {
    const server = createServer((socket) => socket.end("to be or\nnot to be\n")).listen(
      0,
      "127.0.0.1",
    );
    await once(server, "listening");
    vi.stubEnv("HOST", "127.0.0.1");
    vi.stubEnv("PORT", String((server.address() as AddressInfo).port));
    const { default: job } = await import("../../docs/examples/03-socket-window-word-count.js");
    const counts = new Map<string, number>();
    for (const line of await run(job)) {
      const [word = "", count] = line.split(": ");
      // The words may fall into two windows.
      counts.set(word, (counts.get(word) ?? 0) + Number(count));
    }
    server.close();
    expect(Object.fromEntries(counts)).toEqual({ to: 2, be: 2, or: 1, not: 1 });
  });
});

describe("the week of earthquakes", () => {
  it("puts every quake into its window or counts it as late", async () => {
    vi.stubEnv("LATENESS", "2");
    const { default: job } = await import("../../docs/examples/04-earthquakes.js");
    const lines = await run(job);
    const quakes = lines.map((line) => Number(/(\d+) quakes/.exec(line)?.[1]));
    const late = lines.map((line) => Number(/\((\d+) late/.exec(line)?.[1]));
    expect(lines.length).toBeGreaterThan(20);
    // Each line tells of those that were late until then.
    expect(late).toEqual([...late].sort((a, b) => a - b));
    expect(late.at(-1)).toBeGreaterThan(0);
    const sum = quakes.reduce((a, b) => a + b, 0);
    expect(sum + (late.at(-1) ?? 0)).toBe(1707);
  });
});
