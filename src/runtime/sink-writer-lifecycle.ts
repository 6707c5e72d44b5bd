import type { Sink, SinkWriter, SinkWriterContext } from "../api/sink.js";
import { type SubtaskName, sinkFailed } from "./subtask-error.js";

/**
 * Owns: one attempt's sink writer from `createWriter` to `close`. Called by: the subtask's loop.
 * Invariants: a writer that was created is closed once, also when the attempt ended before it came.
 */
export class SinkWriterLifecycle {
  /** The sink as errors name it. */
  readonly name: string;
  readonly #sink: Sink<never>;
  readonly #where: SubtaskName;
  #opening: Promise<SinkWriter<never>> | undefined;
  #opened: { readonly writer?: SinkWriter<never>; readonly error?: unknown } | undefined;

  constructor(sink: Sink<never>, where: SubtaskName, name = sink.name) {
    this.name = name;
    this.#sink = sink;
    this.#where = where;
  }

  /** Calls back when `writer` has an answer, outside of the loop. */
  open(context: SinkWriterContext, settled: () => void): void {
    const create = async (): Promise<SinkWriter<never>> => this.#sink.createWriter(context);
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

  /** Closes the writer, when it has been created; rejects with SINK_FAILED. */
  async close(): Promise<void> {
    const writer = await this.#opening?.catch(() => undefined);
    try {
      await writer?.close?.();
    } catch (error) {
      throw sinkFailed(this.name, this.#where, "to close its writer", error);
    }
  }
}
