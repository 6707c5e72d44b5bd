import type { BadRecord } from "../api/bad-record.js";
import type { MetricGroup } from "../api/metrics.js";
import type { SinkWriter, SinkWriterContext } from "../api/sink.js";
import type { Pipeline } from "./pipeline.js";
import { SinkWriterLifecycle } from "./sink-writer-lifecycle.js";
import type { SubtaskName } from "./subtask-error.js";

/** A writer with the name under which errors speak of its sink. */
export interface NamedWriter<T> {
  readonly name: string;
  readonly writer: SinkWriter<T>;
}

/** What one attempt writes to. */
export interface WriterPair {
  readonly main: NamedWriter<unknown>;
  /** Undefined where the pipeline makes no dead letters. */
  readonly deadLetters: NamedWriter<BadRecord> | undefined;
}

/**
 * Owns: one attempt's writers, that of the sink and that of its dead letters, each from
 * `createWriter` to `close`. Called by: the subtask's loop.
 */
export class SubtaskWriters {
  readonly #main: SinkWriterLifecycle;
  readonly #deadLetters: SinkWriterLifecycle | undefined;

  constructor({ sink, badRecords: { deadLetters } }: Pipeline, where: SubtaskName) {
    this.#main = new SinkWriterLifecycle(sink, where);
    this.#deadLetters =
      deadLetters &&
      new SinkWriterLifecycle(deadLetters, where, `${deadLetters.name} (dead letters)`);
  }

  /** Calls back when `writers` has an answer, outside of the loop. */
  open(
    context: Omit<SinkWriterContext, "metricGroup">,
    metricGroup: MetricGroup,
    settled: () => void,
  ): void {
    let open = this.#deadLetters === undefined ? 1 : 2;
    const opened = (): void => {
      if (--open === 0) settled();
    };
    this.#main.open({ ...context, metricGroup: metricGroup.group("sink") }, opened);
    this.#deadLetters?.open({ ...context, metricGroup: metricGroup.group("deadLetter") }, opened);
  }

  /** The writers; throws SINK_FAILED when one could not be created. */
  get writers(): WriterPair {
    return { main: named(this.#main), deadLetters: this.#deadLetters && named(this.#deadLetters) };
  }

  /** Closes what has been created, each whatever becomes of the other; rejects with SINK_FAILED. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled([this.#main.close(), this.#deadLetters?.close()]);
    const failed = closed.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}

function named<T>(lifecycle: SinkWriterLifecycle): NamedWriter<T> {
  return { name: lifecycle.name, writer: lifecycle.writer as SinkWriter<unknown> as SinkWriter<T> };
}
