import * as v from "valibot";
import type { SimpleVersionedSerializer, SourceSplit } from "../api/source-split.js";
import { jsonSerializer } from "../serde/json-serializer.js";
import { type FileSplit, fileSplitSchema } from "./file-split.js";

/** What a file enumerator keeps (Flink `PendingSplitsCheckpoint`). */
export interface FileEnumeratorState<SplitT extends SourceSplit = FileSplit> {
  /** True: it looks for new files again and again, and `processed` is kept. */
  readonly continuous: boolean;
  /** False: nothing is known yet. */
  readonly discovered: boolean;
  /** The splits that nobody reads yet, in their order. */
  readonly splits: readonly SplitT[];
  /** The paths whose splits have been made. */
  readonly processed: readonly string[];
}

/** Another version than 1 of a state, with what makes it of an older one. */
interface StateVersion {
  readonly version: number;
  upgrade(version: number, state: unknown): unknown;
}

/** A serializer for the state of an enumerator whose splits look like `splitSchema`. */
export function fileEnumeratorStateSerializer<SplitT extends SourceSplit>(
  name: string,
  splitSchema: v.GenericSchema<unknown, SplitT>,
  version?: StateVersion,
): SimpleVersionedSerializer<FileEnumeratorState<SplitT>> {
  const schema = v.strictObject({
    continuous: v.boolean(),
    discovered: v.boolean(),
    splits: v.array(splitSchema),
    processed: v.array(v.string()),
  });
  return jsonSerializer({ name, version: 1, schema, ...version });
}

export const fileEnumeratorSerializer = fileEnumeratorStateSerializer<FileSplit>(
  "file enumerator state",
  fileSplitSchema,
);
