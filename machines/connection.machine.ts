import { assertEvent, assign, setup } from "xstate";
import { doublingDelay } from "./retry-delay.js";

/** What happens to a connection. */
export type ConnectionEvent =
  | { readonly type: "OpenRequested"; readonly policy: ConnectionPolicy }
  | { readonly type: "ConnectionEstablished" }
  | { readonly type: "ConnectFailed" }
  | { readonly type: "ConnectTimedOut" }
  /** Bytes have passed for the first time since it was established. */
  | { readonly type: "BytesTransferred" }
  /** The peer has closed its side in good order. */
  | { readonly type: "ConnectionEnded" }
  | { readonly type: "ConnectionBroken" }
  | { readonly type: "RetryDelayElapsed" }
  | { readonly type: "CloseRequested" };

/** How a connection is tried again; times in milliseconds. */
export interface ConnectionPolicy {
  /** Retries in a row without a byte between them; -1: no limit. */
  readonly maxRetries: number;
  readonly retryDelay: number;
  readonly maxRetryDelay: number;
  /** True: when the peer ends the connection, and no retry is left, that is no failure. */
  readonly peerMayEnd: boolean;
}

export interface ConnectionContext extends ConnectionPolicy {
  /** Retries since bytes passed last. */
  readonly retries: number;
}

/** Milliseconds before the retry that is counted last: the delay doubles with each one in a row. */
export function retryDelayOf(context: ConnectionContext): number {
  return doublingDelay(context.retries, context.retryDelay, context.maxRetryDelay);
}

const definition = setup({
  types: {
    context: {} as ConnectionContext,
    events: {} as ConnectionEvent,
  },
  actions: {
    keepPolicy: assign(({ event }) => {
      assertEvent(event, "OpenRequested");
      return event.policy;
    }),
    countRetry: assign({ retries: ({ context }) => context.retries + 1 }),
    forgetRetries: assign({ retries: 0 }),
    /** Creates a socket. */
    connect: () => {},
    startConnectTimer: () => {},
    stopConnectTimer: () => {},
    startRetryTimer: () => {},
    stopRetryTimer: () => {},
    /** Forgets the socket and ends it. */
    releaseSocket: () => {},
    reportConnected: () => {},
    /** Tells that what was under way on the connection is torn. */
    reportLost: () => {},
    reportEnded: () => {},
    reportCannotConnect: () => {},
    reportBroken: () => {},
    unexpectedEvent: () => {},
  },
  guards: {
    mayRetry: ({ context: { maxRetries, retries } }) => maxRetries === -1 || retries < maxRetries,
    peerMayEnd: ({ context }) => context.peerMayEnd,
  },
});

const notConnected = [
  { guard: "mayRetry", target: "WaitingToReconnect", actions: "countRetry" },
  { target: "Failed", actions: "reportCannotConnect" },
] as const;
const reconnect = {
  guard: "mayRetry",
  target: "WaitingToReconnect",
  actions: ["countRetry", "reportLost"],
} as const;
const broken = { target: "Failed", actions: "reportBroken" } as const;
const closed = { CloseRequested: "Closed" } as const;

/** One TCP connection that is established again when it breaks (Flink `SocketTextStreamFunction`). */
export const connectionMachine = definition.createMachine({
  id: "connection",
  description: "A TCP connection that is established anew, with growing delays, when it breaks.",
  context: { maxRetries: 0, retryDelay: 0, maxRetryDelay: 0, peerMayEnd: false, retries: 0 },
  initial: "Disconnected",
  on: { "*": { actions: "unexpectedEvent" } },
  states: {
    Disconnected: {
      description: "Nobody has asked for it yet.",
      meta: { flink: "SocketTextStreamFunction.SocketTextStreamFunction" },
      on: { OpenRequested: { target: "Connecting", actions: "keepPolicy" }, ...closed },
    },
    Connecting: {
      description: "A socket tries to reach the peer; a timer limits that.",
      meta: { flink: "SocketTextStreamFunction.run (Socket.connect)" },
      entry: ["startConnectTimer", "connect"],
      exit: "stopConnectTimer",
      on: {
        ConnectionEstablished: "Connected",
        ConnectFailed: notConnected,
        ConnectTimedOut: notConnected,
        ...closed,
      },
    },
    Connected: {
      description: "Bytes pass.",
      meta: { flink: "SocketTextStreamFunction.run (BufferedReader.read)" },
      entry: "reportConnected",
      on: {
        BytesTransferred: { actions: "forgetRetries" },
        ConnectionEnded: [
          reconnect,
          { guard: "peerMayEnd", target: "Ended", actions: "reportEnded" },
          broken,
        ],
        ConnectionBroken: [reconnect, broken],
        ...closed,
      },
    },
    WaitingToReconnect: {
      description: "The connection is lost; the next try waits for its delay.",
      meta: { flink: "SocketTextStreamFunction.run (Thread.sleep)" },
      entry: ["releaseSocket", "startRetryTimer"],
      exit: "stopRetryTimer",
      on: { RetryDelayElapsed: "Connecting", ...closed },
    },
    Ended: {
      description: "The peer has ended the connection, and no retry is left.",
      meta: { flink: "SocketTextStreamFunction.run (break)" },
      entry: "releaseSocket",
      on: closed,
    },
    Failed: {
      description: "The connection cannot be made, or is broken, and no retry is left.",
      meta: { flink: "SocketClientSink.invoke (IOException)" },
      entry: "releaseSocket",
      on: closed,
    },
    Closed: {
      description: "Nothing of it is left.",
      meta: { flink: "SocketTextStreamFunction.cancel" },
      entry: "releaseSocket",
      on: { CloseRequested: {} },
    },
  },
});
