import { readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UnreadableInput } from "../../../src/api/bad-record.js";
import { parseParquetOptions } from "../../../src/connectors/parquet/options.js";
import { withFile } from "../../../src/connectors/parquet/parquet-file.js";
import type { ParquetSplit } from "../../../src/connectors/parquet/parquet-split.js";
import { HeadwaterError } from "../../../src/errors/index.js";
import { FilesFolder } from "../../files/files-folder.js";
import { decode, splits } from "./decode-one.js";
import {
  FLIGHTS,
  readDirty,
  SMALL_COLUMNS,
  SMALL_FILE,
  toFile,
  toRecords,
  variedColumns,
} from "./parquet-files.js";
import { writeParquet } from "./parquet-writer.js";

const folder = new FilesFolder();

interface Outcome {
  readonly rows: readonly unknown[];
  readonly bad: readonly UnreadableInput[];
  readonly left: number;
}

/** What was read, or the first error of Headwater's own in the chain of causes that names the file. */
async function outcome(path: string): Promise<Outcome | HeadwaterError> {
  try {
    return await readDirty(path);
  } catch (error) {
    for (let e = error; e instanceof Error; e = e.cause as Error) {
      if (e instanceof HeadwaterError && e.code !== "FETCHER_FAILED") return e;
    }
    throw error;
  }
}

