import type { Boundedness } from "./boundedness.js";
import type { SourceReader, SourceReaderContext } from "./source-reader.js";
import type { SimpleVersionedSerializer, SourceSplit } from "./source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "./split-enumerator.js";

/**
 * A source of records (FLIP-27 `Source`): a factory for its enumerator and its readers.
 *
 * One Source object serves every subtask and every attempt, so it holds options only, no state.
 */
export interface Source<T, SplitT extends SourceSplit, EnumChkT> {
  /** What it reads, for people: shown in status, errors and savepoints. */
  readonly name: string;
  readonly boundedness: Boundedness;
  readonly splitSerializer: SimpleVersionedSerializer<SplitT>;
  readonly enumeratorCheckpointSerializer: SimpleVersionedSerializer<EnumChkT>;
  createReader(context: SourceReaderContext): SourceReader<T, SplitT>;
  createEnumerator(context: SplitEnumeratorContext<SplitT>): SplitEnumerator<SplitT, EnumChkT>;
  restoreEnumerator(
    context: SplitEnumeratorContext<SplitT>,
    checkpoint: EnumChkT,
  ): SplitEnumerator<SplitT, EnumChkT>;
  /**
   * True: after a recovery readers report their splits to the enumerator, which assigns them anew,
   * instead of reading on by themselves (FLIP-537 `SupportsSplitReassignmentOnRecovery`).
   */
  readonly supportsSplitReassignmentOnRecovery?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: a source whose split and checkpoint types do not matter
export type AnySource<T = any> = Source<T, any, any>;
