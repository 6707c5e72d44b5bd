import diagnostics from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { type ConnectionEvent, connectionMachine } from "../../../../machines/index.js";
import { MetricRegistry } from "../../../../src/metrics/index.js";
import { Connection } from "../../../../src/net/connection.js";
import { HandTimers } from "./hand-timers.js";
import { lifecycleOf, wordsOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";

const POLICY = { maxRetries: 1, retryDelay: 10, maxRetryDelay: 10 };
const WORDS = {
  connect: "connect",
  reportConnected: "connected",
  reportLost: "lost",
  reportEnded: "ended",
  reportCannotConnect: "failed",
  reportBroken: "failed",
  unexpectedEvent: "unexpected",
};

/**
 * A real socket that reaches for no network: its events come by hand. A kernel would answer when it
 * likes, and each state has to last until the test goes on; test/net has peers and a real network.
 */
class ConnectionSystem {
  readonly #probe = new MachineProbe();
  readonly #timers = new HandTimers();
  readonly #metrics = new MetricRegistry();
  readonly #options: { peerMayEnd: boolean };
  readonly #connection: Connection;
  #unexpected = 0;
  #seen: string[] = [];
  #socket: Socket | undefined;

  constructor() {
    const note = (word: string) => () => void this.#seen.push(word);
    const options = {
      id: "connection",
      host: "127.0.0.1",
      port: 1,
      connectTimeout: 10,
      ...POLICY,
      peerMayEnd: false,
      processingTime: this.#timers,
      metricGroup: this.#metrics.root(),
      inspect: this.#probe.inspect,
    };
    this.#options = options;
    this.#connection = new Connection(options, {
      connected: note("connected"),
      lost: note("lost"),
      ended: note("ended"),
      failed: note("failed"),
    });
  }

  send(event: ConnectionEvent): void {
    if (event.type === "OpenRequested") this.#options.peerMayEnd = event.policy.peerMayEnd;
    diagnostics.subscribe("net.client.socket", this.#created);
    try {
      if (!this.#bringAbout(event)) this.#probe.inject(event);
      const unexpected = this.#metrics.snapshot().unexpectedConnectionEvents ?? 0;
      for (; this.#unexpected < unexpected; this.#unexpected++) this.#seen.push("unexpected");
    } finally {
      diagnostics.unsubscribe("net.client.socket", this.#created);
    }
  }

  state() {
    const { state, context } = this.#probe;
    const seen = this.#seen;
    this.#seen = [];
    const hasSocket = this.#socket !== undefined;
    return { state, retries: context.retries, seen, timers: this.#timers.running, hasSocket };
  }

  dispose(): void {
    this.#socket?.destroy();
  }

  readonly #created = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    socket.connect = () => socket;
    const destroy = socket.destroy.bind(socket);
    socket.destroy = (error) => {
      this.#socket = undefined;
      return destroy(error);
    };
    this.#seen.push("connect");
    this.#socket = socket;
  };

  /** False: nothing outside the class can bring it about in this state. */
  #bringAbout({ type }: ConnectionEvent): boolean {
    const { state } = this.#probe;
    switch (type) {
      case "OpenRequested":
        this.#connection.open();
        return true;
      case "CloseRequested":
        void this.#connection.close();
        return true;
      case "ConnectionEstablished":
        return state === "Connecting" && this.#socket?.emit("connect") === true;
      case "BytesTransferred":
        return state === "Connected" && this.#socket?.emit("data", Buffer.from("x")) === true;
      case "ConnectionEnded":
        return state === "Connected" && this.#socket?.emit("end") === true;
      case "ConnectFailed":
        return state === "Connecting" && this.#socket?.emit("error", new Error("refused")) === true;
      case "ConnectionBroken":
        return state === "Connected" && this.#socket?.emit("close") === true;
      case "ConnectTimedOut":
        return state === "Connecting" && this.#timers.fire();
      case "RetryDelayElapsed":
        return state === "WaitingToReconnect" && this.#timers.fire();
    }
  }
}

const policy = (peerMayEnd: boolean) => ({ ...POLICY, peerMayEnd });

export const connection = lifecycleOf(
  connectionMachine,
  { create: () => new ConnectionSystem() },
  {
    events: [
      { type: "OpenRequested", policy: policy(true) },
      { type: "OpenRequested", policy: policy(false) },
      { type: "ConnectionEstablished" },
      { type: "ConnectFailed" },
      { type: "ConnectTimedOut" },
      { type: "BytesTransferred" },
      { type: "ConnectionEnded" },
      { type: "ConnectionBroken" },
      { type: "RetryDelayElapsed" },
      { type: "CloseRequested" },
    ],
    expected: ({ state, context, effects }) => ({
      state,
      retries: context.retries,
      seen: wordsOf(effects, WORDS),
      timers: state === "Connecting" || state === "WaitingToReconnect" ? 1 : 0,
      hasSocket: state === "Connecting" || state === "Connected",
    }),
    // Every call returns when all is done: what varies is their order.
    interleavings: {},
  },
);
