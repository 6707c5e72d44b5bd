import diagnostics from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { VirtualClock } from "../../src/mailbox/clock.js";
import { MetricRegistry } from "../../src/metrics/metric-registry.js";
import { Connection } from "../../src/net/connection.js";
import { eventually, LineServer } from "../connectors/socket/line-server.js";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The sockets that this process connects from now on, as Node tells them. */
function clientSockets(): readonly Socket[] {
  const sockets: Socket[] = [];
  const note = (message: unknown): void => {
    sockets.push((message as { readonly socket: Socket }).socket);
  };
  diagnostics.subscribe("net.client.socket", note);
  onTestFinished(() => void diagnostics.unsubscribe("net.client.socket", note));
  return sockets;
}

/** A connection to a real server, and everything that it tells. */
class Connecting {
  readonly clock = new VirtualClock();
  readonly metrics = new MetricRegistry();
  readonly heard: string[] = [];
  readonly connection: Connection;

  constructor({ port }: LineServer, maxRetries: number) {
    this.connection = new Connection(
      {
        id: "connection",
        host: "127.0.0.1",
        port,
        connectTimeout: 10_000,
        maxRetries,
        retryDelay: 500,
        maxRetryDelay: 500,
        peerMayEnd: true,
        processingTime: {
          now: () => this.clock.now(),
          relativeTime: () => this.clock.relativeTime(),
          registerTimer: (delay, callback) => this.clock.schedule(delay, callback),
          scheduleWithFixedDelay: () => () => {},
        },
        metricGroup: this.metrics.root(),
      },
      {
        connected: () => void this.heard.push("connected"),
        received: (bytes) => void this.heard.push(bytes.toString()),
        lost: () => void this.heard.push("lost"),
        ended: () => void this.heard.push("ended"),
        failed: ({ message, cause }) =>
          void this.heard.push(`${message}: ${(cause as Error | undefined)?.message}`),
      },
    );
    closing.push(() => this.connection.close());
    this.connection.open();
  }

  async passDelay(): Promise<void> {
    await eventually(() => this.clock.nextTimer() === this.clock.now() + 500);
    this.clock.advanceToNextTimer();
  }
}

/** A connection whose first socket was lost and replaced by a second one. */
async function replaced() {
  const server = await new LineServer().listen();
  closing.push(() => server.close());
  const sockets = clientSockets();
  const connecting = new Connecting(server, 1);
  (await server.connection(0)).destroy();
  await connecting.passDelay();
  const peer = await server.connection(1);
  await eventually(() => connecting.heard.length === 3);
  const [stale] = sockets as [Socket];
  expect(sockets).toHaveLength(2);
  return { server, connecting, stale, peer };
}

const LATE: [string, (stale: Socket) => void][] = [
  ["an error", (stale) => stale.emit("error", new Error("late"))],
  ["its close", (stale) => stale.emit("close", true)],
  ["its end", (stale) => stale.emit("end")],
  ["bytes", (stale) => stale.emit("data", Buffer.from("late"))],
  ["its connect", (stale) => stale.emit("connect")],
];

describe("a connection that was made anew", () => {
  it.each(LATE)("goes on when %s of the socket before comes late", async (_, happen) => {
    const { connecting, stale, peer } = await replaced();
    happen(stale);
    peer.write("a");
    await eventually(() => connecting.heard.length > 3);
    expect(connecting.heard).toEqual(["connected", "lost", "connected", "a"]);
    expect(connecting.metrics.snapshot()).toMatchObject({ connects: 2, connectionsLost: 1 });
    expect(connecting.metrics.snapshot().unexpectedConnectionEvents ?? 0).toBe(0);
    expect(connecting.clock.pendingTimers).toBe(0);
  });

  it.each(LATE)("waits for its delay as before when %s comes meanwhile", async (_, happen) => {
    const server = await new LineServer().listen();
    closing.push(() => server.close());
    const sockets = clientSockets();
    const connecting = new Connecting(server, 1);
    (await server.connection(0)).destroy();
    await eventually(() => connecting.heard.includes("lost"));
    happen(sockets[0] as Socket);
    expect(connecting.heard).toEqual(["connected", "lost"]);
    expect(connecting.metrics.snapshot().unexpectedConnectionEvents ?? 0).toBe(0);
    await connecting.passDelay();
    (await server.connection(1)).write("a");
    await eventually(() => connecting.heard.length > 3);
    expect(connecting.heard).toEqual(["connected", "lost", "connected", "a"]);
  });

  it("does not take the late error of the socket before for the reason of its failure", async () => {
    const { connecting, stale, peer } = await replaced();
    stale.emit("error", new Error("late"));
    peer.resetAndDestroy();
    await eventually(() => connecting.heard.length > 3);
    expect(connecting.heard[3]).toMatch(/broke: .*ECONNRESET/);
  });

  it("hears nothing after it was closed, and an error does not end the process", async () => {
    const { connecting, stale } = await replaced();
    await connecting.connection.close();
    for (const [, happen] of LATE) happen(stale);
    expect(connecting.heard).toEqual(["connected", "lost", "connected"]);
    expect(connecting.metrics.snapshot().unexpectedConnectionEvents ?? 0).toBe(0);
  });
});
