import type { SinkWriter, SinkWriterContext } from "../../api/sink.js";
import { describeValue, HeadwaterError } from "../../errors/index.js";
import { addressOf, Connection, type ConnectionTarget, flushTimedOut } from "../../net/index.js";

/** Bytes that may wait for the kernel before the next chunk has to. */
const MAX_WAITING_BYTES = 64 * 1024;

interface Waiting {
  /** Over when no more bytes than this wait for the kernel. */
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Owns: its connection, and the chunks that the kernel has not taken in full. Called by: the
 * subtask's loop; the connection calls from Node's event loop.
 * Invariants: chunks go out in order; each is kept until the kernel has it, and written again from
 * its start on a new connection; at most one chunk waits beyond the limit.
 */
export class SocketSinkWriter<T> implements SinkWriter<T> {
  readonly #context: SinkWriterContext;
  readonly #target: ConnectionTarget;
  readonly #serialize: (record: T) => string | Uint8Array;
  readonly #flushTimeout: number | undefined;
  readonly #connection: Connection;
  readonly #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #error: unknown;
  /** The call that is under way. */
  #waiting: Waiting | undefined;

  constructor(
    context: SinkWriterContext,
    target: ConnectionTarget,
    serialize: (record: T) => string | Uint8Array,
    flushTimeout: number | undefined,
  ) {
    this.#context = context;
    this.#target = target;
    this.#serialize = serialize;
    this.#flushTimeout = flushTimeout;
    const metricGroup = context.metricGroup.group("socket");
    metricGroup.gauge("waitingBytes", () => this.#waitingBytes);
    this.#connection = new Connection(
      {
        ...target,
        id: `${context.jobName}/sink/${context.indexOfSubtask}/connection`,
        peerMayEnd: false,
        processingTime: context.processingTime,
        metricGroup,
      },
      {
        connected: () => {
          for (const chunk of this.#chunks) this.#send(chunk);
        },
        failed: (error) => {
          this.#error = error;
          this.#waiting?.reject(error);
        },
      },
    );
    this.#connection.open();
  }

  /** Throws CONNECTION_FAILED when no connection is left to write to. */
  write(records: readonly T[]): void | Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    const chunk = this.#toBytes(records);
    if (chunk.length > 0) {
      this.#chunks.push(chunk);
      this.#waitingBytes += chunk.length;
      this.#send(chunk);
    }
    return this.#waitFor(MAX_WAITING_BYTES);
  }

  /** Waits until the kernel has taken everything; throws CONNECTION_FAILED. */
  async flush(): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    const timeout = this.#flushTimeout;
    const stopTimer =
      timeout === undefined || this.#waitingBytes === 0
        ? undefined
        : this.#context.processingTime.registerTimer(timeout, () =>
            this.#waiting?.reject(
              flushTimedOut(addressOf(this.#target), timeout, this.#waitingBytes),
            ),
          );
    try {
      await this.#waitFor(0);
    } finally {
      stopTimer?.();
    }
  }

  close(): Promise<void> {
    return this.#connection.close({ inOrder: this.#waitingBytes === 0 });
  }

  #send(chunk: Uint8Array): void {
    // The kernel takes chunks in the order in which they were written.
    this.#connection.write(chunk, () => {
      this.#chunks.shift();
      this.#waitingBytes -= chunk.length;
      const waiting = this.#waiting;
      if (waiting !== undefined && this.#waitingBytes <= waiting.bytes) waiting.resolve();
    });
  }

  #waitFor(bytes: number): void | Promise<void> {
    if (this.#waitingBytes <= bytes) return;
    return new Promise<void>((resolve, reject) => {
      this.#waiting = { bytes, resolve, reject };
    }).finally(() => {
      this.#waiting = undefined;
    });
  }

  #notSerialized(given: unknown): HeadwaterError {
    return new HeadwaterError(
      "SINK_FAILED",
      `the serialize of the socketSink to ${addressOf(this.#target)} has to give a string or a Uint8Array, and gave ${describeValue(given)}`,
      { domain: "user", retry: "never", scope: "reader" },
    );
  }

  #toBytes(records: readonly T[]): Uint8Array {
    const parts: Uint8Array[] = [];
    let text = "";
    for (const record of records) {
      const part: unknown = this.#serialize(record);
      if (typeof part === "string") {
        text += part;
      } else if (part instanceof Uint8Array) {
        if (text !== "") parts.push(Buffer.from(text));
        text = "";
        parts.push(part);
      } else {
        throw this.#notSerialized(part);
      }
    }
    if (text !== "") parts.push(Buffer.from(text));
    return Buffer.concat(parts);
  }
}
