import { describe, expect, it } from "vitest";
import type { RecordsWithSplitIds } from "../../../src/api/split-reader.js";
import { parseParquetOptions } from "../../../src/connectors/parquet/options.js";
import type { ParquetRow } from "../../../src/connectors/parquet/parquet-batch.js";
import type { ParquetSplit } from "../../../src/connectors/parquet/parquet-split.js";
import { ParquetSplitReader } from "../../../src/connectors/parquet/parquet-split-reader.js";
import { fileMetrics } from "../../../src/files/index.js";
import { MetricRegistry } from "../../../src/metrics/metric-registry.js";
import { splits as splitsOf } from "./decode-one.js";
import { type Options, SMALL_FILE, toFile } from "./parquet-files.js";

interface Row {
  readonly id: number;
}

async function open(options: Options = {}) {
  const path = toFile(SMALL_FILE);
  const parsed = parseParquetOptions({ path, columns: ["id"], batchSize: 5, ...options });
  const metrics = new MetricRegistry();
  const reader = new ParquetSplitReader<Row>(parsed, metrics.root(), fileMetrics(metrics.root()));
  const splits = await splitsOf(path);
  reader.handleSplitsChanges({ type: "ADDITION", splits });
  return { reader, splits, metrics, ids: () => fetchIds(reader) };
}

/** The ids of the next batch that is not empty. */
async function fetchIds(reader: ParquetSplitReader<Row>): Promise<number[]> {
  for (;;) {
    const batch = await reader.fetch();
    const ids = idsOf(batch);
    if (ids.length > 0) return ids;
  }
}

function idsOf(batch: RecordsWithSplitIds<ParquetRow<Row>>): number[] {
  const ids: number[] = [];
  while (batch.nextSplit() !== null) {
    for (let row = batch.nextRecordFromSplit(); row !== null; row = batch.nextRecordFromSplit()) {
      ids.push(row.value.id);
    }
  }
  return ids;
}

const at = (splits: readonly ParquetSplit[], i: number): ParquetSplit[] => splits.slice(i, i + 1);

describe("ParquetSplitReader", () => {
  it("lets its splits take turns and says when each is finished", async () => {
    const { reader, splits } = await open();
    const finished: string[] = [];
    const batches: number[][] = [];
    while (finished.length < splits.length) {
      const batch = await reader.fetch();
      batches.push(idsOf(batch));
      finished.push(...batch.finishedSplits());
    }
    expect(batches.slice(0, 4).map((ids) => ids[0])).toEqual([0, 13, 33, 5]);
    expect(batches.flat().sort((a, b) => a - b)).toEqual([...Array(40).keys()]);
    expect(new Set(finished)).toEqual(new Set(splits.map((split) => split.splitId)));
    await reader.close();
  });

  it("gives every split its first turn, before any gets a second one", async () => {
    const { reader, ids } = await open({ maxDecodedRowGroups: 1 });
    const first: (number | undefined)[] = [];
    for (let turn = 0; turn < 5; turn++) first.push((await ids())[0]);
    expect(first).toEqual([0, 13, 33, 38, 5]);
    await reader.close();
  });

  it("passes over a split while it is paused, and goes on where it was", async () => {
    const { reader, splits, ids } = await open();
    expect(await ids()).toEqual([0, 1, 2, 3, 4]);
    reader.pauseOrResumeSplits(at(splits, 0), []);
    const meanwhile: number[] = [];
    for (let turn = 0; turn < 4; turn++) meanwhile.push(...(await ids()));
    expect(meanwhile.every((id) => id >= 13)).toBe(true);
    reader.pauseOrResumeSplits([], at(splits, 0));
    const later: number[] = [];
    while (later.length < 15) later.push(...(await ids()));
    expect(later.filter((id) => id < 13).slice(0, 5)).toEqual([5, 6, 7, 8, 9]);
    await reader.close();
  });

  it("drops what it decoded beyond the limit and decodes it again, without a row lost or twice", async () => {
    const { reader, splits, metrics, ids } = await open({ maxDecodedRowGroups: 1 });
    const seen = await ids();
    reader.pauseOrResumeSplits(at(splits, 0), []);
    seen.push(...(await ids()));
    expect(metrics.snapshot()).toMatchObject({ rowGroupsDropped: 1, decodedRowGroups: 1 });
    reader.pauseOrResumeSplits([], at(splits, 0));
    while (seen.length < 40) seen.push(...(await ids()));
    expect(seen.sort((a, b) => a - b)).toEqual([...Array(40).keys()]);
    expect(metrics.snapshot()).toMatchObject({ rowGroupsDecoded: 5, decodedRowGroups: 0 });
    await reader.close();
  });

  it("waits while every split is paused, until it is woken up", async () => {
    const { reader, splits, ids } = await open();
    reader.pauseOrResumeSplits(splits, []);
    const fetched = Promise.resolve(reader.fetch());
    let over = false;
    void fetched.then(() => {
      over = true;
    });
    await new Promise(setImmediate);
    expect(over).toBe(false);
    reader.wakeUp();
    expect(idsOf(await fetched)).toEqual([]);
    reader.pauseOrResumeSplits([], splits);
    expect(await ids()).toEqual([0, 1, 2, 3, 4]);
    await reader.close();
  });

  it("returns soon when it is woken up while it decodes, and loses nothing by it", async () => {
    const { reader, ids } = await open();
    const fetched = reader.fetch();
    reader.wakeUp();
    expect(idsOf(await fetched)).toEqual([]);
    expect(await ids()).toEqual([0, 1, 2, 3, 4]);
    await reader.close();
  });

  it("does not read splits that were taken away", async () => {
    const { reader, splits, ids } = await open();
    const fetched = reader.fetch();
    reader.wakeUp();
    await fetched;
    reader.handleSplitsChanges({ type: "REMOVAL", splits: at(splits, 0) });
    expect(await ids()).toEqual([13, 14, 15, 16, 17]);
    await reader.close();
  });

  it("finishes a restored split whose last row had been emitted, without decoding it", async () => {
    const { reader, splits, metrics } = await open();
    reader.handleSplitsChanges({ type: "REMOVAL", splits });
    const done = at(splits, 2).map((split) => ({ ...split, position: 7 }));
    reader.handleSplitsChanges({ type: "ADDITION", splits: done });
    const batch = await reader.fetch();
    expect(batch.nextSplit()).toBeNull();
    expect([...batch.finishedSplits()]).toEqual([splits[2]?.splitId]);
    expect(metrics.snapshot().rowGroupsDecoded).toBeUndefined();
    await reader.close();
  });

  it("ends its waiting and its reading when it is closed", async () => {
    const { reader } = await open();
    const fetched = Promise.resolve(reader.fetch()).catch((error: unknown) => error);
    await reader.close();
    expect(await fetched).toMatchObject({ nextSplit: expect.any(Function) });
  });
});
