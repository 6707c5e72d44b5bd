import * as v from "valibot";
import type { SourceSplit } from "../api/source-split.js";
import { jsonSerializer } from "../serde/json-serializer.js";

/**
 * A range of bytes of one file (Flink `FileSourceSplit`): the records that begin in it, from where
 * reading stands.
 */
export interface FileSplit extends SourceSplit {
  readonly path: string;
  /** Bytes on disk, and milliseconds since the epoch, when the file was found: later it must be the same. */
  readonly fileSize: number;
  readonly modified: number;
  /** The range on disk: first byte, and the one behind the last. */
  readonly start: number;
  readonly end: number;
  /**
   * The byte of the content where reading goes on, always between two records, except that a split
   * which has not begun stands at `start`. For a compressed file it counts decompressed bytes.
   */
  readonly position: number;
  /** Records to leave out from `position` on: for formats whose records have no byte of their own. */
  readonly skip: number;
}

const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** What a file split looks like in a checkpoint. */
export const fileSplitSchema = v.pipe(
  v.strictObject({
    splitId: v.string(),
    path: v.string(),
    fileSize: bytes,
    modified: v.pipe(v.number(), v.finite()),
    start: bytes,
    end: bytes,
    position: bytes,
    skip: bytes,
  }),
  v.check(
    ({ start, end, fileSize, position }) => start <= end && end <= fileSize && start <= position,
    "start ≤ end ≤ fileSize, and start ≤ position",
  ),
);

export const fileSplitSerializer = jsonSerializer<FileSplit>({
  name: "file split",
  version: 1,
  schema: fileSplitSchema,
});
