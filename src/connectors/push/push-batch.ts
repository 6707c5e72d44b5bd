import type { RecordsWithSplitIds } from "../../api/split-reader.js";
import type { Timestamp, Watermark } from "../../api/watermark.js";
import type { HandedOver } from "./hand-over.js";

const NONE: ReadonlySet<string> = new Set();

/** What a producer said between two records. */
export interface PushControl {
  /** It stands before the record of this index. */
  at: number;
  watermark: Watermark | undefined;
  /** After the watermark. */
  isIdle: boolean;
}

/** A record, or a control in its place; the object is used again for the next. */
export interface Pushed<T> {
  control: PushControl | undefined;
  /** These count only without a control. */
  value: T;
  timestamp: Timestamp;
  position: unknown;
}

/** What was handed over together, of the only split there is. */
export class PushBatch<T> implements RecordsWithSplitIds<Pushed<T>> {
  readonly #content: HandedOver<T>;
  readonly #finished: ReadonlySet<string>;
  readonly #pushed = {} as Pushed<T>;
  #splitId: string | null;
  #next = 0;
  #nextControl = 0;

  constructor(splitId: string, content: HandedOver<T>, isLast: boolean) {
    this.#content = content;
    this.#splitId = content.values.length + content.controls.length === 0 ? null : splitId;
    this.#finished = isLast ? new Set([splitId]) : NONE;
  }

  nextSplit(): string | null {
    const splitId = this.#splitId;
    this.#splitId = null;
    return splitId;
  }

  nextRecordFromSplit(): Pushed<T> | null {
    const { values, timestamps, positions, controls } = this.#content;
    const pushed = this.#pushed;
    const control = controls[this.#nextControl];
    if (control !== undefined && control.at <= this.#next) {
      this.#nextControl++;
      pushed.control = control;
      return pushed;
    }
    const next = this.#next;
    if (next >= values.length) return null;
    this.#next++;
    pushed.control = undefined;
    pushed.value = values[next] as T;
    pushed.timestamp = timestamps[next] as Timestamp;
    pushed.position = positions[next];
    return pushed;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#finished;
  }
}
