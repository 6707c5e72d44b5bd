import type { SupportsBatchSnapshot } from "../api/capabilities.js";
import type { Source } from "../api/source.js";
import type { SourceSplit } from "../api/source-split.js";
import type { SplitEnumerator, SplitsAssignment } from "../api/split-enumerator.js";
import { checkState, HeadwaterError } from "../errors/index.js";
import { deserializeSplits, serializeSplits } from "../serde/split-serde.js";
import { checkpointSerializerFailed } from "./coordinator-error.js";
import {
  readAssignments,
  readBatchSnapshot,
  readEnumeratorCheckpoint,
  writeAssignments,
  writeBatchSnapshot,
  writeEnumeratorCheckpoint,
} from "./coordinator-serde.js";
import type { SplitAssignmentTracker } from "./split-assignment-tracker.js";

/** A snapshot outside the checkpoints, which holds the assignments as well. */
export const BATCH_CHECKPOINT_ID = -1;

/** What a coordinator state holds; `assignments` only in a batch snapshot. */
export interface RestoredCoordinator<SplitT, EnumChkT> {
  readonly checkpoint: EnumChkT;
  readonly assignments: SplitsAssignment<SplitT> | undefined;
}

/**
 * Turns a coordinator's state into bytes and back (Flink `SourceCoordinator.checkpointCoordinator`,
 * `resetToCheckpoint`). Called by the coordinator's loop.
 */
export class CoordinatorCheckpoints<SplitT extends SourceSplit, EnumChkT> {
  readonly #source: Source<unknown, SplitT, EnumChkT>;
  readonly #tracker: SplitAssignmentTracker<SplitT>;

  constructor(source: Source<unknown, SplitT, EnumChkT>, tracker: SplitAssignmentTracker<SplitT>) {
    this.#source = source;
    this.#tracker = tracker;
  }

  /** Takes the snapshot; from here on what is assigned belongs to the next checkpoint. */
  write(
    checkpointId: number,
    enumerator: SplitEnumerator<SplitT, EnumChkT> & Partial<SupportsBatchSnapshot>,
  ): Uint8Array {
    if (checkpointId !== BATCH_CHECKPOINT_ID) {
      this.#tracker.onCheckpoint(checkpointId);
      return this.#writeEnumerator(checkpointId, enumerator);
    }
    checkState(
      enumerator.supportsBatchSnapshot === true,
      `the enumerator of source ${this.#source.name} does not support batch snapshots`,
    );
    const { name, splitSerializer } = this.#source;
    const assignments = writeAssignments({
      version: splitSerializer.version,
      bySubtask: [...this.#tracker.uncheckpointedAssignments].map(([subtask, splits]) => ({
        subtask,
        splits: serializeSplits(splitSerializer, [...splits.values()], name).splits,
      })),
    });
    return writeBatchSnapshot({
      assignments,
      enumerator: this.#writeEnumerator(checkpointId, enumerator),
    });
  }

  /** Throws CHECKPOINT_CORRUPT, CHECKPOINT_VERSION_UNSUPPORTED and SERIALIZER_FAILED. */
  read(checkpointId: number, state: Uint8Array): RestoredCoordinator<SplitT, EnumChkT> {
    const { name, splitSerializer } = this.#source;
    if (checkpointId !== BATCH_CHECKPOINT_ID) {
      return { checkpoint: this.#readEnumerator(state), assignments: undefined };
    }
    const batch = readBatchSnapshot(name, state);
    const checkpoint = this.#readEnumerator(batch.enumerator);
    const { version, bySubtask } = readAssignments(name, batch.assignments);
    const assignments = new Map(
      bySubtask.map(({ subtask, splits }) => [
        subtask,
        deserializeSplits(splitSerializer, { version, splits }, name),
      ]),
    );
    return { checkpoint, assignments };
  }

  #writeEnumerator(
    checkpointId: number,
    enumerator: SplitEnumerator<SplitT, EnumChkT>,
  ): Uint8Array {
    const { enumeratorCheckpointSerializer: serializer, name } = this.#source;
    const checkpoint = enumerator.snapshotState(checkpointId);
    try {
      const { version } = serializer;
      return writeEnumeratorCheckpoint({ version, bytes: serializer.serialize(checkpoint) });
    } catch (error) {
      throw checkpointSerializerFailed(name, `write checkpoint ${checkpointId}`, error);
    }
  }

  #readEnumerator(frame: Uint8Array): EnumChkT {
    const { enumeratorCheckpointSerializer: serializer, name } = this.#source;
    const { version, bytes } = readEnumeratorCheckpoint(name, frame);
    try {
      return serializer.deserialize(version, bytes);
    } catch (error) {
      if (error instanceof HeadwaterError && error.code.startsWith("CHECKPOINT_")) throw error;
      throw checkpointSerializerFailed(name, `read a state of version ${version}`, error);
    }
  }
}
