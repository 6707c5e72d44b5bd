import { connect, type Socket } from "node:net";
import { connectionMachine, retryDelayOf } from "../../machines/connection.machine.js";
import type { MetricGroup } from "../api/metrics.js";
import type { HeadwaterError } from "../errors/index.js";
import {
  type InspectionObserver,
  type MachineActions,
  MachineHost,
} from "../mailbox/machine-host.js";
import type { Cancel, ProcessingTimeService } from "../mailbox/ports.js";
import { addressOf, brokenConnection, cannotConnect } from "./connection-errors.js";

/** Where a connection goes, and how often it is tried; times in milliseconds. */
export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  readonly connectTimeout: number;
  /** Retries in a row without a byte between them; -1: no limit. */
  readonly maxRetries: number;
  /** Before the first retry; it doubles with each one in a row, up to `maxRetryDelay`. */
  readonly retryDelay: number;
  readonly maxRetryDelay: number;
}

/** What a connection is made of. */
export interface ConnectionOptions extends ConnectionTarget {
  /** For the inspector. */
  readonly id: string;
  /** True: when the peer ends the connection, and no retry is left, that is no failure. */
  readonly peerMayEnd: boolean;
  readonly processingTime: ProcessingTimeService;
  /** Gets `connects`, `connectionsLost` and `unexpectedConnectionEvents`. */
  readonly metricGroup: MetricGroup;
  readonly inspect?: InspectionObserver | undefined;
}

/** Hears what happens to a connection; called from Node's event loop. None may throw. */
export interface ConnectionListener {
  /** The bytes belong to the listener. */
  received?(bytes: Buffer): void;
  connected?(): void;
  /** What was under way is torn; another connection will be tried. */
  lost?(): void;
  /** The peer has ended it, and no retry is left. */
  ended?(): void;
  /** CONNECTION_FAILED: no retry is left. */
  failed?(error: HeadwaterError): void;
}

/**
 * A TCP connection that is established anew, with growing delays, when it breaks.
 *
 * Owns: the socket, its timers and the machine that says what state they are in. Called by: a split
 * reader or a sink writer; the socket's own events and timers come from Node's event loop.
 * Invariants: one socket at a time; events of a socket that was released change nothing; after
 * `close` nothing of it keeps the process alive.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #machine: MachineHost<typeof connectionMachine>;
  #socket: Socket | undefined;
  #isPaused = false;
  #endsInOrder = false;
  /** What went wrong last. */
  #error: unknown;
  #cancelConnectTimer: Cancel | undefined;
  #cancelRetryTimer: Cancel | undefined;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.#listener = listener;
    this.#machine = new MachineHost(connectionMachine, {
      actions: this.#actions(),
      id: options.id,
      inspect: options.inspect,
    });
  }

  /** Starts to connect; what becomes of it comes to the listener. */
  open(): void {
    const { maxRetries, retryDelay, maxRetryDelay, peerMayEnd } = this.#options;
    this.#machine.send({
      type: "OpenRequested",
      policy: { maxRetries, retryDelay, maxRetryDelay, peerMayEnd },
    });
  }

  /** Lets the peer wait: nothing is received until `resume`, also on a later connection. */
  pause(): void {
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#socket?.resume();
  }

  /**
   * Hands bytes to the connection, if there is one. `handedOver` is called when the kernel has taken
   * them all, and never when the connection is lost before.
   */
  write(bytes: Uint8Array, handedOver: () => void): void {
    const socket = this.#socket;
    if (socket === undefined || socket.connecting) return;
    socket.write(bytes, (error) => {
      if ((error !== undefined && error !== null) || this.#socket !== socket) return;
      this.#bytesTransferred();
      handedOver();
    });
  }

  /**
   * Ends it in whichever state; resolves when the socket is closed. With `inOrder` what was written
   * goes out first, and then the end of the stream.
   */
  close(options: { readonly inOrder?: boolean } = {}): Promise<void> {
    const socket = this.#socket;
    this.#endsInOrder = (options.inOrder ?? false) && this.#isConnected;
    this.#machine.send({ type: "CloseRequested" });
    if (socket === undefined || socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once("close", () => resolve());
    });
  }

  get #isConnected(): boolean {
    return this.#machine.snapshot.matches("Connected");
  }

  #connect(): void {
    const { host, port } = this.#options;
    const socket = connect({ host, port });
    this.#socket = socket;
    const isCurrent = (): boolean => this.#socket === socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    if (this.#isPaused) socket.pause();
    socket.on("connect", () => {
      if (isCurrent()) this.#machine.send({ type: "ConnectionEstablished" });
    });
    socket.on("data", (bytes) => {
      if (!isCurrent()) return;
      this.#bytesTransferred();
      this.#listener.received?.(bytes);
    });
    socket.on("end", () => {
      if (!isCurrent()) return;
      this.#error = undefined;
      this.#machine.send({ type: "ConnectionEnded" });
    });
    // Stays for the life of the socket: an error without a listener would end the process.
    socket.on("error", (error) => {
      if (isCurrent()) this.#broken(error);
    });
    socket.on("close", () => {
      if (isCurrent()) this.#broken(undefined);
    });
  }

  #broken(error: unknown): void {
    this.#error = error;
    this.#machine.send({ type: this.#isConnected ? "ConnectionBroken" : "ConnectFailed" });
  }

  #bytesTransferred(): void {
    if (this.#machine.snapshot.context.retries > 0) {
      this.#machine.send({ type: "BytesTransferred" });
    }
  }

  #releaseSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    // Unread bytes would make the kernel reset the connection, and the peer lose what was sent.
    if (this.#endsInOrder) socket.resume().end(() => socket.destroy());
    else socket.destroy();
  }

  #actions(): MachineActions<typeof connectionMachine> {
    const { processingTime, connectTimeout, metricGroup } = this.#options;
    const address = addressOf(this.#options);
    const connects = metricGroup.counter("connects");
    const connectionsLost = metricGroup.counter("connectionsLost");
    return {
      connect: () => this.#connect(),
      startConnectTimer: () => {
        this.#cancelConnectTimer = processingTime.registerTimer(connectTimeout, () => {
          this.#error = new Error(`no answer within ${connectTimeout} ms`);
          this.#machine.send({ type: "ConnectTimedOut" });
        });
      },
      stopConnectTimer: () => this.#cancelConnectTimer?.(),
      startRetryTimer: ({ context }) => {
        this.#cancelRetryTimer = processingTime.registerTimer(retryDelayOf(context), () =>
          this.#machine.send({ type: "RetryDelayElapsed" }),
        );
      },
      stopRetryTimer: () => this.#cancelRetryTimer?.(),
      releaseSocket: () => this.#releaseSocket(),
      reportConnected: () => {
        connects.inc();
        this.#listener.connected?.();
      },
      reportLost: () => {
        connectionsLost.inc();
        this.#listener.lost?.();
      },
      reportEnded: () => this.#listener.ended?.(),
      reportCannotConnect: ({ context }) =>
        this.#listener.failed?.(cannotConnect(address, context.retries + 1, this.#error)),
      reportBroken: () => this.#listener.failed?.(brokenConnection(address, this.#error)),
      unexpectedEvent: () => metricGroup.counter("unexpectedConnectionEvents").inc(),
    };
  }
}
