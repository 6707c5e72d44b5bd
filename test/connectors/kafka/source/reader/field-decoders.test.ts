import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesField } from "../../../../../src/connectors/kafka/source/field-decoders.js";

const SEED = Date.now() % 1_000_000;

describe(`values as bytes (seed ${SEED})`, () => {
  it("are what was fetched, and stay so whatever becomes of the fetch and of each other", () => {
    const value = fc.record({
      gap: fc.oneof(fc.nat(20), fc.nat(2000)),
      length: fc.oneof(fc.nat(200), fc.nat(5000)),
      isOtherFetch: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      isTwice: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 100 }), (values) => {
        const decode = bytesField();
        const fetches: Buffer[] = [];
        const decoded: { value: Buffer; expected: Buffer }[] = [];
        let at = 0;
        for (const { gap, length, isOtherFetch, isTwice } of values) {
          if (fetches.length === 0 || isOtherFetch || at + gap + length > 50_000) {
            fetches.push(
              Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 31) ^ fetches.length)),
            );
            at = 0;
          }
          const bytes = fetches.at(-1) as Buffer;
          const start = at + gap;
          at = start + length;
          if (isTwice) decode(bytes, start, at);
          const expected = Buffer.from(bytes.subarray(start, at));
          decoded.push({ value: decode(bytes, start, at), expected });
        }
        for (const bytes of fetches) bytes.fill(0);
        for (const { value, expected } of decoded) {
          expect(value.equals(expected)).toBe(true);
          value.fill(0);
        }
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  it.each([false, true])("keep no more than some kilobytes (a batch's own: %s)", (isOwn) => {
    const decode = bytesField();
    const bytes = Buffer.alloc(1_000_000, 1);
    for (let start = 0; start < 900_000; start += 107) {
      const value = decode(bytes, start, start + 100, isOwn);
      expect(value.buffer.byteLength).toBeLessThanOrEqual(65_536);
    }
  });

  it("are not copied out of a short batch of their own", () => {
    const decode = bytesField();
    const own = Buffer.from("of no fetch".repeat(100));
    const [batch, other] = [Buffer.from(new Uint8Array(own)), Buffer.from(new Uint8Array(own))];
    const values = [decode(batch, 0, 11, true), decode(batch, 11, 1000, true)];
    expect(values.map(({ buffer }) => buffer)).toEqual([batch.buffer, batch.buffer]);
    expect(Buffer.concat(values)).toEqual(own.subarray(0, 1000));
    const longest = Buffer.allocUnsafeSlow(131_072);
    expect(decode(longest, 0, 11, true).buffer).toBe(longest.buffer);
    const tooLong = Buffer.allocUnsafeSlow(131_073);
    expect(decode(tooLong, 0, 11, true).buffer).not.toBe(tooLong.buffer);
    // What is not its own is copied, also after what was.
    const copied = decode(other, 0, 11, false);
    other.fill(0);
    expect(copied.toString()).toBe("of no fetch");
  });
});
