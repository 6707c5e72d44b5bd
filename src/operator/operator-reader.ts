import type { InputStatus } from "../api/boundedness.js";
import type { SourceEvent } from "../api/source-event.js";
import type { ReaderOutput, SourceReader } from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import { HeadwaterError, nameSplits, unsupportedOperation } from "../errors/index.js";
import type { Availability } from "../mailbox/availability.js";
import { readerFailed } from "./operator-failure.js";

/**
 * A reader as its operator calls it: what it throws becomes READER_FAILED, saying the subtask and
 * what was asked of it.
 *
 * Called by: the source operator, in its loop. The operator polls the reader itself, so that a record
 * costs no call more.
 */
export class OperatorReader<T, SplitT extends SourceSplit> {
  readonly reader: SourceReader<T, SplitT>;
  readonly #subtask: number;
  readonly #allowUnalignedSourceSplits: boolean;

  constructor(
    create: () => SourceReader<T, SplitT>,
    subtask: number,
    allowUnalignedSourceSplits: boolean,
  ) {
    this.#subtask = subtask;
    this.#allowUnalignedSourceSplits = allowUnalignedSourceSplits;
    this.reader = this.#call("to be created", create);
  }

  start(): void {
    this.#call("to start", () => this.reader.start());
  }

  pollNext(output: ReaderOutput<T>): InputStatus {
    return this.#call("to poll", () => this.reader.pollNext(output));
  }

  isAvailable(): Availability {
    return this.#call("to say whether it is available", () => this.reader.isAvailable());
  }

  addSplits(splits: readonly SplitT[]): void {
    this.#call(`to add ${nameSplits(splits.map((split) => split.splitId))}`, () =>
      this.reader.addSplits(splits),
    );
  }

  notifyNoMoreSplits(): void {
    this.#call("on NoMoreSplits", () => this.reader.notifyNoMoreSplits());
  }

  handleSourceEvents(event: SourceEvent): void {
    this.#call(`on its event ${event.type}`, () => this.reader.handleSourceEvents?.(event));
  }

  snapshotState(checkpointId: number): SplitT[] {
    return this.#call(`to snapshot its splits for checkpoint ${checkpointId}`, () =>
      this.reader.snapshotState(checkpointId),
    );
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#call(`on the completion of checkpoint ${checkpointId}`, () =>
      this.reader.notifyCheckpointComplete?.(checkpointId),
    );
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.#call(`on the abortion of checkpoint ${checkpointId}`, () =>
      this.reader.notifyCheckpointAborted?.(checkpointId),
    );
  }

  /**
   * False when the reader cannot pause single splits and need not. Throws UNSUPPORTED_OPERATION when
   * it has to.
   */
  pauseOrResumeSplits(toPause: readonly string[], toResume: readonly string[]): boolean {
    try {
      if (this.reader.pauseOrResumeSplits === undefined) throw this.#cannotPause(toPause, toResume);
      this.reader.pauseOrResumeSplits(toPause, toResume);
      return true;
    } catch (error) {
      if (error instanceof HeadwaterError && error.code === "UNSUPPORTED_OPERATION") {
        if (this.#allowUnalignedSourceSplits) return false;
        throw error;
      }
      throw readerFailed(
        this.#subtask,
        `to pause or resume ${nameSplits([...toPause, ...toResume])}`,
        error,
      );
    }
  }

  async close(): Promise<void> {
    try {
      await this.reader.close();
    } catch (error) {
      throw readerFailed(this.#subtask, "to close", error);
    }
  }

  #cannotPause(toPause: readonly string[], toResume: readonly string[]): HeadwaterError {
    return unsupportedOperation(
      `the reader of subtask ${this.#subtask} cannot pause or resume ${nameSplits([...toPause, ...toResume])}`,
      "let the reader implement pauseOrResumeSplits, or set allowUnalignedSourceSplits to read on without aligning splits of one reader",
    );
  }

  #call<R>(doing: string, call: () => R): R {
    try {
      return call();
    } catch (error) {
      throw readerFailed(this.#subtask, doing, error);
    }
  }
}
