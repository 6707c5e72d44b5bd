import { describe, expect, it } from "vitest";
import {
  RecordBatchBuilder,
  RecordBatchReader,
  RecordCodecs,
  type RecordColumns,
} from "../../../../../src/connectors/kafka/records/index.js";
import { ValueTexts } from "../../../../../src/connectors/kafka/source/value-texts.js";

type Field = string | Buffer | null;

/** A record a value; keys and headers, of any bytes, lie between the values. */
async function columnsOf(values: readonly Field[], keys: readonly Field[] = []) {
  const codecs = await RecordCodecs.load();
  const builder = new RecordBatchBuilder({ codecs });
  for (const [i, value] of values.entries()) {
    const headers =
      i % 3 === 0 ? undefined : [{ key: "ä", value: Buffer.from([0x80 + (i % 100)]) }];
    expect(builder.append(keys[i % (keys.length || 1)] ?? null, value, headers, i * 1000)).toBe(
      true,
    );
  }
  const reader = new RecordBatchReader(builder.build(), { codecs, partition: "t-0" });
  return reader.nextColumns() as RecordColumns;
}

function textsOf(columns: RecordColumns, until = columns.count): (string | undefined | null)[] {
  const texts = new ValueTexts();
  return Array.from({ length: until }, (_, i) =>
    columns.valueLength(i) < 0 ? null : texts.at(columns, i, until),
  );
}

describe("values of a batch as text", () => {
  it("are what each of them is, whatever lies between them", async () => {
    const values = Array.from({ length: 200 }, (_, i) => `${"v".repeat(i % 130)}${i}`);
    const keys = [null, "k", "ключ", Buffer.from([0xff, 0x80, 0xc3])];
    expect(textsOf(await columnsOf(values, keys))).toEqual(values);
  });

  it("leave out records without a value, and know empty ones", async () => {
    const values = Array.from({ length: 40 }, (_, i) => [null, "", "text"][i % 3] as Field);
    expect(textsOf(await columnsOf(values))).toEqual(values);
  });

  it("are not made of values that are not ASCII", async () => {
    for (const odd of ["é", "\u0080", "日本", Buffer.from([0xc3]), Buffer.from([0xff, 0x41])]) {
      for (const at of [0, 7, 19]) {
        const values: Field[] = Array.from({ length: 20 }, (_, i) => `value ${i}`);
        values[at] = odd;
        const texts = textsOf(await columnsOf(values, [Buffer.from([0x80, 0xbf])]));
        expect(texts[at], `${odd} at ${at}`).toBeUndefined();
        for (const [i, text] of texts.entries()) expect([undefined, values[i]]).toContain(text);
      }
    }
  });

  it("never join two values, though the end of one and the beginning of the next are one character", async () => {
    const values = Array.from({ length: 20 }, (_, i) =>
      Buffer.from(i % 2 === 0 ? [0x41, 0xc3] : [0xa9]),
    );
    expect(textsOf(await columnsOf(values))).toEqual(values.map(() => undefined));
  });

  it("are decoded one by one where they are long, or far from each other", async () => {
    const long = Array.from({ length: 20 }, () => "x".repeat(20_000));
    expect(textsOf(await columnsOf(long))).toEqual(long.map(() => undefined));
    const near = Array.from({ length: 20 }, () => "near");
    const far = textsOf(await columnsOf(near, [Buffer.alloc(300)]));
    expect(far).toEqual(near.map(() => undefined));
  });

  it("of many windows are those of one batch", async () => {
    const values = Array.from({ length: 1500 }, (_, i) => `${i}${"y".repeat(i % 300)}`);
    const texts = textsOf(await columnsOf(values));
    for (const [i, text] of texts.entries()) expect([undefined, values[i]]).toContain(text);
    expect(texts.filter((text) => text !== undefined).length).toBeGreaterThan(1400);
  });

  it("are looked at only as far as they are asked for, and anew when the columns are others", async () => {
    const texts = new ValueTexts();
    const first = await columnsOf(Array.from({ length: 20 }, () => "old"));
    expect(texts.at(first, 0, 10)).toBe("old");
    expect(texts.at(first, 10, 12)).toBeUndefined();
    const second = await columnsOf(Array.from({ length: 20 }, () => "new"));
    texts.forget();
    expect(texts.at(second, 0, 20)).toBe("new");
  });
});
