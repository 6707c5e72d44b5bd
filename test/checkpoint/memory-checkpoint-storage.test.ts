import { describe, expect, it } from "vitest";
import {
  findRestorePoint,
  MemoryCheckpointStorage,
  nextCheckpointId,
} from "../../src/checkpoint/index.js";
import { checkpointData } from "./sample-checkpoint.js";

describe("MemoryCheckpointStorage", () => {
  it("keeps the last n checkpoints and every savepoint", async () => {
    const storage = new MemoryCheckpointStorage({ jobName: "flights", retained: 2 });
    const savepoint = checkpointData({ checkpointId: 2, kind: "SAVEPOINT" });
    await storage.store(checkpointData({ checkpointId: 1 }));
    const { location } = await storage.storeSavepoint(savepoint, "shelf");
    for (const checkpointId of [3, 4]) await storage.store(checkpointData({ checkpointId }));
    expect((await storage.list()).map((checkpoint) => checkpoint.location)).toEqual([
      "memory:flights/chk-3",
      "memory:flights/chk-4",
    ]);
    await storage.discard(location);
    expect(await storage.load(location)).toEqual(savepoint);
    expect(await nextCheckpointId(storage)).toBe(5);
  });

  it("gives back copies, never what it was given", async () => {
    const storage = new MemoryCheckpointStorage();
    const data = checkpointData();
    const { location } = await storage.store(data);
    data.pipelines["source-0"]?.coordinator.fill(0);
    expect(await storage.load(location)).toEqual(checkpointData());
  });

  it("deletes what came too late, and refuses an id that does not grow", async () => {
    const storage = new MemoryCheckpointStorage();
    await storage.store(checkpointData({ checkpointId: 1 }));
    const late = await storage.store(checkpointData({ checkpointId: 2 }));
    await expect(storage.store(checkpointData({ checkpointId: 2 }))).rejects.toMatchObject({
      code: "CHECKPOINT_STORAGE_FAILED",
    });
    await storage.discard(late.location);
    expect((await findRestorePoint(storage))?.data.checkpointId).toBe(1);
    await expect(storage.load(late.location)).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
    });
  });
});
