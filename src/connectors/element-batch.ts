import type { RecordsWithSplitIds } from "../api/split-reader.js";

const NONE: ReadonlySet<string> = new Set();

/** An element in a box, so that null and undefined are elements too; the box is used again. */
export interface Boxed<T> {
  value: T;
}

/** Elements of a source's only split; without any, `splitId` does not matter. */
export class ElementBatch<T> implements RecordsWithSplitIds<Boxed<T>> {
  readonly #elements: readonly T[];
  readonly #finished: ReadonlySet<string>;
  readonly #box = {} as Boxed<T>;
  #splitId: string | null;
  #next = 0;

  constructor(splitId: string, elements: readonly T[], isLast: boolean) {
    this.#splitId = elements.length === 0 ? null : splitId;
    this.#elements = elements;
    this.#finished = isLast ? new Set([splitId]) : NONE;
  }

  nextSplit(): string | null {
    const splitId = this.#splitId;
    this.#splitId = null;
    return splitId;
  }

  nextRecordFromSplit(): Boxed<T> | null {
    if (this.#next >= this.#elements.length) return null;
    this.#box.value = this.#elements[this.#next++] as T;
    return this.#box;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#finished;
  }
}
