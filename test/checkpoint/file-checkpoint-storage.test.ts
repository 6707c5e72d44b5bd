import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  FileCheckpointStorage,
  findRestorePoint,
  nextCheckpointId,
} from "../../src/checkpoint/index.js";
import { checkpointData } from "./sample-checkpoint.js";

let directory: string;

beforeEach(async () => {
  directory = await fs.mkdtemp(path.join(tmpdir(), "headwater-checkpoints-"));
});

afterEach(async () => {
  await fs.rm(directory, { recursive: true, force: true });
});

function storageOf(jobName = "flights", retained = 3): FileCheckpointStorage {
  return new FileCheckpointStorage({ directory, jobName, retained });
}

async function ids(storage: FileCheckpointStorage): Promise<number[]> {
  return (await storage.list()).map((checkpoint) => checkpoint.checkpointId);
}

describe("FileCheckpointStorage", () => {
  it("stores a checkpoint where Flink would and loads it from directory or file", async () => {
    const storage = storageOf();
    const data = checkpointData({ checkpointId: 12 });
    const stored = await storage.store(data);
    const location = path.join(directory, "flights", "chk-12");
    const { size } = await fs.stat(path.join(location, "_metadata"));
    expect(stored).toEqual({
      checkpointId: 12,
      kind: "CHECKPOINT",
      triggeredAt: data.triggeredAt,
      location,
      bytes: size,
    });
    expect(await storage.load(location)).toEqual(data);
    expect(await storage.load(path.join(location, "_metadata"))).toEqual(data);
    expect(await fs.readdir(location)).toEqual(["_metadata"]);
  });

  it("creates the directory with its parents", async () => {
    const deep = path.join(directory, "a", "b", "c");
    const storage = new FileCheckpointStorage({ directory: deep, jobName: "j" });
    const { location } = await storage.store(checkpointData());
    expect(location).toBe(path.join(deep, "j", "chk-7"));
  });

  it("keeps the last n, oldest first in the list", async () => {
    const storage = storageOf("flights", 2);
    for (const checkpointId of [1, 2, 9, 10]) await storage.store(checkpointData({ checkpointId }));
    expect(await ids(storage)).toEqual([9, 10]);
    expect((await fs.readdir(path.join(directory, "flights"))).sort()).toEqual(["chk-10", "chk-9"]);
  });

  it("stores a savepoint at its target, does not list it, and never deletes it", async () => {
    const storage = storageOf("flights", 1);
    const target = path.join(directory, "somewhere", "else");
    const savepoint = checkpointData({ checkpointId: 3, kind: "SAVEPOINT" });
    const stored = await storage.storeSavepoint(savepoint, target);
    expect(stored.location).toBe(path.join(target, "savepoint-flights-3"));
    for (const checkpointId of [4, 5]) await storage.store(checkpointData({ checkpointId }));
    expect(await ids(storage)).toEqual([5]);
    await storage.discard(stored.location);
    expect(await storage.load(stored.location)).toEqual(savepoint);
  });

  it("deletes a savepoint of the job that was durable too late, and no other directory", async () => {
    const storage = storageOf();
    const target = path.join(directory, "kept");
    const late = await storage.storeSavepoint(
      checkpointData({ checkpointId: 3, kind: "SAVEPOINT" }),
      target,
    );
    await storage.discardSavepoint({ ...late, checkpointId: 4 });
    await storage.discardSavepoint({ ...late, location: target });
    expect((await storage.load(late.location)).checkpointId).toBe(3);
    await storage.discardSavepoint(late);
    await expect(storage.load(late.location)).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
    });
  });

  it("does not overwrite a savepoint or a checkpoint of an earlier run", async () => {
    const storage = storageOf();
    const savepoint = checkpointData({ checkpointId: 3, kind: "SAVEPOINT" });
    await storage.storeSavepoint(savepoint, directory);
    const taken = { code: "CHECKPOINT_STORAGE_FAILED", hint: expect.stringContaining("Resume") };
    await expect(storage.storeSavepoint(savepoint, directory)).rejects.toMatchObject(taken);
    await storage.store(checkpointData({ checkpointId: 9 }));
    const restarted = storageOf();
    await expect(restarted.store(checkpointData({ checkpointId: 1 }))).rejects.toMatchObject(taken);
    expect(await ids(restarted)).toEqual([9]);
    expect(await nextCheckpointId(restarted)).toBe(10);
    await restarted.store(checkpointData({ checkpointId: 10 }));
  });

  it("tells what is missing and what to give", async () => {
    const storage = storageOf();
    const missing = path.join(directory, "nowhere");
    await expect(storage.load(missing)).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
      message: `no checkpoint at ${missing}: there is nothing`,
      hint: expect.stringContaining("_metadata"),
    });
    await expect(storage.load(directory)).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
      message: expect.stringContaining("the directory has no _metadata"),
    });
    const foreign = path.join(directory, "notes.txt");
    await fs.writeFile(foreign, "milk, bread\n");
    await expect(storage.load(foreign)).rejects.toMatchObject({
      code: "CHECKPOINT_CORRUPT",
      message: expect.stringContaining(foreign),
    });
    await fs.writeFile(foreign, "");
    await expect(storage.load(foreign)).rejects.toMatchObject({
      message: expect.stringContaining("the file is empty"),
    });
  });

  it("never lists or loads what has only a temporary file, and clears it before the next store", async () => {
    const first = storageOf();
    const { location } = await first.store(checkpointData({ checkpointId: 1 }));
    const torn = path.join(directory, "flights", "chk-2");
    await fs.mkdir(torn);
    const temporary = path.join(torn, "_metadata.tmp");
    await fs.copyFile(path.join(location, "_metadata"), temporary);
    await fs.writeFile(path.join(location, "_metadata.tmp"), "half");

    const storage = storageOf();
    expect(await ids(storage)).toEqual([1]);
    expect((await findRestorePoint(storage))?.location).toBe(location);
    for (const place of [torn, temporary]) {
      await expect(storage.load(place)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
    }
    await storage.store(checkpointData({ checkpointId: 3 }));
    expect((await fs.readdir(path.join(directory, "flights"))).sort()).toEqual(["chk-1", "chk-3"]);
    expect(await fs.readdir(location)).toEqual(["_metadata"]);
  });

  it("leaves foreign files in its directory alone", async () => {
    const own = path.join(directory, "flights");
    await fs.mkdir(path.join(own, "chk-old"), { recursive: true });
    await fs.writeFile(path.join(own, "README"), "mine");
    await storageOf("flights", 1).store(checkpointData());
    expect((await fs.readdir(own)).sort()).toEqual(["README", "chk-7", "chk-old"]);
  });

  it("keeps jobs with any name apart, inside the directory", async () => {
    const names = ["a/b", "a%2Fb", "..", ".", "a b", "é", "con:", "x".repeat(400), "x".repeat(401)];
    for (const jobName of names) await storageOf(jobName).store(checkpointData({ jobName }));
    expect((await fs.readdir(directory)).length).toBe(names.length);
    for (const jobName of names) {
      expect((await findRestorePoint(storageOf(jobName)))?.data.jobName).toBe(jobName);
    }
  });

  it("refuses unknown and wrong options by name", () => {
    const create = (options: object) => () => new FileCheckpointStorage(options as never);
    expect(create({ directory, jobName: "j", retained: 0 })).toThrow("checkpointStorage.retained");
    expect(create({ directory, jobName: "j", retain: 1 })).toThrow("checkpointStorage.retain");
    expect(create({ directory: "", jobName: "j" })).toThrow("checkpointStorage.directory");
  });
});

