import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  crc32c,
  loadCrc32c,
  NATIVE_CRC32C,
} from "../../../../src/connectors/kafka/records/crc32c.js";

describe("crc32c", () => {
  it("gives the known values of RFC 3720", () => {
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  });

  const natives = NATIVE_CRC32C.map((load, place) => ({ place: place + 1, load }));
  it.each(natives)(
    "gives the same as native one $place for every part of some bytes",
    async ({ load }) => {
      const native = await loadCrc32c([load]);
      expect(native).not.toBe(crc32c);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat(20), fc.nat(20), (bytes, a, b) => {
          const to = Math.max(bytes.length - b, 0);
          const from = Math.min(a, to);
          expect(native(bytes, from, to)).toBe(crc32c(bytes, from, to));
        }),
        { numRuns: 200, verbose: 1 },
      );
    },
  );

  it("is the first native one that loads and is right, and the plain one where none is", async () => {
    const missing = async () => Promise.reject(new Error("not installed"));
    const wrong = async () => () => 1;
    // Right for digits, and to be told apart by anything else.
    const right = (mark: number) => async () => (bytes: Buffer) =>
      bytes.length === 9 ? crc32c(bytes) : mark;
    const long = Buffer.alloc(1000);
    const first = await loadCrc32c([missing, wrong, right(2), right(3)]);
    expect(first(long, 0, 1000)).toBe(2);
    expect(await loadCrc32c([missing, wrong])).toBe(crc32c);
  });
});
