import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkpointStorageAt } from "../../../src/checkpoint/addressed-storage.js";
import {
  type CheckpointStorage,
  findRestorePoint,
  nextCheckpointId,
} from "../../../src/checkpoint/index.js";
import { checkpointData } from "../sample-checkpoint.js";
import { motoBucket } from "./moto-bucket.js";

const s3 = motoBucket();

const ids = async (storage: CheckpointStorage): Promise<number[]> =>
  (await storage.list()).map(({ checkpointId }) => checkpointId);
const at = (place: string): string => `s3://${s3.bucket}/${place}`;

describe("the storage in S3", () => {
  it("stores a checkpoint under the key that a file would have, and loads it by either name", async () => {
    const storage = s3.storage();
    const data = checkpointData({ checkpointId: 12 });
    const stored = await storage.store(data);
    const bytes = await s3.get("state/flights/chk-12/_metadata");
    expect(stored).toEqual({
      checkpointId: 12,
      kind: "CHECKPOINT",
      triggeredAt: data.triggeredAt,
      location: at("state/flights/chk-12"),
      bytes: bytes?.length,
    });
    expect(await storage.load(stored.location)).toEqual(data);
    expect(await storage.load(`${stored.location}/`)).toEqual(data);
    expect(await storage.load(`${stored.location}/_metadata`)).toEqual(data);
  });

  it("keeps the last n, oldest first in the list", async () => {
    const storage = s3.storage({ retained: 2 });
    for (const checkpointId of [1, 2, 9, 10]) await storage.store(checkpointData({ checkpointId }));
    expect(await ids(storage)).toEqual([9, 10]);
    expect(await s3.keys()).toEqual([
      "state/flights/chk-10/_metadata",
      "state/flights/chk-9/_metadata",
    ]);
  });

  it("finds more checkpoints than a page of names has", async () => {
    for (let id = 1; id <= 1005; id += 50) {
      const some = Array.from({ length: Math.min(50, 1006 - id) }, (_, more) => id + more);
      await Promise.all(
        some.map((one) => s3.put(`state/flights/chk-${one}/_metadata`, new Uint8Array([1]))),
      );
    }
    const candidates = await s3.storage().restoreCandidates();
    expect(candidates).toHaveLength(1005);
    expect(candidates[0]?.location).toBe(at("state/flights/chk-1005"));
  });

  it("refuses an id that an earlier run has used, and one that another process takes meanwhile", async () => {
    const taken = { code: "CHECKPOINT_STORAGE_FAILED", hint: expect.stringContaining("Resume") };
    const [one, two] = [s3.storage(), s3.storage()];
    await one.store(checkpointData({ checkpointId: 9 }));
    await expect(two.store(checkpointData({ checkpointId: 1 }))).rejects.toMatchObject(taken);
    const mine = [one, two].map((storage, index) =>
      storage.store(checkpointData({ checkpointId: 10, triggeredAt: index })),
    );
    const ended = await Promise.allSettled(mine);
    expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const winner = ended.findIndex(({ status }) => status === "fulfilled");
    expect(ended.find(({ status }) => status === "rejected")).toMatchObject({ reason: taken });
    expect((await one.load(at("state/flights/chk-10"))).triggeredAt).toBe(winner);
    expect(await nextCheckpointId(two)).toBe(11);
  });

  it("does not overwrite a checkpoint that its list has not shown", async () => {
    const storage = s3.storage();
    const [first, second] = [1, 2].map((triggeredAt) =>
      checkpointData({ kind: "SAVEPOINT", triggeredAt }),
    ) as [ReturnType<typeof checkpointData>, ReturnType<typeof checkpointData>];
    const { location } = await storage.storeSavepoint(first, at("kept"));
    await expect(s3.storage().storeSavepoint(second, at("kept"))).rejects.toMatchObject({
      code: "CHECKPOINT_STORAGE_FAILED",
      message: expect.stringContaining("savepoint-flights-7"),
    });
    expect((await storage.load(location)).triggeredAt).toBe(1);
  });

  it("never lists, loads over or deletes a savepoint, and finds it for a resume", async () => {
    const storage = s3.storage({ retained: 1 });
    const savepoint = checkpointData({ checkpointId: 3, kind: "SAVEPOINT" });
    const { location } = await storage.storeSavepoint(savepoint, at("state"));
    expect(location).toBe(at("state/savepoint-flights-3"));
    expect((await findRestorePoint(storage))?.location).toBe(location);
    for (const checkpointId of [4, 5]) await storage.store(checkpointData({ checkpointId }));
    expect(await ids(storage)).toEqual([5]);
    await storage.discard(location);
    expect(await storage.load(location)).toEqual(savepoint);
  });

  it("deletes a savepoint of the job that was durable too late, and nothing else", async () => {
    const storage = s3.storage();
    const savepoint = checkpointData({ kind: "SAVEPOINT" });
    const late = await storage.storeSavepoint(savepoint, at("kept"));
    await storage.discardSavepoint?.({ ...late, checkpointId: late.checkpointId + 1 });
    expect(await storage.load(late.location)).toEqual(savepoint);
    await storage.discardSavepoint?.(late);
    await expect(storage.load(late.location)).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
    });
  });

  it("discards one of its own, and nothing else", async () => {
    const storage = s3.storage();
    const other = s3.storage({ jobName: "trains" });
    const [own, foreign] = [
      await storage.store(checkpointData()),
      await other.store(checkpointData({ jobName: "trains" })),
    ];
    await storage.discard(foreign.location);
    await storage.discard("/elsewhere/chk-7");
    expect(await ids(other)).toEqual([7]);
    await storage.discard(own.location);
    expect(await ids(storage)).toEqual([]);
  });

  it("keeps jobs with any name apart, below its prefix", async () => {
    const names = ["a/b", "a%2Fb", "..", ".", "a b", "é", "con:", "x?y=z", "x".repeat(400)];
    for (const jobName of names) await s3.storage({ jobName }).store(checkpointData({ jobName }));
    expect((await s3.keys()).every((key) => /^state\/[^/]+\/chk-7\/_metadata$/.test(key))).toBe(
      true,
    );
    for (const jobName of names) {
      expect((await findRestorePoint(s3.storage({ jobName })))?.data.jobName).toBe(jobName);
    }
  });

  it("works at the top of a bucket", async () => {
    const storage = s3.storage({ url: `s3://${s3.bucket}` });
    await storage.store(checkpointData());
    await storage.storeSavepoint(checkpointData({ kind: "SAVEPOINT", checkpointId: 8 }), at(""));
    expect(await s3.keys()).toEqual(["flights/chk-7/_metadata", "savepoint-flights-8/_metadata"]);
    expect((await storage.restoreCandidates()).map(({ checkpointId }) => checkpointId)).toEqual([
      8, 7,
    ]);
  });

  it("leaves foreign objects below its prefix alone", async () => {
    const foreign = ["chk-1", "chk-1/other", "chk-01/_metadata", "chk-x/_metadata", "notes"];
    for (const key of foreign) await s3.put(`state/flights/${key}`, new Uint8Array([1]));
    const storage = s3.storage({ retained: 1 });
    await storage.store(checkpointData({ checkpointId: 7 }));
    await storage.store(checkpointData({ checkpointId: 8 }));
    expect(await s3.keys()).toEqual(
      [...foreign, "chk-8/_metadata"].map((key) => `state/flights/${key}`).sort(),
    );
  });
});

