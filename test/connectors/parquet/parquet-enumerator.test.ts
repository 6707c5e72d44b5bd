import { describe, expect, it } from "vitest";
import { parseParquetOptions } from "../../../src/connectors/parquet/options.js";
import { ParquetEnumerator } from "../../../src/connectors/parquet/parquet-enumerator.js";
import {
  type ParquetEnumeratorState,
  type ParquetSplit,
  parquetEnumeratorStateSerializer,
  parquetSplitSerializer,
} from "../../../src/connectors/parquet/parquet-split.js";
import { EnumeratorRun } from "../source-run.js";
import { type Options, SMALL_FILE, toFile } from "./parquet-files.js";

const path = toFile(SMALL_FILE);

function create(parallelism: number, options: Options = {}, restored?: ParquetEnumeratorState) {
  const run = new EnumeratorRun<ParquetSplit>(parallelism);
  const parsed = parseParquetOptions({ path, ...options });
  const enumerator = new ParquetEnumerator(run.context, parsed, restored);
  const register = (subtask: number): void => {
    run.register(subtask);
    enumerator.addReader(subtask);
  };
  const assigned = (): string[] =>
    run.assigned.map(({ subtask, splitId }) => `${splitId.replace(path, "")}→${subtask}`);
  return { run, enumerator, register, assigned };
}

describe("ParquetEnumerator", () => {
  it("all at once: deals row groups out in turn as readers come, and says that no more will", async () => {
    const { run, enumerator, register, assigned } = create(2);
    enumerator.start();
    register(1);
    expect(run.noMoreSplits.size).toBe(0);
    await run.settled();
    expect(assigned()).toEqual(["#1→1"]);
    register(0);
    expect(assigned()).toEqual(["#1→1", "#0→0", "#2→0"]);
    expect([...run.noMoreSplits]).toEqual([1, 0]);
  });

  it("on request: gives one row group a request, also to readers that asked before discovery", async () => {
    const { run, enumerator, register, assigned } = create(2, { assignment: "on-request" });
    enumerator.start();
    register(0);
    register(1);
    enumerator.handleSplitRequest(1, "localhost");
    await run.settled();
    expect(assigned()).toEqual(["#0→1"]);
    for (let i = 0; i < 3; i++) enumerator.handleSplitRequest(0, "localhost");
    expect(assigned()).toEqual(["#0→1", "#1→0", "#2→0"]);
    expect([...run.noMoreSplits]).toEqual([0]);
  });

  it("gives splits that came back to whoever reads them next", async () => {
    const { run, enumerator, register, assigned } = create(1);
    enumerator.start();
    register(0);
    await run.settled();
    const [first] = run.assigned;
    expect(first).toBeDefined();
    run.readers.delete(0);
    const split = {
      splitId: `${path}#0`,
      path,
      fileSize: 1,
      rowGroup: 0,
      rowStart: 0,
      rowEnd: 13,
      position: 4,
    };
    enumerator.addSplitsBack([split], 0);
    expect(enumerator.snapshotState(1)).toEqual({ discovered: true, splits: [split] });
    register(0);
    expect(assigned().at(-1)).toBe("#0→0");
    expect(enumerator.snapshotState(2).splits).toEqual([]);
  });

  it("restored: deals out what was left and reads no footer again", async () => {
    const first = create(1, { assignment: "on-request" });
    first.enumerator.start();
    first.register(0);
    await first.run.settled();
    first.enumerator.handleSplitRequest(0, "localhost");
    const state = first.enumerator.snapshotState(1);
    expect(state.splits.map((split) => split.rowGroup)).toEqual([1, 2]);

    const second = create(1, { assignment: "on-request" }, state);
    expect(second.enumerator.snapshotState(2)).toEqual(state);
    second.enumerator.start();
    second.register(0);
    second.enumerator.handleSplitRequest(0, "localhost");
    expect(second.assigned()).toEqual(["#1→0"]);
    expect(second.run.calls).toEqual([]);
  });

  it("fails with what is wrong with the first bad file", async () => {
    const { run, enumerator } = create(1, { path: [path, "/no/such.parquet"] });
    enumerator.start();
    await expect(run.settled()).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  });
});

describe("the serializers of parquetSource", () => {
  const split: ParquetSplit = {
    splitId: "ä#3",
    path: "ä",
    fileSize: 2 ** 40,
    rowGroup: 3,
    rowStart: 10,
    rowEnd: 20,
    position: 10,
  };

  it("give back what they wrote", () => {
    const serializer = parquetSplitSerializer;
    expect(serializer.deserialize(serializer.version, serializer.serialize(split))).toEqual(split);
    const state = { discovered: true, splits: [split] };
    const ofState = parquetEnumeratorStateSerializer;
    expect(ofState.deserialize(ofState.version, ofState.serialize(state))).toEqual(state);
  });

  it("refuse newer versions, garbage and impossible positions, and say why", () => {
    const serializer = parquetSplitSerializer;
    const bytes = serializer.serialize(split);
    expect(() => serializer.deserialize(2, bytes)).toThrow(
      expect.objectContaining({
        code: "CHECKPOINT_VERSION_UNSUPPORTED",
        message: expect.stringContaining("parquet split has version 2"),
      }),
    );
    const garbage = (text: string) => () => serializer.deserialize(1, Buffer.from(text));
    const failed = (message: RegExp) =>
      expect.objectContaining({
        code: "SERIALIZER_FAILED",
        message: expect.stringMatching(message),
      });
    expect(garbage("{")).toThrow(failed(/no JSON/));
    expect(garbage("[]")).toThrow(failed(/expected/));
    expect(garbage(JSON.stringify({ ...split, rowGroup: "3" }))).toThrow(failed(/rowGroup.*"3"/));
    expect(garbage(JSON.stringify({ ...split, position: 11 }))).toThrow(failed(/position/));
    expect(garbage(JSON.stringify({ ...split, extra: 1 }))).toThrow(failed(/extra/));
    expect(() => serializer.deserialize(1, Uint8Array.of(0xff))).toThrow(failed(/no JSON/));
  });
});
