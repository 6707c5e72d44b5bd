import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FetchBuffers } from "../../../../src/connectors/kafka/client/fetch-buffers.js";
import type { FetchedPartition } from "../../../../src/connectors/kafka/client/kafka-client.js";
import { ResponseFrames } from "../../../../src/connectors/kafka/client/response-frames.js";

const LARGE = 3_000_000;

/** Reads the bytes in pieces of these sizes, as a socket does, and gives the frames. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const frames: Buffer[] = [];
  const reading = new ResponseFrames(
    (frame) => frames.push(frame),
    (size) => Buffer.allocUnsafeSlow(size),
  );
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const target = reading.next();
    const wanted = sizes[i % sizes.length] as number;
    const count = Math.min(wanted, target.length, bytes.length - at);
    target.set(bytes.subarray(at, at + count));
    reading.read(count);
    at += count;
  }
  return frames;
}

function response(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(4 + length);
  bytes.writeInt32BE(length);
  for (let i = 0; i < length; i++) bytes[4 + i] = (seed + i * 31) & 0xff;
  return bytes;
}

describe("the responses of a socket", () => {
  it("are cut the same wherever the bytes are", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, sizes, (all, pieces) => {
        const responses = all.map((length, i) => response(length, i));
        // Single bytes for all of it would take too long.
        const frames = cut(Buffer.concat(responses), [...pieces, 40_000]);
        expect(frames.length).toBe(responses.length);
        for (const [i, frame] of frames.entries()) {
          expect(frame.equals((responses[i] as Buffer).subarray(4))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each([1, 5, 7, 11, 64])("are cut in pieces of %i bytes, also inside a size", (piece) => {
    const responses = Array.from({ length: 60 }, (_, i) => response((i * 7) % 41, i));
    const frames = cut(Buffer.concat(responses), [piece]);
    expect(frames).toEqual(responses.map((bytes) => bytes.subarray(4)));
  });

  it("are cut where a read ends inside the size of a large one", () => {
    const responses = [response(0, 1), response(70_000, 2)];
    const frames = cut(Buffer.concat(responses), [6, 40_000]);
    expect(frames).toEqual(responses.map((bytes) => bytes.subarray(4)));
  });

  it("do not change when later ones are read", () => {
    const first = response(100, 7);
    const [frame] = cut(Buffer.concat([first, response(LARGE, 9), response(100, 11)]), [70_000]);
    expect(frame).toEqual(first.subarray(4));
  });

  it("are refused when one has a negative size", () => {
    expect(() => cut(Buffer.from([0xff, 0, 0, 0, 1]), [5])).toThrow(RangeError);
  });
});

describe("buffers of large answers", () => {
  it("are used again when each partition was given back, and not before", () => {
    const buffers = new FetchBuffers();
    const frame = buffers.take(LARGE);
    const first = partition(0, frame.subarray(100, 1000));
    const second = partition(1, frame.subarray(1000, LARGE));
    buffers.lend([first, second, partition(2, undefined)]);
    buffers.giveBack(first.records as Buffer);
    const meanwhile = buffers.take(LARGE);
    expect(meanwhile.buffer === frame.buffer).toBe(false);
    buffers.giveBack(second.records as Buffer);
    const after = buffers.take(LARGE - 5);
    expect(after.buffer === frame.buffer).toBe(true);
    expect(after.length).toBe(LARGE - 5);
    expect(buffers.take(LARGE).buffer === frame.buffer).toBe(false);
  });

  it("are not used for an answer that is larger", () => {
    const buffers = new FetchBuffers();
    const frame = buffers.take(LARGE);
    buffers.lend([partition(0, frame)]);
    buffers.giveBack(frame);
    const larger = buffers.take(2 * LARGE);
    expect(larger.buffer === frame.buffer).toBe(false);
    expect(larger.length).toBe(2 * LARGE);
  });

  it("are not held by a small answer", () => {
    const buffers = new FetchBuffers();
    const frame = buffers.take(3 * LARGE);
    buffers.lend([partition(0, frame)]);
    buffers.giveBack(frame);
    expect(buffers.take(70_000).buffer.byteLength).toBeLessThan(LARGE);
    expect(buffers.take(2 * LARGE).buffer === frame.buffer).toBe(true);
  });

  it("count for nothing when they were never lent, or twice given back", () => {
    const buffers = new FetchBuffers();
    const frame = buffers.take(LARGE);
    buffers.giveBack(frame);
    expect(buffers.take(LARGE).buffer === frame.buffer).toBe(false);
    buffers.lend([partition(0, frame)]);
    buffers.giveBack(frame);
    buffers.giveBack(frame);
    expect(buffers.take(LARGE).buffer === frame.buffer).toBe(true);
    expect(buffers.take(LARGE).buffer === frame.buffer).toBe(false);
  });

  it("are used again although a partition has got nothing", () => {
    const buffers = new FetchBuffers();
    const frame = buffers.take(LARGE);
    const full = frame.subarray(0, LARGE - 100);
    buffers.lend([partition(0, full), partition(1, frame.subarray(LARGE, LARGE))]);
    buffers.giveBack(full);
    expect(buffers.take(LARGE).buffer === frame.buffer).toBe(true);
  });

  it("keep sixteen megabytes at most", () => {
    const buffers = new FetchBuffers();
    const frames = Array.from({ length: 8 }, () => buffers.take(LARGE));
    for (const frame of frames) {
      buffers.lend([partition(0, frame)]);
      buffers.giveBack(frame);
    }
    const known = new Set(frames.map(({ buffer }) => buffer));
    const again = Array.from({ length: 8 }, () => buffers.take(LARGE));
    expect(again.filter(({ buffer }) => known.has(buffer)).length).toBe(5);
  });
});

function partition(number: number, records: Buffer | undefined): FetchedPartition {
  return {
    topic: "t",
    partition: number,
    error: "NONE",
    highWatermark: 1,
    lastStableOffset: 1,
    logStartOffset: 0,
    abortedTransactions: [],
    records,
  };
}
