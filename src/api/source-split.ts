/**
 * A piece of work that one reader reads (FLIP-27 `SourceSplit`): plain data, no actor.
 *
 * A split lives with the coordinator until it is assigned, then with the reader. Its `splitId` is
 * unique within the source and never changes.
 */
export interface SourceSplit {
  readonly splitId: string;
}

/**
 * Turns a value into bytes and back, with a version beside the bytes (Flink
 * `SimpleVersionedSerializer`).
 *
 * `deserialize` gets the version that was current when the bytes were written, which may be older
 * than `version`; it throws on a version it does not know. Called by the coordinator's and the
 * operator's loop, never per record.
 */
export interface SimpleVersionedSerializer<T> {
  readonly version: number;
  serialize(value: T): Uint8Array;
  deserialize(version: number, bytes: Uint8Array): T;
}
