import type { BadRecord } from "../api/bad-record.js";
import type { Sink, SinkWriter, SinkWriterContext } from "../api/sink.js";
import type { OperatorState } from "../checkpoint/index.js";
import type { LoopTimers } from "./loop-timers.js";
import type { SinkCommits } from "./sink-commits.js";
import { DEAD_LETTER_STATE, isStatefulSink, SINK_STATE } from "./sink-state.js";
import { SinkWriterLifecycle } from "./sink-writer-lifecycle.js";
import type { SubtaskOptions } from "./subtask-options.js";

const METRICS: Readonly<Record<string, string>> = {
  [SINK_STATE]: "sink",
  [DEAD_LETTER_STATE]: "deadLetter",
};

/** A writer with its commits, and the name under which errors speak of its sink. */
export interface NamedWriter<T> {
  readonly name: string;
  readonly writer: SinkWriter<T>;
  readonly commits: SinkCommits;
  /** Where its state is in a checkpoint; undefined: it has none. */
  readonly stateName: string | undefined;
}

/** What one attempt writes to. */
export interface WriterPair {
  readonly main: NamedWriter<unknown>;
  /** Undefined where the pipeline makes no dead letters. */
  readonly deadLetters: NamedWriter<BadRecord> | undefined;
}

interface Opened {
  readonly sink: Sink<never>;
  readonly stateName: string;
  readonly lifecycle: SinkWriterLifecycle;
}

/**
 * Owns: one attempt's writers, that of the sink and that of its dead letters, each from
 * `createWriter` to `close`, and their commits. Called by: the subtask's loop.
 */
export class SubtaskWriters {
  readonly #options: SubtaskOptions;
  readonly #timers: LoopTimers;
  readonly #main: Opened;
  readonly #deadLetters: Opened | undefined;

  /** `id`: the subtask's address. */
  constructor(
    options: SubtaskOptions,
    timers: LoopTimers,
    id: string,
    failed: (error: unknown) => void,
  ) {
    const { pipeline, subtask, inspect } = options;
    const { sink, badRecords } = pipeline;
    const { deadLetters } = badRecords;
    this.#options = options;
    this.#timers = timers;
    const create = (of: Sink<never>, name: string, stateName: string): Opened => ({
      sink: of,
      stateName,
      lifecycle: new SinkWriterLifecycle({
        sink: of,
        name,
        where: { pipeline: pipeline.id, subtask },
        id: `${id}/${stateName.slice(1)}`,
        timers,
        inspect,
        failed,
      }),
    });
    this.#main = create(sink, sink.name, SINK_STATE);
    this.#deadLetters =
      deadLetters && create(deadLetters, `${deadLetters.name} (dead letters)`, DEAD_LETTER_STATE);
  }

  /** Calls back when `writers` has an answer, outside of the loop. */
  open(settled: () => void): void {
    const { jobName, subtask, parallelism, metricGroup, restored } = this.#options;
    const { restoredCheckpointId } = this.#options;
    let open = this.#all.length;
    const opened = (): void => {
      if (--open === 0) settled();
    };
    for (const { stateName, lifecycle } of this.#all) {
      const context: SinkWriterContext = {
        jobName,
        indexOfSubtask: subtask,
        currentParallelism: parallelism,
        processingTime: this.#timers,
        runInLoop: (action) => this.#timers.runInLoop(action),
        restoredCheckpointId,
        metricGroup: metricGroup.group(METRICS[stateName] ?? stateName),
      };
      lifecycle.open(context, restored?.operators[stateName] ?? [], opened);
    }
  }

  /** The writers; throws SINK_FAILED when one could not be created. */
  get writers(): WriterPair {
    return { main: named(this.#main), deadLetters: this.#deadLetters && named(this.#deadLetters) };
  }

  /** Something that was written waits for a checkpoint or is being committed. */
  get hasUncommitted(): boolean {
    return this.#all.some(({ lifecycle }) => lifecycle.commits.hasUncommitted);
  }

  /** The checkpoint is durable; calls back, in the loop, when all that it holds is committed. */
  checkpointCompleted(checkpointId: number, committed: () => void = () => {}): void {
    let left = this.#all.length;
    for (const { lifecycle } of this.#all) {
      lifecycle.commits.checkpointCompleted(checkpointId);
      lifecycle.commits.whenCommitted(() => {
        if (--left === 0) committed();
      });
    }
  }

  /** What the sinks have at the very end, after all commits. */
  finalStates(): readonly (readonly [stateName: string, state: OperatorState])[] {
    return this.#all
      .filter(({ sink }) => isStatefulSink(sink))
      .map(({ stateName, lifecycle }) => [stateName, lifecycle.commits.snapshot()]);
  }

  /** Closes what has been created, each whatever becomes of the other; rejects with SINK_FAILED. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(this.#all.map(({ lifecycle }) => lifecycle.close()));
    const failed = closed.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  get #all(): readonly Opened[] {
    return this.#deadLetters === undefined ? [this.#main] : [this.#main, this.#deadLetters];
  }
}

function named<T>({ sink, stateName, lifecycle }: Opened): NamedWriter<T> {
  return {
    name: lifecycle.name,
    writer: lifecycle.writer as SinkWriter<unknown> as SinkWriter<T>,
    commits: lifecycle.commits,
    stateName: isStatefulSink(sink) ? stateName : undefined,
  };
}
