import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadLz4Codec, lz4Codec } from "../../../../src/connectors/kafka/records/lz4-codec.js";

const native = await loadLz4Codec();
const CODECS = [
  ["own", lz4Codec],
  ["lz4-napi's", native],
] as const;

/** Bytes that compress well, a little, or not at all; up to three blocks of them. */
const inputs = fc
  .tuple(
    fc.integer({ min: 0, max: 170_000 }),
    fc.integer({ min: 1, max: 256 }),
    fc.integer({ min: 1, max: 0x7fffffff }),
  )
  .map(([length, letters, seed]) => {
    let state = seed;
    return Buffer.from(
      Array.from({ length }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return (state >>> 16) % letters;
      }),
    );
  });

function outcomeOf(run: () => Buffer | undefined): string {
  try {
    return run()?.toString("latin1") ?? "too much";
  } catch (error) {
    return String(error);
  }
}

describe.each(CODECS)("what %s blocks have written", (_name, writer) => {
  it.each(CODECS)("is read with %s blocks, and the frame stays as it is", (_reader, reader) => {
    fc.assert(
      fc.property(inputs, (bytes) => {
        const frame = Buffer.from(writer.compress(bytes));
        const before = Buffer.from(frame);
        expect(reader.decompress(frame, bytes.length)?.equals(bytes)).toBe(true);
        if (bytes.length > 0) expect(reader.decompress(frame, bytes.length - 1)).toBeUndefined();
        expect(frame.equals(before)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

it("both blocks say the same of a damaged frame, and leave it as it is", () => {
  fc.assert(
    fc.property(
      inputs.filter(({ length }) => length > 0),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 1, max: 255 }),
      (bytes, where, change) => {
        const frame = Buffer.from(lz4Codec.compress(bytes));
        const at = Math.floor(where * frame.length);
        frame[at] = (frame[at] as number) ^ change;
        const before = Buffer.from(frame);
        const limit = bytes.length + 1000;
        const verdict = outcomeOf(() => native.decompress(frame, limit));
        expect(verdict === outcomeOf(() => lz4Codec.decompress(frame, limit))).toBe(true);
        expect(frame.equals(before)).toBe(true);
      },
    ),
    { numRuns: 200 },
  );
});

it("lz4-napi is there: the two are not the same codec", () => {
  expect(native).not.toBe(lz4Codec);
});

it("what follows a frame is not decompressed by another thread, which would not stop at its end", async () => {
  const bytes = Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * i) % 251));
  for (let i = 0; i < bytes.length; i += 2) bytes[i] = Math.imul(i, 2_654_435_761) >>> 24;
  const frame = Buffer.from(lz4Codec.compress(bytes));
  const alone = await native.decompressAhead?.(frame, 100_000)?.done;
  expect(alone?.equals(bytes)).toBe(true);
  const twice = Buffer.concat([frame, frame]);
  expect(native.decompressAhead?.(twice, 1_000_000)).toBeUndefined();
  expect(native.decompress(twice, 1_000_000)?.equals(bytes)).toBe(true);
});
