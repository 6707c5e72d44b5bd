import { statSync, truncateSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parquetSource } from "../../../src/connectors/parquet/index.js";
import { parseParquetOptions } from "../../../src/connectors/parquet/options.js";
import {
  type ParquetSplit,
  parquetEnumeratorStateSerializer,
  parquetSplitSerializer,
} from "../../../src/connectors/parquet/parquet-split.js";
import { parquetSplitsOf } from "../../../src/connectors/parquet/parquet-splits.js";
import { EnumeratorRun } from "../source-run.js";
import { type Options, SMALL_FILE, sourceOf, toFile } from "./parquet-files.js";

const path = toFile(SMALL_FILE);

function create(parallelism: number, options: Options = {}) {
  const run = new EnumeratorRun<ParquetSplit>(parallelism);
  const enumerator = sourceOf(path, options).createEnumerator(run.context);
  enumerator.start();
  const register = (subtask: number): void => {
    run.register(subtask);
    enumerator.addReader(subtask);
  };
  const assigned = (): string[] =>
    run.assigned.map(({ subtask, splitId }) => `${splitId.replace(path, "")}→${subtask}`);
  return { run, enumerator, register, assigned };
}

describe("the splits of a Parquet file", () => {
  it("are its row groups, with what the file was like when it was found", async () => {
    const { size, mtimeMs: modified } = statSync(path);
    const splits = await parquetSplitsOf({ path, size, modified }, parseParquetOptions({ path }));
    expect(splits).toEqual(
      [
        [0, 13],
        [13, 33],
        [33, 40],
      ].map(([rowStart, rowEnd], rowGroup) => ({
        splitId: `${path}#${rowGroup}`,
        path,
        fileSize: size,
        modified,
        rowGroup,
        rowStart,
        rowEnd,
        position: 0,
      })),
    );
  });

  it("are refused when the file has changed since it was found", async () => {
    const changing = toFile(SMALL_FILE);
    const { size, mtimeMs: modified } = statSync(changing);
    truncateSync(changing, size - 10);
    const options = parseParquetOptions({ path: changing });
    const found = { path: changing, size, modified };
    await expect(parquetSplitsOf(found, options)).rejects.toMatchObject({ code: "FILE_CHANGED" });
  });

  it("are all dealt out at once by default, one a request when wanted", async () => {
    const eager = create(2);
    eager.register(1);
    eager.register(0);
    await eager.run.settled();
    expect(eager.assigned().sort()).toEqual(["#0→0", "#1→1", "#2→0"]);
    expect([...eager.run.noMoreSplits]).toEqual([1, 0]);
    const lazy = create(1, { assignment: "on-request" });
    lazy.register(0);
    await lazy.run.settled();
    expect(lazy.assigned()).toEqual([]);
    lazy.enumerator.handleSplitRequest(0, "localhost");
    expect(lazy.assigned()).toEqual(["#0→0"]);
  });

  it("come on request from a source that looks for files all the time", () => {
    const options = { path, discoveryInterval: "1s" } as const;
    expect(parquetSource(options).boundedness).toBe("CONTINUOUS_UNBOUNDED");
    expect(parseParquetOptions(options).files.assignment).toBe("on-request");
    expect(() => parquetSource({ ...options, assignment: "all-at-once" })).toThrow(
      /parquetSource\.assignment.*discoveryInterval/,
    );
  });
});

const split: ParquetSplit = {
  splitId: "ä#3",
  path: "ä",
  fileSize: 2 ** 40,
  modified: 1.5,
  rowGroup: 3,
  rowStart: 10,
  rowEnd: 20,
  position: 10,
};
const { modified: _, ...firstVersion } = split;
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe("the serializers of parquetSource", () => {
  it("give back what they wrote", () => {
    const serializer = parquetSplitSerializer;
    for (const one of [split, { ...split, modified: null }]) {
      expect(serializer.deserialize(serializer.version, serializer.serialize(one))).toEqual(one);
    }
    const state = { continuous: true, discovered: true, splits: [split], processed: ["ä", "b"] };
    const ofState = parquetEnumeratorStateSerializer;
    expect(ofState.deserialize(ofState.version, ofState.serialize(state))).toEqual(state);
  });

  it("read version 1, which did not know when a file was modified", () => {
    const upgraded = { ...split, modified: null };
    expect(parquetSplitSerializer.deserialize(1, bytesOf(firstVersion))).toEqual(upgraded);
    const read = (state: unknown) =>
      parquetEnumeratorStateSerializer.deserialize(1, bytesOf(state));
    expect(read({ discovered: true, splits: [firstVersion] })).toEqual({
      continuous: false,
      discovered: true,
      splits: [upgraded],
      processed: [],
    });
    expect(read({ discovered: false, splits: [] })).toMatchObject({ discovered: false });
  });

  it("refuse newer versions, garbage and impossible positions, and say why", () => {
    const serializer = parquetSplitSerializer;
    const bytes = serializer.serialize(split);
    expect(() => serializer.deserialize(3, bytes)).toThrow(
      expect.objectContaining({
        code: "CHECKPOINT_VERSION_UNSUPPORTED",
        message: expect.stringContaining("parquet split has version 3"),
      }),
    );
    const failed = (message: RegExp) =>
      expect.objectContaining({
        code: "SERIALIZER_FAILED",
        message: expect.stringMatching(message),
      });
    for (const version of [1, 2]) {
      const good = version === 1 ? firstVersion : split;
      const garbage = (text: string) => () => serializer.deserialize(version, Buffer.from(text));
      expect(garbage("{")).toThrow(failed(/no JSON/));
      for (const text of ["[]", "3", "null"]) expect(garbage(text)).toThrow(failed(/expected/));
      expect(garbage(JSON.stringify({ ...good, rowGroup: "3" }))).toThrow(failed(/rowGroup.*"3"/));
      expect(garbage(JSON.stringify({ ...good, position: 11 }))).toThrow(failed(/position/));
      expect(garbage(JSON.stringify({ ...good, extra: 1 }))).toThrow(failed(/extra/));
      expect(() => serializer.deserialize(version, Uint8Array.of(0xff))).toThrow(failed(/no JSON/));
      for (const state of ["null", "[]", '{"discovered":true}', '{"splits":3}', '{"splits":[3]}']) {
        const ofState = parquetEnumeratorStateSerializer;
        expect(() => ofState.deserialize(version, Buffer.from(state)), state).toThrow(failed(/./));
      }
    }
  });
});
