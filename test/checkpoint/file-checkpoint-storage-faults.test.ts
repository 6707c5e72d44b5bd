import { describe, expect, it } from "vitest";
import { FileCheckpointStorage, findRestorePoint } from "../../src/checkpoint/index.js";
import { checkpointData } from "./sample-checkpoint.js";
import { SimulatedFileSystem } from "./simulated-file-system.js";

const OPTIONS = { directory: "/data/checkpoints", jobName: "flights", retained: 2 };

function storageOn(disk: SimulatedFileSystem): FileCheckpointStorage {
  return new FileCheckpointStorage(OPTIONS, { fileSystem: disk });
}

async function ids(disk: SimulatedFileSystem): Promise<number[]> {
  return (await storageOn(disk).list()).map((checkpoint) => checkpoint.checkpointId);
}

async function store(disk: SimulatedFileSystem, checkpointId: number, storage = storageOn(disk)) {
  return storage.store(checkpointData({ checkpointId }));
}

/** How many operations one store takes on a disk that was prepared. */
async function operationsOf(
  run: (disk: SimulatedFileSystem) => Promise<unknown>,
  prepared: number[],
) {
  const disk = await diskWith(prepared);
  const before = disk.operations;
  await run(disk);
  return disk.operations - before;
}

async function diskWith(checkpointIds: readonly number[]): Promise<SimulatedFileSystem> {
  const disk = new SimulatedFileSystem();
  for (const id of checkpointIds) await store(disk, id);
  return disk;
}

describe("FileCheckpointStorage on a failing disk", () => {
  it.each([[[]], [[1]], [[1, 2]]])(
    "survives a power cut before every operation of a store, after %j",
    async (prepared) => {
      const count = await operationsOf((disk) => store(disk, 5), prepared);
      expect(count).toBeGreaterThan(6);
      for (let at = 1; at <= count; at++) {
        const disk = await diskWith(prepared);
        const start = disk.operations;
        disk.fault = (operation) => (operation - start === at ? "CRASH" : undefined);
        const acknowledged = await store(disk, 5).then(
          () => true,
          () => false,
        );
        disk.restart();
        const listed = await ids(disk);
        const newest = acknowledged || listed.includes(5) ? 5 : prepared.at(-1);
        expect(listed.at(-1), `operation ${at}`).toBe(newest);
        // The newest older one is never deleted before the new one is durable.
        expect(listed).toEqual(expect.arrayContaining(prepared.slice(-1)));
        expect((await findRestorePoint(storageOn(disk)))?.data.checkpointId).toBe(listed.at(-1));
        await store(disk, 6);
        expect((await ids(disk)).at(-1)).toBe(6);
      }
    },
  );

  it("is durable when it says so", async () => {
    const disk = await diskWith([1]);
    await storageOn(disk).storeSavepoint(checkpointData({ kind: "SAVEPOINT" }), "/save/here");
    disk.restart();
    expect(await ids(disk)).toEqual([1]);
    const loaded = await storageOn(disk).load("/save/here/savepoint-flights-7");
    expect(loaded.kind).toBe("SAVEPOINT");
  });

  it.each(["makeDirectory", "createFile", "write", "sync", "close", "rename", "syncDirectory"])(
    "fails the checkpoint, keeps the older one and leaves nothing behind when %s fails",
    async (failing) => {
      for (const code of ["ENOSPC", "EIO", "EACCES"]) {
        const disk = await diskWith([1]);
        const storage = storageOn(disk);
        disk.fault = (_, name, at) => (name === failing && at.includes("chk-2") ? code : undefined);
        await expect(store(disk, 2, storage)).rejects.toMatchObject({
          code: "CHECKPOINT_STORAGE_FAILED",
          domain: "external",
          retry: "backoff",
          message: expect.stringContaining("/data/checkpoints/flights/chk-2"),
          hint: expect.stringContaining(code),
          cause: { code },
        });
        expect(await ids(disk)).toEqual([1]);
        disk.fault = () => undefined;
        expect(disk.exists("/data/checkpoints/flights/chk-2")).toBe(false);
        await store(disk, 3, storage);
        expect(await ids(disk)).toEqual([1, 3]);
      }
    },
  );

  it("makes a checkpoint whose process died before it was durable so before it is restored", async () => {
    const count = await operationsOf((disk) => store(disk, 5), [1]);
    let restored = 0;
    for (let at = 1; at <= count; at++) {
      const disk = await diskWith([1]);
      const start = disk.operations;
      disk.fault = (operation) => (operation - start >= at ? "EIO" : undefined);
      await store(disk, 5).catch(() => undefined);
      disk.fault = () => undefined;
      const newest = (await storageOn(disk).list()).at(-1)?.location ?? "";
      const { checkpointId } = await storageOn(disk).load(newest);
      if (checkpointId === 5) restored++;
      disk.restart();
      expect((await storageOn(disk).load(newest)).checkpointId, `operation ${at}`).toBe(
        checkpointId,
      );
    }
    expect(restored).toBeGreaterThan(1);
  });

  it("keeps its directory, which a process that died had made and not synced", async () => {
    const disk = new SimulatedFileSystem();
    await disk.makeDirectory("/data/checkpoints/flights");
    await store(disk, 1);
    disk.restart();
    expect(await ids(disk)).toEqual([1]);
  });

  it("passes over a directory far up that it may not read, and no other", async () => {
    const disk = new SimulatedFileSystem();
    const forbid = (name: string) => {
      disk.fault = (_, operation, at) =>
        operation === "syncDirectory" && at === name ? "EACCES" : undefined;
    };
    forbid("/data");
    await expect(store(disk, 1)).rejects.toMatchObject({ code: "CHECKPOINT_STORAGE_FAILED" });
    forbid("/");
    const { location } = await store(disk, 2);
    await storageOn(disk).load(location);
    disk.fault = (_, operation) => (operation === "syncDirectory" ? "EIO" : undefined);
    await expect(storageOn(disk).load(location)).rejects.toMatchObject({
      code: "CHECKPOINT_STORAGE_FAILED",
      message: expect.stringMatching("could not sync"),
    });
  });

  it("does not fail a checkpoint because an old one cannot be deleted, and tries again", async () => {
    const disk = await diskWith([1, 2]);
    const storage = storageOn(disk);
    disk.fault = (_, name) => (name === "remove" ? "EACCES" : undefined);
    await store(disk, 3, storage);
    expect(await ids(disk)).toEqual([1, 2, 3]);
    disk.fault = () => undefined;
    await store(disk, 4, storage);
    expect(await ids(disk)).toEqual([3, 4]);
  });

  it("tells a disk that cannot be read from a checkpoint that is not there", async () => {
    const disk = await diskWith([1]);
    disk.fault = (_, name) => (name === "readFile" ? "EIO" : undefined);
    await expect(storageOn(disk).load("/data/checkpoints/flights/chk-1")).rejects.toMatchObject({
      code: "CHECKPOINT_STORAGE_FAILED",
      cause: { code: "EIO" },
    });
  });
});
