import type { SerializedSplits } from "../api/operator-event.js";
import type { SimpleVersionedSerializer, SourceSplit } from "../api/source-split.js";
import { serializeSplits } from "../serde/index.js";

/** Splits that are serialized in one go: about a millisecond's work. */
const SPLITS_PER_SLICE = 512;

/**
 * A reader's splits on their way to bytes, a slice at a time, so that thousands of them do not stop
 * the loop.
 *
 * Owns: the splits, which nobody changes any more. Called by: the subtask's loop.
 */
export class SplitSnapshot {
  readonly #serializer: SimpleVersionedSerializer<SourceSplit>;
  readonly #splits: readonly SourceSplit[];
  readonly #bytes: Uint8Array[] = [];

  constructor(serializer: SimpleVersionedSerializer<SourceSplit>, splits: readonly SourceSplit[]) {
    this.#serializer = serializer;
    this.#splits = splits;
  }

  get isSerialized(): boolean {
    return this.#bytes.length === this.#splits.length;
  }

  /** Serializes the next slice; throws SERIALIZER_FAILED. */
  serializeSome(): void {
    const done = this.#bytes.length;
    const some = this.#splits.slice(done, done + SPLITS_PER_SLICE);
    for (const bytes of serializeSplits(this.#serializer, some).splits) this.#bytes.push(bytes);
  }

  /** Everything, once it is serialized. */
  get serialized(): SerializedSplits {
    return { version: this.#serializer.version, splits: this.#bytes };
  }
}
