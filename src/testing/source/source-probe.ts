import type { AnySource } from "../../api/source.js";
import type { SourceReader, SourceReaderContext } from "../../api/source-reader.js";
import type { SourceSplit } from "../../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../../api/split-enumerator.js";
import { HeadwaterError } from "../../errors/index.js";
import { AvailabilityFuture } from "../../mailbox/index.js";
import { withOverrides } from "../harness/with-overrides.js";
import { probedEnumerator } from "./probed-enumerator.js";
import { probedReader } from "./probed-reader.js";

/** A reader of one attempt, as a test reaches it. */
export interface RunningReader {
  readonly subtask: number;
  readonly context: SourceReaderContext;
  readonly reader: SourceReader<unknown, SourceSplit>;
}

/**
 * Owns: what a job's source has done, and how far its readers may read. Called by: the wrapped source,
 * in its loops, and the test in between.
 * Invariants: readers are not polled once `emitted` has reached what is allowed; a failure that was
 * asked for happens once.
 */
export class SourceProbe {
  /** Records that the readers have emitted, in all attempts. */
  emitted = 0;
  /** The texts of each split's records, in their order. */
  readonly bySplit = new Map<string, string[]>();
  /** Splits, as their readers got them and as they were in snapshots. */
  readonly splits: SourceSplit[] = [];
  /** States of the enumerator. */
  readonly enumeratorStates: unknown[] = [];
  /** What nobody may do and somebody did. */
  readonly violations: string[] = [];
  /** Of each attempt of a reader: how often it was told that no more splits come. */
  readonly ends: number[] = [];
  /** Readers are told the end of each of several phases. */
  hasPhases = false;
  /** Readers that have given END_OF_INPUT. */
  ended = 0;
  /** Readers and enumerators are closed again after they were closed. */
  closesTwice = false;
  /** The newest attempt of each subtask. */
  readonly readers = new Map<number, RunningReader>();
  /** Called in the operator's loop, right after a reader got splits. */
  onAssigned: (reader: RunningReader, splits: readonly SourceSplit[]) => void = () => {};
  readonly #textOf: (record: never) => string;
  readonly #gates = new Set<AvailabilityFuture>();
  #allowed = Number.POSITIVE_INFINITY;
  #failure: string | undefined;

  constructor(textOf: (record: never) => string) {
    this.#textOf = textOf;
  }

  /** The source, watched. */
  wrap<T>(source: AnySource<T>): AnySource<T> {
    const overrides = {
      createReader: (context: SourceReaderContext) =>
        probedReader(this, context, source.createReader(context)),
      createEnumerator: (context: SplitEnumeratorContext<SourceSplit>) =>
        probedEnumerator(this, context, (watched) => source.createEnumerator(watched)),
      restoreEnumerator: (context: SplitEnumeratorContext<SourceSplit>, checkpoint: unknown) =>
        probedEnumerator(this, context, (watched) => source.restoreEnumerator(watched, checkpoint)),
    };
    return withOverrides(source, overrides);
  }

  /** Readers may emit so many records in all. */
  allow(records: number): void {
    this.#allowed = records;
    if (this.remaining > 0) this.#wake();
  }

  /** How many records may still be emitted. */
  get remaining(): number {
    return this.#allowed - this.emitted;
  }

  /** The next call of that name fails: a method of the enumerator, or `pollNext`. */
  failIn(method: keyof SplitEnumerator<SourceSplit, unknown> | "pollNext"): void {
    this.#failure = method;
    this.#wake();
  }

  /** The call that is to fail, until it has. */
  get failureDue(): string | undefined {
    return this.#failure;
  }

  /** Throws when the failure was to come here. */
  failHere(method: string): void {
    if (this.#failure !== method) return;
    this.#failure = undefined;
    throw new HeadwaterError("INJECTED_FAILURE", `a failure in ${method} was asked for`, {
      domain: "user",
      retry: "now",
      scope: "reader",
    });
  }

  /** Done when readers may go on. */
  gate(): AvailabilityFuture {
    const gate = new AvailabilityFuture();
    this.#gates.add(gate);
    return gate;
  }

  record(record: unknown, splitId: string | undefined): void {
    this.emitted++;
    const texts = this.bySplit.get(splitId ?? "");
    const text = this.#textOf(record as never);
    if (texts === undefined) this.bySplit.set(splitId ?? "", [text]);
    else texts.push(text);
  }

  /** Calls the reader in its operator's loop; rejects with what that throws. */
  inLoop<R>(subtask: number, action: (running: RunningReader) => R): Promise<R> {
    const running = this.readers.get(subtask);
    return new Promise((resolve, reject) => {
      if (running === undefined) return reject(new Error(`there is no reader ${subtask}`));
      running.context.runInOperatorLoop(() => {
        try {
          resolve(action(running));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #wake(): void {
    const gates = [...this.#gates];
    this.#gates.clear();
    for (const gate of gates) gate.complete();
  }
}
