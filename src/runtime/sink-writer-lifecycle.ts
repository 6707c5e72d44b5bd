import type { Sink, SinkWriter, SinkWriterContext } from "../api/sink.js";
import type { OperatorState } from "../checkpoint/checkpoint-data.js";
import { SinkCommits, type SinkCommitsOptions } from "./sink-commits.js";
import { type SubtaskName, sinkFailed } from "./subtask-error.js";

/**
 * Owns: one attempt's sink writer from `createWriter` to `close`, and its commits.
 * Called by: the subtask's loop.
 * Invariants: what was prepared before a restore is committed before the writer is created; a writer
 * that was created is closed once, also when the attempt ended before it came.
 */
export class SinkWriterLifecycle {
  /** The sink as errors name it. */
  readonly name: string;
  readonly commits: SinkCommits;
  readonly #sink: Sink<never>;
  readonly #where: SubtaskName;
  #opening: Promise<SinkWriter<never>> | undefined;
  #opened: { readonly writer?: SinkWriter<never>; readonly error?: unknown } | undefined;

  constructor(options: SinkCommitsOptions) {
    this.name = options.name;
    this.commits = new SinkCommits(options);
    this.#sink = options.sink;
    this.#where = options.where;
  }

  /** Calls back when `writer` has an answer, outside of the loop. */
  open(context: SinkWriterContext, restored: readonly OperatorState[], settled: () => void): void {
    const create = async (): Promise<SinkWriter<never>> =>
      this.#sink.createWriter(context, await this.commits.open(context, restored));
    this.#opening = create();
    this.#opening.then(
      (writer) => {
        this.#opened = { writer };
        settled();
      },
      (error: unknown) => {
        this.#opened = { error };
        settled();
      },
    );
  }

  /** The writer; throws SINK_FAILED when it could not be created. */
  get writer(): SinkWriter<never> {
    const writer = this.#opened?.writer;
    if (typeof writer?.write === "function") return writer;
    const cause = this.#opened?.error ?? new Error("createWriter gave no writer");
    throw sinkFailed(this.name, this.#where, "to create a writer", cause);
  }

  /** Closes the committer and the writer, when they have been created; rejects with SINK_FAILED. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled([this.commits.close(), this.#closeWriter()]);
    const failed = closed.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #closeWriter(): Promise<void> {
    const writer = await this.#opening?.catch(() => undefined);
    try {
      await writer?.close?.();
    } catch (error) {
      throw sinkFailed(this.name, this.#where, "to close its writer", error);
    }
  }
}
