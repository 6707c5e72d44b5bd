import { describe, expect, it } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/checkpoint/checkpoint-codec.js";
import {
  type CheckpointData,
  type CheckpointStorage,
  collectSink,
  defineJob,
  type JobDefinition,
  MemoryCheckpointStorage,
  numberSequenceSource,
  process,
} from "../../src/index.js";
import { JobHarness } from "../support/job-harness.js";

let written = collectSink<number>();

function job(name = "restored", operator = "sum", id = "numbers"): JobDefinition {
  return defineJob(name, (env) => {
    env
      .fromSource(numberSequenceSource({ from: 1, to: 20_000 }), undefined, { id })
      .pipe(
        process<number, number>({
          name: operator,
          create: ({ restoredStates }) => {
            let sum = (restoredStates as number[]).reduce((all, one) => all + one, 0);
            return {
              processRecord(n) {
                sum += n;
              },
              processWatermark(_watermark, out) {
                out.collect(sum);
              },
              snapshotState: () => sum,
            };
          },
        }),
      )
      .sinkTo(written);
  });
}

async function savepoint(): Promise<{ storage: MemoryCheckpointStorage; location: string }> {
  const storage = new MemoryCheckpointStorage();
  written = collectSink();
  const harness = await JobHarness.start(job(), { checkpoint: { storage } });
  await harness.step(20);
  const { location } = await harness.result(harness.handle.stop());
  await harness.finish();
  written = collectSink();
  return { storage, location };
}

/** The storage with every checkpoint's bytes changed before they are read. */
function altered(
  storage: MemoryCheckpointStorage,
  change: (bytes: Uint8Array) => Uint8Array,
): CheckpointStorage {
  const load = async (location: string): Promise<CheckpointData> =>
    decodeCheckpoint(change(encodeCheckpoint(await storage.load(location))), location);
  return new Proxy(storage, {
    get: (target, property) => {
      if (property === "load") return load;
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("restoring", () => {
  it("from a savepoint goes on where it was taken", async () => {
    const { storage, location } = await savepoint();
    expect(written.records).toEqual([]);
    const { status } = await JobHarness.run(job(), {
      checkpoint: { storage },
      fromSavepoint: location,
    });
    expect(written.records).toEqual([(20_000 * 20_001) / 2]);
    expect(status.restoredFrom).toBe(location);
  });

  it("with nothing to resume from starts from the beginning", async () => {
    written = collectSink();
    const { status } = await JobHarness.run(job(), {
      checkpoint: { storage: new MemoryCheckpointStorage() },
      resume: true,
    });
    expect(status.restoredFrom).toBeUndefined();
    expect(written.records).toEqual([(20_000 * 20_001) / 2]);
  });

  it("gives later checkpoints higher ids than the restored one", async () => {
    const { storage, location } = await savepoint();
    const harness = await JobHarness.start(job(), {
      checkpoint: { storage },
      fromSavepoint: location,
    });
    await harness.step(15);
    expect((await harness.result(harness.handle.checkpoint())).checkpointId).toBe(2);
    await harness.finish();
  });

  it("drops state without a place when it is told to", async () => {
    const { storage, location } = await savepoint();
    const { state } = await JobHarness.run(job("restored", "total"), {
      checkpoint: { storage },
      fromSavepoint: location,
      allowNonRestoredState: true,
    });
    expect(state).toBe("FINISHED");
    expect(written.records[0]).toBeLessThan((20_000 * 20_001) / 2);
  });
});

describe("a savepoint that does not fit is refused before anything runs", () => {
  it("of another job", async () => {
    const { storage, location } = await savepoint();
    await expect(
      JobHarness.start(job("other"), { checkpoint: { storage }, fromSavepoint: location }),
    ).rejects.toMatchObject({ code: "CHECKPOINT_OTHER_JOB" });
  });

  it.each([
    ["with state of an operator that the job does not have", job("restored", "total"), "sum"],
    ["with state of a pipeline that the job does not have", job("restored", "sum", "x"), "numbers"],
  ])("%s", async (_what, changed, named) => {
    const { storage, location } = await savepoint();
    const refused = JobHarness.start(changed, { checkpoint: { storage }, fromSavepoint: location });
    await expect(refused).rejects.toMatchObject({
      code: "CHECKPOINT_STATE_UNMATCHED",
      message: expect.stringContaining(`"${named}"`),
    });
  });

  it("that is not there", async () => {
    await expect(JobHarness.start(job(), { fromSavepoint: "nowhere" })).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
      message: expect.stringContaining("nowhere"),
    });
  });

  it("that is damaged, also as the newest to resume from", async () => {
    const { storage, location } = await savepoint();
    const damaged = altered(storage, (bytes) => {
      bytes[bytes.length - 5] = (bytes.at(-5) as number) ^ 1;
      return bytes;
    });
    const corrupt = { code: "CHECKPOINT_CORRUPT" };
    await expect(
      JobHarness.start(job(), { checkpoint: { storage: damaged }, fromSavepoint: location }),
    ).rejects.toMatchObject(corrupt);
    await expect(
      JobHarness.start(job(), { checkpoint: { storage: damaged }, resume: true }),
    ).rejects.toMatchObject(corrupt);
  });

  it("that a later release has written", async () => {
    const { storage, location } = await savepoint();
    const newer = altered(storage, (bytes) => {
      const text = Buffer.from(bytes)
        .toString("latin1")
        .replace(/ 2 sha256/, " 3 sha256");
      return Buffer.from(text, "latin1");
    });
    await expect(
      JobHarness.start(job(), { checkpoint: { storage: newer }, fromSavepoint: location }),
    ).rejects.toMatchObject({ code: "CHECKPOINT_VERSION_UNSUPPORTED" });
  });

  it("together with resume, and resume without anything that outlives the process", async () => {
    const invalid = { code: "OPTION_INVALID" };
    await expect(
      JobHarness.start(job(), {
        checkpoint: { storage: new MemoryCheckpointStorage() },
        fromSavepoint: "x",
        resume: true,
      }),
    ).rejects.toMatchObject(invalid);
    await expect(job().run({ resume: true })).rejects.toMatchObject(invalid);
  });
});
