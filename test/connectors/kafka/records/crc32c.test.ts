import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c, loadCrc32c } from "../../../../src/connectors/kafka/records/crc32c.js";

describe("crc32c", () => {
  it("gives the known values of RFC 3720", () => {
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  });

  it("gives the same as the native one for every part of some bytes", async () => {
    const native = await loadCrc32c();
    expect(native).not.toBe(crc32c);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat(20), fc.nat(20), (bytes, a, b) => {
        const to = Math.max(bytes.length - b, 0);
        const from = Math.min(a, to);
        expect(native(bytes, from, to)).toBe(crc32c(bytes, from, to));
      }),
      { numRuns: 200, verbose: 1 },
    );
  });
});
