import type { Source } from "../../api/source.js";
import { HybridSourceEnumerator } from "./hybrid-enumerator.js";
import {
  type HybridSourceEnumeratorState,
  hybridEnumeratorStateSerializer,
} from "./hybrid-enumerator-state.js";
import { type HybridSourceOptions, parseHybridOptions } from "./hybrid-options.js";
import { HybridSourceReader } from "./hybrid-reader.js";
import { type HybridSourceSplit, hybridSplitSerializer } from "./hybrid-split.js";
import { SourceChain } from "./source-chain.js";

/** The source that `hybridSource` gives. */
export type HybridSource<T> = Source<T, HybridSourceSplit, HybridSourceEnumeratorState>;

/**
 * Reads several sources one after the other as one, such as files and then a live stream (FLIP-150,
 * Flink `HybridSource`).
 *
 * The next source begins when every subtask has read the one before to its end. Throws OPTION_INVALID.
 */
export function hybridSource<T>(options: HybridSourceOptions<T>): HybridSource<T> {
  const chain = new SourceChain(parseHybridOptions(options));
  return {
    name: chain.name,
    boundedness: chain.boundedness,
    splitSerializer: hybridSplitSerializer,
    enumeratorCheckpointSerializer: hybridEnumeratorStateSerializer,
    createReader: (context) => new HybridSourceReader(context, chain),
    createEnumerator: (context) => new HybridSourceEnumerator(context, chain),
    restoreEnumerator: (context, state) => new HybridSourceEnumerator(context, chain, state),
  };
}