describe("a damaged Parquet file", () => {
  it("is refused by name and reason when it is missing, empty or something else", async () => {
    const cases: [string, string, RegExp][] = [
      ["/no/such/file.parquet", "FILE_NOT_FOUND", /no\/such\/file\.parquet: there is no such file/],
      [folder.path, "FILE_NOT_FOUND", /it gives no file/],
      [toFile(new Uint8Array(0)), "FILE_CORRUPT", /it is empty/],
      [toFile(Buffer.from("a,b\n1,2\n3,4\n5,6\n")), "FILE_CORRUPT", /no Parquet file/],
      [toFile(SMALL_FILE.slice(0, -1)), "FILE_CORRUPT", /cut short/],
    ];
    for (const [path, code, message] of cases) {
      const error = await outcome(path);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
      expect((error as HeadwaterError).hint).toBeDefined();
    }
  });

  it("gives a clear error at every place where it may be cut off", async () => {
    const file = writeParquet({ columns: variedColumns(9), rowGroups: [5, 4] });
    for (let length = 0; length < file.length; length++) {
      const path = toFile(file.subarray(0, length), "cut");
      const error = await outcome(path);
      expect(error, `${length} bytes`).toMatchObject({
        code: "FILE_CORRUPT",
        message: expect.stringContaining(path),
      });
    }
  });

  it("is read but for a row group that cannot be decoded, which is one bad record", async () => {
    const columns = [
      { name: "a", type: "INT64" as const, values: [1, 2, 3, 4, 5, 6] },
      { name: "b", type: "BYTE_ARRAY" as const, values: ["xx", "yy", "zz", "ww", "uu", "vv"] },
    ];
    const file = writeParquet({ columns, rowGroups: [2, 2, 2] });
    // The length in front of "zz" becomes larger than the page.
    file[Buffer.from(file).indexOf("zz") - 4] = 200;
    const path = toFile(file);
    for (const assignment of ["all-at-once", "on-request"] as const) {
      const { rows, bad, left } = await readDirty(path, { assignment });
      expect(rows.map((row) => row.a)).toEqual([1, 2, 5, 6]);
      expect(left).toBe(0);
      expect(bad).toEqual([
        {
          splitId: `${path}#1`,
          position: 0,
          raw: new Uint8Array(0),
          rawLength: 0,
          error: expect.objectContaining({
            code: "FILE_CORRUPT",
            message: expect.stringMatching(/row group 1, column b: its pages cannot be decoded/),
          }),
        },
      ]);
    }
  });

  it("says row group and column of a value that its dictionary does not have", async () => {
    const values = ["xx", "yy", "zz", "yy", "xx"];
    const columns = [{ name: "c", type: "BYTE_ARRAY" as const, dictionary: true, values }];
    const file = writeParquet({ columns, rowGroups: [5] });
    // Two bits a value, behind the width 2 and the header of one group: 3 is beyond the three.
    const packed = Buffer.from(file).indexOf(Uint8Array.of(2, 3, 0b01100100));
    expect(packed).toBeGreaterThan(0);
    file[packed + 2] = 0b01100111;
    const { rows, bad } = await readDirty(toFile(file));
    expect(rows).toEqual([]);
    expect(bad.map(({ error }) => (error as Error).message)).toEqual([
      expect.stringMatching(/row group 0, column c: .*outside of its dictionary/),
    ]);
  });

  it("is no bad record when it has changed under the reader, whatever its bytes give", async () => {
    const columns = [{ name: "b", type: "BYTE_ARRAY" as const, values: ["xx", "yy"] }];
    const file = writeParquet({ columns, rowGroups: [2] });
    const path = toFile(file);
    const [split] = await splits(path);
    file[Buffer.from(file).indexOf("xx") - 4] = 200;
    writeFileSync(path, file);
    utimesSync(path, 1, 1);
    const options = parseParquetOptions({ path, changeDetection: "size" });
    const reading = withFile(split as ParquetSplit, options, undefined, async () => {
      truncateSync(path, 10);
      throw new Error("its bytes make no sense");
    });
    await expect(reading).rejects.toMatchObject({ code: "FILE_CHANGED" });
  });

  it("is refused when its schema claims a number of children that cannot be", async () => {
    for (const children of [-1, -2, 1, 2, 3, 2 ** 31 - 1]) {
      const columns = [
        { name: "a", type: "INT32" as const, values: [1] },
        { name: "b", type: "INT32" as const, values: [1], children },
        { name: "c", type: "INT32" as const, values: [1] },
      ];
      const error = await outcome(toFile(writeParquet({ columns, rowGroups: [1] })));
      expect(error, `${children} children`).toMatchObject({ code: "FILE_CORRUPT" });
    }
  });

  it("never hangs or dies of flipped bits, and fails with a code when it fails", async () => {
    const rows = toRecords(SMALL_COLUMNS).length;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: SMALL_FILE.length * 8 - 1 }), { minLength: 1, maxLength: 3 }),
        async (bits) => {
          const result = await outcome(toFile(flip(SMALL_FILE, bits), "flipped"));
          if (result instanceof HeadwaterError) {
            expect(codes).toContain(result.code);
            return;
          }
          // Without checksums a flipped value looks like any other, but no row may get lost.
          const { bad, left } = result;
          const lost = bad.map(({ splitId, error }) =>
            (error as HeadwaterError).code === "LIMIT_EXCEEDED"
              ? 1
              : (SMALL_GROUPS[Number(splitId.split("#")[1])] as number),
          );
          const sum = lost.reduce((all, one) => all + one, result.rows.length);
          expect({ rows: sum, left }).toEqual({ rows, left: 0 });
        },
      ),
      { numRuns: 600 },
    );
  });

  it("survives flipped bits in compressed pages", async () => {
    const file = readFileSync(FLIGHTS);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 4 * 8, max: 1_200_000 * 8 }), async (bit) => {
        const path = toFile(flip(file, [bit]), "flipped");
        const [first] = await splits(path);
        await decode(first as ParquetSplit).then(
          (count) => expect(count).toBe(272_727),
          (error) => expect(codes).toContain((error as HeadwaterError).code),
        );
      }),
      { numRuns: 40 },
    );
  });
});

const codes = ["FILE_CORRUPT", "OPTION_INVALID"];
/** Rows of the row groups of `SMALL_FILE`. */
const SMALL_GROUPS = [13, 20, 7];

function flip(bytes: Uint8Array, bits: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const bit of bits) copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}
