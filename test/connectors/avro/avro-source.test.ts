import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { avroSource } from "../../../src/connectors/avro/index.js";
import { readAll, SourceRun } from "../source-run.js";
import { block, encoded, header, long } from "./avro-files.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-avro-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

interface Row {
  readonly id: number;
}

const SCHEMA = { type: "record", name: "R", fields: [{ name: "id", type: "int" }] };
const ROWS = Array.from({ length: 3000 }, (_, id) => ({ id }));
const ids = (rows: readonly Row[]): number[] => rows.map(({ id }) => id).sort((a, b) => a - b);
const ALL = ids(ROWS);

describe("avroSource", () => {
  it("reads a file in several splits, and goes on at the exact record after a restart", async () => {
    for (const codec of ["null", "deflate"]) {
      const content = await encoded(SCHEMA, ROWS, { codec, blockSize: 500 });
      for (const path of [
        await file(`${codec}.avro`, content),
        await file(`${codec}.avro.gz`, gzipSync(content)),
      ]) {
        const source = avroSource<Row>({ path, splitSize: 1000 });
        for (const count of [0, 1, 1499, 3000]) {
          const run = new SourceRun(source, { parallelism: 2 }).start();
          const before = await run.take(count);
          const restore = run.checkpoint();
          const splits = new Set(run.enumeratorRun.assigned.map(({ splitId }) => splitId)).size;
          await run.close();
          const after = await readAll(source, { parallelism: 2, restore });
          expect(ids([...before, ...after])).toEqual(ALL);
          if (count === 3000) expect(splits > 1).toBe(!path.endsWith(".gz"));
        }
      }
    }
  });

  it("reports bad blocks with their split", async () => {
    const path = await file(
      "bad.avro",
      Buffer.concat([header(SCHEMA), block(1, long(1)), block(2, long(1)), block(1, long(2))]),
    );
    const run = new SourceRun(avroSource<Row>({ path })).start();
    expect(await run.take()).toEqual([{ id: 1 }, { id: 2 }]);
    const { badRecords } = run;
    await run.close();
    expect(badRecords).toHaveLength(1);
    expect(badRecords[0]).toMatchObject({ position: header(SCHEMA).length + 19 });
    expect(badRecords[0]?.splitId).toContain(path);
  });

  it("refuses options that are unknown or wrong", () => {
    const cases: [options: object, message: RegExp][] = [
      [{ schema: {} }, /avroSource\.schema: there is no such option/],
      [{ readerSchema: 5 }, /avroSource\.readerSchema: expected an Avro schema/],
      [{ int64: "string" }, /avroSource\.int64: expected/],
      [{ timestamps: "text" }, /avroSource\.timestamps: expected/],
      [{ wrapUnions: true }, /avroSource\.wrapUnions: expected/],
      [{ codecs: { snappy: "yes" } }, /avroSource\.codecs: expected an object with a function/],
      [{ maxBlockSize: 0 }, /avroSource\.maxBlockSize: expected a whole number ≥ 1/],
      [{ maxBlockSize: 2 ** 31 }, /avroSource\.maxBlockSize: expected/],
    ];
    for (const [options, message] of cases) {
      expect(() => avroSource({ path: "x", ...options } as never)).toThrow(message);
    }
  });
});
