import type { MetricGroup } from "../../api/metrics.js";
import { HeadwaterError, illegalArgument } from "../../errors/index.js";
import type { ProcessingTimeService } from "../../mailbox/ports.js";
import { HandOver, type Overflow } from "./hand-over.js";
import type { Producer, SourceFunctionContext } from "./producer.js";
import { plainPosition } from "./push-split.js";

/** What a run is made of. */
export interface ProducingOptions<T> {
  readonly name: string;
  readonly bufferSize: number;
  readonly overflow: Overflow;
  readonly producer: Producer<T>;
  readonly restoredPosition: unknown;
  readonly processingTime: ProcessingTimeService;
  readonly metricGroup: MetricGroup;
}

/**
 * One run of a producer, from its start to its end.
 *
 * Owns: the hand-over, the signal and the run's promise. Called by: the split reader, and the
 * producer through the context.
 * Invariants: `run` and `cancel` are called once each; `stop` resolves when both are over.
 */
export class Producing<T> {
  readonly handOver: HandOver<T>;
  readonly #options: ProducingOptions<T>;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #stopping: Promise<void> | undefined;

  constructor(options: ProducingOptions<T>) {
    const { bufferSize, overflow, processingTime, metricGroup } = options;
    this.#options = options;
    const dropped = metricGroup.counter("numRecordsDropped");
    this.handOver = new HandOver({
      bufferSize,
      overflow,
      inLaterTurn: (callback) => processingTime.registerTimer(0, callback),
      dropped: () => dropped.inc(),
      refusing: () => this.#abort.abort(),
    });
    metricGroup.gauge("bufferedRecords", () => this.handOver.size);
    this.#running = this.#run();
  }

  /** Ends the run, if it has not ended; throws what `cancel` throws. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.handOver.close();
    try {
      await this.#options.producer.cancel?.();
    } finally {
      await this.#running;
    }
  }

  /** Its functions work on their own too: a producer may take them out of the context. */
  #context(): SourceFunctionContext<T> {
    const { handOver } = this;
    return {
      signal: this.#abort.signal,
      restoredPosition: this.#options.restoredPosition,
      collect: (record, at) => {
        try {
          const timestamp = typeof at === "number" ? at : at?.timestamp;
          if (timestamp !== undefined) checkTime("timestamp", timestamp);
          const position = typeof at === "object" ? plainPosition(at.position) : undefined;
          return handOver.add(record, timestamp ?? Number.NEGATIVE_INFINITY, position);
        } catch (error) {
          return handOver.fail(error);
        }
      },
      emitWatermark: (watermark) => {
        try {
          checkTime("watermark", watermark);
          handOver.addWatermark(watermark);
        } catch (error) {
          void handOver.fail(error);
        }
      },
      markAsTemporarilyIdle: () => handOver.addIdle(),
    };
  }

  async #run(): Promise<void> {
    try {
      await this.#options.producer.run(this.#context());
      this.handOver.end();
    } catch (error) {
      // What a run throws because nothing is taken any more is no news.
      if (!this.#abort.signal.aborted)
        void this.handOver.fail(runFailed(this.#options.name, error));
    }
  }
}

function checkTime(what: string, time: unknown): void {
  if (typeof time === "number" && !Number.isNaN(time)) return;
  throw illegalArgument(
    `a ${what} has to be a number of milliseconds, and ${String(time)} is none`,
  );
}

function runFailed(name: string, cause: unknown): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  return new HeadwaterError("READER_FAILED", `what pushes into ${name} has failed`, {
    domain: "user",
    retry: "backoff",
    scope: "reader",
    cause,
  });
}
