import type { MetricGroup } from "../../api/metrics.js";
import type { SourceReaderContext } from "../../api/source-reader.js";
import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../api/split-reader.js";
import { Connection, type ConnectionTarget } from "../../net/index.js";
import { WakeUpSignal } from "../../reader/wake-up-signal.js";
import { type Boxed, ElementBatch } from "../element-batch.js";
import { ElementBuffer } from "../element-buffer.js";
import { type Line, LineSplitter } from "./line-splitter.js";
import type { SocketSplit } from "./socket-split.js";

/** Received bytes that wait to be split, before the peer has to wait. */
const MAX_WAITING_BYTES = 256 * 1024;
/** Chunks in one batch; Node reads at most 64 KiB at once. */
const BATCH_CHUNKS = 2;

/** What the reader needs to know of its options. */
export interface SocketReading extends ConnectionTarget {
  readonly delimiter: string;
  readonly maxLineLength: number;
}

/**
 * Owns: the one split, its connection and the bytes that were received and not split. Called by: one
 * split fetcher; bytes come from Node's event loop.
 * Invariants: lines come once and in order; no more than a limit of bytes waits, then the peer does;
 * a line never has bytes of two connections.
 */
export class SocketSplitReader implements SplitReader<Boxed<Line>, SocketSplit> {
  readonly #context: SourceReaderContext;
  readonly #metrics: MetricGroup;
  readonly #reading: SocketReading;
  readonly #wakeUp = new WakeUpSignal();
  readonly #splitter: LineSplitter;
  /** Limited by bytes, not by number; LOST stands where a connection was lost that had given some. */
  readonly #inputs = new ElementBuffer<Buffer | "LOST">(Number.POSITIVE_INFINITY);
  #waitingBytes = 0;
  /** Bytes have come that no LOST stands behind. */
  #mayTear = false;
  #split: SocketSplit | undefined;
  #connection: Connection | undefined;
  #paused = false;

  constructor(context: SourceReaderContext, reading: SocketReading) {
    this.#context = context;
    this.#reading = reading;
    this.#splitter = new LineSplitter(reading.delimiter, reading.maxLineLength);
    this.#metrics = context.metricGroup.group("socket");
    this.#metrics.gauge("waitingBytes", () => this.#waitingBytes);
  }

  handleSplitsChanges(change: SplitsChange<SocketSplit>): void | Promise<void> {
    const split = change.splits[0];
    if (change.type === "ADDITION") {
      if (split !== undefined) this.#split = split;
      return;
    }
    return this.#finish();
  }

  pauseOrResumeSplits(toPause: readonly SocketSplit[], toResume: readonly SocketSplit[]): void {
    if (toPause.length > 0) this.#paused = true;
    if (toResume.length > 0) this.#paused = false;
  }

  wakeUp(): void {
    this.#wakeUp.signal();
  }

  /** Throws CONNECTION_FAILED, behind the lines that were received before. */
  async fetch(): Promise<RecordsWithSplitIds<Boxed<Line>>> {
    const split = this.#split;
    if (split === undefined || this.#paused) {
      await this.#wakeUp.wait();
      return new ElementBatch<Line>("", [], false);
    }
    this.#connection ??= this.#connect();
    const news = this.#inputs.wait();
    if (news !== undefined) await this.#wakeUp.race(news);
    const lines: Line[] = [];
    for (const input of this.#inputs.take(BATCH_CHUNKS)) this.#splitInto(lines, input);
    if (this.#waitingBytes < MAX_WAITING_BYTES) this.#connection.resume();
    const isLast = this.#inputs.isDone;
    if (isLast) {
      this.#splitter.end(lines);
      await this.#finish();
    }
    return new ElementBatch(split.splitId, lines, isLast);
  }

  async close(): Promise<void> {
    this.#wakeUp.signal();
    await this.#finish();
  }

  #connect(): Connection {
    const { processingTime, inspect, actors } = this.#context;
    const connection = new Connection(
      {
        ...this.#reading,
        id: `${actors.self}/connection`,
        peerMayEnd: true,
        processingTime,
        metricGroup: this.#metrics,
        inspect,
      },
      {
        received: (bytes) => {
          this.#inputs.add(bytes);
          this.#waitingBytes += bytes.length;
          this.#mayTear = true;
          if (this.#waitingBytes >= MAX_WAITING_BYTES) connection.pause();
        },
        lost: () => {
          // Else a server that hangs up at once would fill memory while the job does not read.
          if (this.#mayTear) this.#inputs.add("LOST");
          this.#mayTear = false;
        },
        ended: () => this.#inputs.end(),
        failed: (error) => this.#inputs.fail(error),
      },
    );
    connection.open();
    return connection;
  }

  #splitInto(lines: Line[], input: Buffer | "LOST"): void {
    if (input === "LOST") {
      this.#splitter.tear(lines);
      return;
    }
    this.#waitingBytes -= input.length;
    this.#splitter.push(input, lines);
  }

  async #finish(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#split = undefined;
    await connection?.close();
  }
}