describe("what cannot be loaded from S3", () => {
  it("says that nothing is there, or what is", async () => {
    const storage = s3.storage();
    await expect(storage.load(at("nowhere"))).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
      message: `no checkpoint at ${at("nowhere")}: there is nothing`,
    });
    for (const checkpointId of [1, 2]) await storage.store(checkpointData({ checkpointId }));
    await expect(storage.load(at("state/flights"))).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
      message: expect.stringContaining("it holds several: chk-1, chk-2"),
    });
  });

  it("refuses a truncated, an empty and a foreign object, and does not fall back silently", async () => {
    const storage = s3.storage();
    const older = await storage.store(checkpointData({ checkpointId: 4 }));
    const { location } = await storage.store(checkpointData({ checkpointId: 5 }));
    const key = "state/flights/chk-5/_metadata";
    const whole = (await s3.get(key)) as Uint8Array;
    const changed = Uint8Array.from(whole);
    changed[changed.length - 9] = 88;
    for (const [bytes, says] of [
      [whole.subarray(0, 50), "it is not a checkpoint"],
      [whole.subarray(0, -1), "bytes follow the header"],
      [new Uint8Array(0), "the file is empty"],
      [changed, "SHA-256"],
    ] as const) {
      await s3.put(key, bytes);
      await expect(findRestorePoint(storage)).rejects.toMatchObject({
        code: "CHECKPOINT_CORRUPT",
        message: expect.stringMatching(new RegExp(`${location}.*${says}`)),
        hint: expect.stringContaining(older.location),
      });
      expect(await ids(storage)).toEqual([4]);
    }
  });
});

describe("where a savepoint lies is its address's to say", () => {
  it("from S3 to a path, from a path to S3, and back from both", async () => {
    const directory = await mkdtemp(join(tmpdir(), "headwater-address-"));
    try {
      const savepoint = checkpointData({ kind: "SAVEPOINT" });
      const local = await s3.storage().storeSavepoint(savepoint, directory);
      expect(local.location).toBe(join(directory, "savepoint-flights-7"));
      expect(await s3.storage().load(local.location)).toEqual(savepoint);

      const query = `?region=us-east-1&endpoint=${s3.server.endpoint}&pathStyle=true`;
      const files = checkpointStorageAt(join(directory, "own"), { jobName: "flights" });
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: "k", AWS_SECRET_ACCESS_KEY: "s" });
      const remote = await files.storeSavepoint(savepoint, `${at("far")}${query}`);
      expect(remote.location).toBe(`${at("far/savepoint-flights-7")}${query}`);
      expect(await files.load(remote.location)).toEqual(savepoint);
      await files.store(checkpointData());
      expect(await readdir(join(directory, "own"))).toEqual(["flights"]);
      const home = checkpointStorageAt(`${at("far")}${query}`, { jobName: "flights" });
      expect((await findRestorePoint(home))?.data).toEqual(savepoint);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
