import { describe, expect, it } from "vitest";
import { csvSink, csvSource } from "../../../src/connectors/csv/index.js";
import { ndjsonSink, ndjsonSource } from "../../../src/connectors/ndjson/index.js";
import { textSink, textSource } from "../../../src/connectors/text/index.js";
import { readAll } from "../../connectors/source-run.js";
import { sinkFolder, writeAll } from "./sink-folder.js";

const texts = Array.from({ length: 5000 }, (_, i) => `${i} é \u{1f6a2}, "${"x".repeat(i % 90)}"`);

/** Chunks and a small buffer give several writes, and with gzip several members. */
const chunks = <T>(records: readonly T[]): T[][] => [
  records.slice(0, 10),
  records.slice(10, 2000),
  records.slice(2000),
];

describe.each(["none", "gzip"] as const)("files of a sink, compression %s", (compression) => {
  it("give textSource its lines again", async () => {
    const path = sinkFolder();
    await writeAll(textSink({ path, compression, bufferSize: 10_000 }), ...chunks(texts));
    expect(await readAll(textSource({ path }))).toEqual(texts);
  });

  it("give ndjsonSource its records again", async () => {
    const path = sinkFolder();
    const records = texts.map((text, i) => ({ text: `${text}\n`, i, list: [i, null] }));
    await writeAll(ndjsonSink({ path, compression, bufferSize: 10_000 }), ...chunks(records));
    expect(await readAll(ndjsonSource({ path }))).toEqual(records);
  });

  it("give csvSource its records again", async () => {
    const path = sinkFolder();
    const records = texts.map((text, i) => ({ text: `${text}\n`, i: `${i}` }));
    await writeAll(csvSink({ path, compression, bufferSize: 10_000 }), ...chunks(records));
    const columns = { text: "string", i: "string" } as const;
    expect(await readAll(csvSource({ path, columns }))).toEqual(records);
  });
});
