import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchesIn } from "../../../../src/connectors/kafka/records/batch-framing.js";
import { BatchLayout } from "../../../../src/connectors/kafka/records/batch-layout.js";
import {
  RecordBatchBuilder,
  RecordBatchReader,
  RecordCodecs,
  uncompressAhead,
} from "../../../../src/connectors/kafka/records/index.js";

const codecs = await RecordCodecs.load();
const ENOUGH = 100_000_000;
/** By another thread, where the package is installed that has one. */
const CODECS = ["lz4", "gzip"] as const;
type Codec = (typeof CODECS)[number];

/** Words that come twice each: about half of it is left when it is compressed. */
function text(length: number, seed: number): string {
  let state = seed;
  const word = (): string =>
    Array.from({ length: 20 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return String.fromCharCode(97 + ((state >>> 16) % 26));
    }).join("");
  return Array.from({ length: length / 40 }, () => word().repeat(2)).join("");
}

function batchOf(compression: "none" | "snappy" | Codec, values: readonly string[]): Buffer {
  const builder = new RecordBatchBuilder({ codecs, compression });
  for (const value of values) builder.append(null, value, undefined, 0);
  return builder.build();
}

function verdictOn(bytes: Buffer, ahead?: ReadonlyMap<number, Buffer>): string {
  try {
    const reader = new RecordBatchReader(bytes, {
      codecs,
      partition: "t-0",
      // What the checksum would find is to be seen, too.
      checkCrcs: false,
      uncompressed: ahead,
    });
    return [...reader].map(({ value }) => String(value)).join();
  } catch (error) {
    return String(error);
  }
}

describe.each(CODECS)("batches of %s that are uncompressed before they are read", (codec) => {
  const large = [text(40_000, 1), text(50_000, 2)];

  it("have the records that reading them gives", async () => {
    const bytes = Buffer.concat([batchOf(codec, large), batchOf(codec, [text(90_000, 3)])]);
    const work = uncompressAhead(bytes, codecs, ENOUGH);
    const ahead = await work?.done;
    const starts = [...batchesIn(bytes)].map(({ start }) => start);
    expect([...(ahead?.keys() ?? [])].sort((a, b) => a - b)).toEqual(starts);
    const sizes = [...(ahead?.values() ?? [])].map(({ length }) => length);
    expect(work?.atMost).toBeGreaterThanOrEqual(sizes.reduce((sum, size) => sum + size, 0));
    expect(verdictOn(bytes, ahead) === verdictOn(bytes)).toBe(true);
  });

  it("are those for which there is room, and which are worth it", async () => {
    const one = batchOf(codec, large);
    const small = batchOf(codec, ["small"]);
    const bytes = Buffer.concat([
      small,
      batchOf("none", large),
      one,
      batchOf("snappy", large),
      one,
    ]);
    const starts = [...batchesIn(bytes)].map(({ start }) => start);
    const both = uncompressAhead(bytes, codecs, ENOUGH);
    expect([...((await both?.done)?.keys() ?? [])].sort((a, b) => a - b)).toEqual([
      starts[2],
      starts[4],
    ]);
    const first = uncompressAhead(bytes, codecs, (both?.atMost ?? 0) - 1);
    expect([...((await first?.done)?.keys() ?? [])]).toEqual([starts[2]]);
    expect(uncompressAhead(bytes, codecs, 1000)).toBeUndefined();
    expect(uncompressAhead(small, codecs, ENOUGH)).toBeUndefined();
  });

  it("hold no more than was said, and are judged when they are read, however they are damaged", async () => {
    const whole = batchOf(codec, large);
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        // Ends and headers are where damage does most.
        fc.constantFrom("anywhere", "first", "last"),
        fc.integer({ min: 1, max: 255 }),
        async (where, part, change) => {
          const bytes = Buffer.from(whole);
          const from = BatchLayout.records;
          const length = bytes.length - from;
          const within = part === "anywhere" ? length : 16;
          const at = (part === "last" ? bytes.length - 16 : from) + Math.floor(where * within);
          bytes[at] = (bytes[at] as number) ^ change;
          const work = uncompressAhead(bytes, codecs, 200_000);
          for (const { length } of (await work?.done)?.values() ?? []) {
            expect(length).toBeLessThanOrEqual(work?.atMost ?? 0);
          }
          expect(verdictOn(bytes, await work?.done) === verdictOn(bytes)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are read in the place of the compressed ones", async () => {
    const bytes = batchOf(codec, large);
    const other = await uncompressAhead(batchOf(codec, [...large].reverse()), codecs, ENOUGH)?.done;
    expect(verdictOn(bytes, other) === [...large].reverse().join()).toBe(true);
  });
});
