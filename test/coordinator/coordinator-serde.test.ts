import { describe, expect, it } from "vitest";
import {
  readAssignments,
  readBatchSnapshot,
  readEnumeratorCheckpoint,
  writeAssignments,
  writeBatchSnapshot,
  writeEnumeratorCheckpoint,
} from "../../src/coordinator/coordinator-serde.js";
import { HeadwaterError } from "../../src/errors/index.js";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof HeadwaterError ? error.code : `not ours: ${error}`;
  }
  return undefined;
}

describe("the frame of an enumerator checkpoint", () => {
  const frame = writeEnumeratorCheckpoint({ version: 7, bytes: bytes(1, 2, 3) });

  it("is frame version, serializer version, length and bytes", () => {
    expect([...frame]).toEqual([0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 3, 1, 2, 3]);
    expect(readEnumeratorCheckpoint("s", frame)).toEqual({ version: 7, bytes: bytes(1, 2, 3) });
  });

  it("refuses bytes that end too early, wherever that is", () => {
    for (let length = 0; length < frame.length; length++) {
      const code = codeOf(() => readEnumeratorCheckpoint("s", frame.subarray(0, length)));
      expect(code, `${length} bytes`).toBe("CHECKPOINT_CORRUPT");
    }
  });

  it("refuses trailing bytes and a negative length", () => {
    expect(codeOf(() => readEnumeratorCheckpoint("s", bytes(...frame, 0)))).toBe(
      "CHECKPOINT_CORRUPT",
    );
    const negative = bytes(0, 0, 0, 1, 0, 0, 0, 7, 255, 255, 255, 255);
    expect(codeOf(() => readEnumeratorCheckpoint("s", negative))).toBe("CHECKPOINT_CORRUPT");
  });

  it("lets a frame of version 0 carry more than it needs [SC-15]", () => {
    const old = bytes(0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 42, 9, 9);
    expect(readEnumeratorCheckpoint("s", old)).toEqual({ version: 7, bytes: bytes(42) });
  });

  it("refuses versions that it does not know, naming them", () => {
    for (const version of [2, -1]) {
      const other = new Uint8Array(frame);
      new DataView(other.buffer).setInt32(0, version);
      expect(codeOf(() => readEnumeratorCheckpoint("s", other))).toBe(
        "CHECKPOINT_VERSION_UNSUPPORTED",
      );
      expect(() => readEnumeratorCheckpoint("s", other)).toThrow(new RegExp(`version ${version};`));
    }
  });

  it("reads from the middle of a buffer, and keeps no reference to it", () => {
    const buffer = bytes(9, ...frame, 9);
    const read = readEnumeratorCheckpoint("s", buffer.subarray(1, 1 + frame.length));
    buffer.fill(0);
    expect(read.bytes).toEqual(bytes(1, 2, 3));
  });
});

describe("the frame of a batch snapshot", () => {
  const snapshot = { assignments: bytes(1), enumerator: bytes(2, 3) };
  const assignments = {
    version: 3,
    bySubtask: [
      { subtask: 0, splits: [bytes(1, 2), bytes()] },
      { subtask: 5, splits: [] },
    ],
  };

  it("comes back as it was", () => {
    expect(readBatchSnapshot("s", writeBatchSnapshot(snapshot))).toEqual(snapshot);
    expect(readAssignments("s", writeAssignments(assignments))).toEqual(assignments);
  });

  it("refuses bytes that end too early or too late", () => {
    const frames = [
      { frame: writeBatchSnapshot(snapshot), read: readBatchSnapshot },
      { frame: writeAssignments(assignments), read: readAssignments },
    ];
    for (const { frame, read } of frames) {
      for (let length = 0; length < frame.length; length++) {
        expect(codeOf(() => read("s", frame.subarray(0, length)))).toBe("CHECKPOINT_CORRUPT");
      }
      expect(codeOf(() => read("s", bytes(...frame, 0)))).toBe("CHECKPOINT_CORRUPT");
    }
  });

  it("does not believe a length that the bytes cannot hold", () => {
    const huge = bytes(0, 0, 0, 3, 127, 255, 255, 255);
    expect(codeOf(() => readAssignments("s", huge))).toBe("CHECKPOINT_CORRUPT");
  });
});
