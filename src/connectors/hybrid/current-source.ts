import type { SourceSplit } from "../../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../../api/split-enumerator.js";
import { HybridEnumeratorContext } from "./hybrid-enumerator-context.js";
import type { HybridSourceSplit } from "./hybrid-split.js";
import type { ChainedSource, SourceChain } from "./source-chain.js";

/** The source whose splits are being handed out, with its enumerator. */
export interface CurrentSource {
  readonly index: number;
  readonly source: ChainedSource<unknown>;
  readonly context: HybridEnumeratorContext<SourceSplit>;
  readonly enumerator: SplitEnumerator<SourceSplit, unknown>;
}

/** Where a source begins: at a start position, or where its enumerator's checkpoint says. */
export interface SourceStart {
  readonly index: number;
  readonly previousPosition: unknown;
  readonly checkpoint?: { readonly wrappedVersion: number; readonly wrappedBytes: Uint8Array };
}

/**
 * Makes a source and its enumerator, which is not started; `reads` says whose reader reads it.
 *
 * Throws OPTION_INVALID for a deferred source that cannot be made, and what the source throws.
 */
export function openSource(
  chain: SourceChain<unknown>,
  context: SplitEnumeratorContext<HybridSourceSplit>,
  { index, previousPosition, checkpoint }: SourceStart,
  reads: (subtaskId: number) => boolean,
): CurrentSource {
  const source = chain.sourceAt(index, previousPosition);
  const own = new HybridEnumeratorContext({
    context,
    sourceIndex: index,
    isFinalSource: chain.isFinal(index),
    splitSerializer: source.splitSerializer,
    reads,
  });
  const { enumeratorCheckpointSerializer: serializer } = source;
  const enumerator =
    checkpoint === undefined
      ? source.createEnumerator(own)
      : source.restoreEnumerator(
          own,
          serializer.deserialize(checkpoint.wrappedVersion, checkpoint.wrappedBytes),
        );
  return { index, source, context: own, enumerator };
}
