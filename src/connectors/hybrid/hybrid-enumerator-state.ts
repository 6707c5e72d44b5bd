import * as v from "valibot";
import type { SimpleVersionedSerializer } from "../../api/source-split.js";
import { jsonSerializer } from "../../serde/json-serializer.js";
import {
  fromBase64,
  fromWritten,
  type HybridSourceSplit,
  splitEntries,
  toBase64,
  toWritten,
  wrappedEntries,
} from "./hybrid-split.js";

/** What the enumerator is restored from (Flink `HybridSourceEnumeratorState`). */
export interface HybridSourceEnumeratorState {
  /** The source that is being read. */
  readonly sourceIndex: number;
  /** Source → where it starts, for the sources up to this one whose start was asked for. */
  readonly positions: ReadonlyMap<number, unknown>;
  /** Of the source's enumerator checkpoint serializer, when it wrote the bytes. */
  readonly wrappedVersion: number;
  readonly wrappedBytes: Uint8Array;
  /** Subtask → splits of earlier sources that it has to read again. */
  readonly pendingSplits: ReadonlyMap<number, readonly HybridSourceSplit[]>;
}

const index = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const written = jsonSerializer({
  name: "hybrid source enumerator state",
  version: 1,
  schema: v.strictObject({
    sourceIndex: index,
    positions: v.array(v.strictTuple([index, v.unknown()])),
    ...wrappedEntries,
    pendingSplits: v.array(v.strictTuple([index, v.array(v.strictObject(splitEntries))])),
  }),
});

export const hybridEnumeratorStateSerializer: SimpleVersionedSerializer<HybridSourceEnumeratorState> =
  {
    version: written.version,
    serialize: (state) =>
      written.serialize({
        sourceIndex: state.sourceIndex,
        positions: [...state.positions],
        version: state.wrappedVersion,
        bytes: toBase64(state.wrappedBytes),
        pendingSplits: [...state.pendingSplits].map(([subtask, splits]) => [
          subtask,
          splits.map(toWritten),
        ]),
      }),
    deserialize(version, bytes) {
      const state = written.deserialize(version, bytes);
      return {
        sourceIndex: state.sourceIndex,
        positions: new Map(state.positions),
        wrappedVersion: state.version,
        wrappedBytes: fromBase64(state.bytes),
        pendingSplits: new Map(
          state.pendingSplits.map(([subtask, splits]) => [subtask, splits.map(fromWritten)]),
        ),
      };
    },
  };