describe("findRestorePoint", () => {
  it("finds nothing in a fresh directory", async () => {
    expect(await findRestorePoint(storageOf())).toBeUndefined();
    expect(await nextCheckpointId(storageOf())).toBe(1);
  });

  it("takes the newest of the job's checkpoints and savepoints", async () => {
    const storage = storageOf();
    const other = storageOf("flights-2");
    await storage.store(checkpointData({ checkpointId: 4 }));
    await storage.storeSavepoint(checkpointData({ checkpointId: 5, kind: "SAVEPOINT" }), directory);
    await other.storeSavepoint(
      checkpointData({ checkpointId: 9, jobName: "flights-2" }),
      directory,
    );
    expect((await findRestorePoint(storage))?.location).toBe(
      path.join(directory, "savepoint-flights-5"),
    );
    await storage.store(checkpointData({ checkpointId: 6 }));
    expect((await findRestorePoint(storage))?.data.checkpointId).toBe(6);
    expect(await nextCheckpointId(storage, checkpointData({ checkpointId: 4 }))).toBe(7);
    expect(await nextCheckpointId(storage, checkpointData({ checkpointId: 90 }))).toBe(91);
  });

  it("does not fall back silently when the newest is damaged, and names the next older one", async () => {
    const storage = storageOf();
    const older = await storage.store(checkpointData({ checkpointId: 4 }));
    const newest = await storage.store(checkpointData({ checkpointId: 5 }));
    await fs.truncate(path.join(newest.location, "_metadata"), 100);
    await expect(findRestorePoint(storage)).rejects.toMatchObject({
      code: "CHECKPOINT_CORRUPT",
      message: expect.stringContaining(newest.location),
      hint: expect.stringContaining(older.location),
    });
    expect(await ids(storage)).toEqual([4]);
  });
});
