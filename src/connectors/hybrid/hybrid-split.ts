import * as v from "valibot";
import type { SimpleVersionedSerializer, SourceSplit } from "../../api/source-split.js";
import { expecting } from "../../options/expecting.js";
import { jsonSerializer } from "../../serde/json-serializer.js";
import { deserializeSplits } from "../../serde/split-serde.js";

/** A split of one of the sources, as its bytes (Flink `HybridSourceSplit`). */
export interface HybridSourceSplit extends SourceSplit {
  /** Unique over all the sources: `hybridSplitId` of the source's own id. */
  readonly splitId: string;
  readonly sourceIndex: number;
  /** Of the source's split serializer, when it wrote the bytes. */
  readonly wrappedVersion: number;
  readonly wrappedBytes: Uint8Array;
}

/**
 * The id of a source's split among those of all the sources: two sources may use the same ids, and
 * whoever keeps splits by id must not take one for the other.
 */
export function hybridSplitId(sourceIndex: number, splitId: string): string {
  return `${sourceIndex}:${splitId}`;
}

/** A split that becomes bytes when they are asked for: a snapshot of many splits is written in slices. */
class WrappedSplit<SplitT extends SourceSplit> implements HybridSourceSplit {
  readonly splitId: string;
  readonly sourceIndex: number;
  readonly #split: SplitT;
  readonly #serializer: SimpleVersionedSerializer<SplitT>;

  constructor(split: SplitT, sourceIndex: number, serializer: SimpleVersionedSerializer<SplitT>) {
    this.splitId = hybridSplitId(sourceIndex, split.splitId);
    this.sourceIndex = sourceIndex;
    this.#split = split;
    this.#serializer = serializer;
  }

  get wrappedVersion(): number {
    return this.#serializer.version;
  }

  get wrappedBytes(): Uint8Array {
    return this.#serializer.serialize(this.#split);
  }
}

export function wrapSplits<SplitT extends SourceSplit>(
  splits: readonly SplitT[],
  sourceIndex: number,
  serializer: SimpleVersionedSerializer<SplitT>,
): HybridSourceSplit[] {
  return splits.map((split) => new WrappedSplit(split, sourceIndex, serializer));
}

/** The source's own splits again; throws SERIALIZER_FAILED naming the source. */
export function unwrapSplits<SplitT extends SourceSplit>(
  splits: readonly HybridSourceSplit[],
  source: { readonly name: string; readonly splitSerializer: SimpleVersionedSerializer<SplitT> },
): SplitT[] {
  return splits.flatMap(({ wrappedVersion, wrappedBytes }) =>
    deserializeSplits(
      source.splitSerializer,
      { version: wrappedVersion, splits: [wrappedBytes] },
      source.name,
    ),
  );
}

const index = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Entries for bytes of a source's own serializer, with its version. */
export const wrappedEntries = {
  version: v.pipe(v.number(), v.safeInteger()),
  bytes: v.pipe(
    v.string(),
    expecting<string>(
      (value) => Buffer.from(value as string, "base64").toString("base64") === value,
      "bytes in base64",
    ),
  ),
};

export const splitEntries = { splitId: v.string(), sourceIndex: index, ...wrappedEntries };

/** A split as it is written. */
export type WrittenSplit = v.InferOutput<v.StrictObjectSchema<typeof splitEntries, undefined>>;

export function toWritten(split: HybridSourceSplit): WrittenSplit {
  return {
    splitId: split.splitId,
    sourceIndex: split.sourceIndex,
    version: split.wrappedVersion,
    bytes: toBase64(split.wrappedBytes),
  };
}

export function fromWritten({
  splitId,
  sourceIndex,
  version,
  bytes,
}: WrittenSplit): HybridSourceSplit {
  return { splitId, sourceIndex, wrappedVersion: version, wrappedBytes: fromBase64(bytes) };
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

const written = jsonSerializer<WrittenSplit>({
  name: "hybrid source split",
  version: 1,
  schema: v.strictObject(splitEntries),
});

export const hybridSplitSerializer: SimpleVersionedSerializer<HybridSourceSplit> = {
  version: written.version,
  serialize: (split) => written.serialize(toWritten(split)),
  deserialize: (version, bytes) => fromWritten(written.deserialize(version, bytes)),
};
