import { HeadwaterError } from "../errors/index.js";

/** Frames of version 0 may carry further bytes, which are not read (Flink's first format). */
const VERSION_0 = 0;
/** What this release writes. */
const CURRENT_VERSION = 1;

/** Bytes with the version of the serializer that wrote them. */
export interface VersionedBytes {
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** The assignments and the enumerator of a batch snapshot. */
export interface BatchSnapshot {
  readonly assignments: Uint8Array;
  readonly enumerator: Uint8Array;
}

/** Split bytes by subtask, with the version of the serializer that wrote them. */
export interface SerializedAssignments {
  readonly version: number;
  readonly bySubtask: readonly {
    readonly subtask: number;
    readonly splits: readonly Uint8Array[];
  }[];
}

/** Frame version, serializer version, length, bytes; all numbers are 32 bit, big-endian. */
export function writeEnumeratorCheckpoint(checkpoint: VersionedBytes): Uint8Array {
  return join([int32(CURRENT_VERSION), int32(checkpoint.version), ...sized(checkpoint.bytes)]);
}

/** Throws CHECKPOINT_VERSION_UNSUPPORTED and CHECKPOINT_CORRUPT. */
export function readEnumeratorCheckpoint(source: string, frame: Uint8Array): VersionedBytes {
  const reader = new FrameReader(source, frame);
  const frameVersion = reader.int32();
  if (frameVersion < VERSION_0 || frameVersion > CURRENT_VERSION) {
    throw new HeadwaterError(
      "CHECKPOINT_VERSION_UNSUPPORTED",
      `the coordinator state of source ${source} has version ${frameVersion}; this release reads ${VERSION_0} to ${CURRENT_VERSION}`,
      {
        domain: "user",
        retry: "never",
        scope: "job",
        hint: "Restore with the release that wrote the checkpoint, or a newer one.",
      },
    );
  }
  const version = reader.int32();
  const bytes = reader.bytes();
  if (frameVersion !== VERSION_0) reader.end();
  return { version, bytes };
}

/** Assignments first, then the enumerator's frame; each with its length. */
export function writeBatchSnapshot(snapshot: BatchSnapshot): Uint8Array {
  return join([...sized(snapshot.assignments), ...sized(snapshot.enumerator)]);
}

/** Throws CHECKPOINT_CORRUPT. */
export function readBatchSnapshot(source: string, frame: Uint8Array): BatchSnapshot {
  const reader = new FrameReader(source, frame);
  const assignments = reader.bytes();
  const enumerator = reader.bytes();
  reader.end();
  return { assignments, enumerator };
}

/**
 * Serializer version, number of subtasks, and for each its number, its splits' number and bytes.
 */
export function writeAssignments(assignments: SerializedAssignments): Uint8Array {
  const parts = [int32(assignments.version), int32(assignments.bySubtask.length)];
  for (const { subtask, splits } of assignments.bySubtask) {
    parts.push(int32(subtask), int32(splits.length));
    for (const split of splits) parts.push(...sized(split));
  }
  return join(parts);
}

/** Throws CHECKPOINT_CORRUPT. */
export function readAssignments(source: string, bytes: Uint8Array): SerializedAssignments {
  const reader = new FrameReader(source, bytes);
  const version = reader.int32();
  const bySubtask = reader.list(() => ({
    subtask: reader.int32(),
    splits: reader.list(() => reader.bytes()),
  }));
  reader.end();
  return { version, bySubtask };
}

/** Reads from front to back; whatever does not add up is CHECKPOINT_CORRUPT. */
class FrameReader {
  readonly #source: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(source: string, bytes: Uint8Array) {
    this.#source = source;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  int32(): number {
    this.#need(4);
    const value = this.#view.getInt32(this.#at);
    this.#at += 4;
    return value;
  }

  bytes(): Uint8Array {
    const length = this.#length();
    this.#need(length);
    const bytes = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  list<T>(read: () => T): T[] {
    const length = this.#length();
    // Each item takes four bytes at least: a damaged length must not make us allocate.
    this.#need(length * 4);
    return Array.from({ length }, read);
  }

  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw this.#corrupt(`${left} bytes too many`);
  }

  #length(): number {
    const length = this.int32();
    if (length < 0) throw this.#corrupt(`a length of ${length}`);
    return length;
  }

  #need(count: number): void {
    const left = this.#bytes.length - this.#at;
    if (left < count) throw this.#corrupt(`${count} bytes expected at ${this.#at}, ${left} there`);
  }

  #corrupt(reason: string): HeadwaterError {
    return new HeadwaterError(
      "CHECKPOINT_CORRUPT",
      `the coordinator state of source ${this.#source} is damaged: ${reason}`,
      {
        domain: "external",
        retry: "never",
        scope: "job",
        hint: "Restore from another checkpoint or savepoint.",
      },
    );
  }
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

function sized(bytes: Uint8Array): [Uint8Array, Uint8Array] {
  return [int32(bytes.length), bytes];
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
