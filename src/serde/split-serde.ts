import type { SerializedSplits } from "../api/operator-event.js";
import type { SimpleVersionedSerializer, SourceSplit } from "../api/source-split.js";
import { HeadwaterError } from "../errors/index.js";

/**
 * Splits as bytes, for a mailbox or a checkpoint; throws SERIALIZER_FAILED naming the split, and the
 * source if it is given.
 */
export function serializeSplits<SplitT extends SourceSplit>(
  serializer: SimpleVersionedSerializer<SplitT>,
  splits: readonly SplitT[],
  source?: string,
): SerializedSplits {
  return {
    version: serializer.version,
    splits: splits.map((split) => {
      try {
        return serializer.serialize(split);
      } catch (cause) {
        throw serializerFailed(
          `split ${split.splitId}${ofSource(source)} could not be serialized`,
          cause,
        );
      }
    }),
  };
}

/**
 * The splits behind the bytes; throws SERIALIZER_FAILED saying which of them and which version, and
 * the source if it is given.
 */
export function deserializeSplits<SplitT extends SourceSplit>(
  serializer: SimpleVersionedSerializer<SplitT>,
  serialized: SerializedSplits,
  source?: string,
): SplitT[] {
  return serialized.splits.map((bytes, index) => {
    try {
      return serializer.deserialize(serialized.version, bytes);
    } catch (cause) {
      throw serializerFailed(
        `split ${index + 1} of ${serialized.splits.length}${ofSource(source)}, written with version ${serialized.version}, could not be read by version ${serializer.version}`,
        cause,
      );
    }
  });
}

function ofSource(source: string | undefined): string {
  return source === undefined ? "" : ` of source ${source}`;
}

function serializerFailed(message: string, cause: unknown): HeadwaterError {
  return new HeadwaterError("SERIALIZER_FAILED", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
    hint: "Let the source's splitSerializer read every version that it has ever written.",
  });
}
