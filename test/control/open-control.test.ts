import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { askJob, findJob, findJobs, openControl } from "../../src/control/index.js";
import { RealClock } from "../../src/mailbox/index.js";
import { Cleanup, temporaryDirectory, waitingJob } from "./control-harness.js";

const cleanup = new Cleanup();
const ask = { clock: new RealClock(), timeout: 30_000 };

beforeEach(async () => {
  vi.stubEnv("XDG_RUNTIME_DIR", await temporaryDirectory(cleanup));
});
afterEach(async () => {
  await cleanup.run();
  vi.unstubAllEnvs();
});

describe("a job that a program runs itself", () => {
  it("is found by the commands once its control is open, and stopped by them", async () => {
    const handle = await waitingJob(cleanup, { name: "mine" });
    expect(await findJobs(ask)).toEqual([]);
    const control = await openControl(handle, { checkpointDirectory: "checkpoints" });
    const { id, path, report } = await findJob("mine", ask);
    expect({ id, path }).toEqual({ id: control.id, path: control.path });
    expect(report?.checkpointDirectory).toBe(resolve("checkpoints"));

    const target = await temporaryDirectory(cleanup);
    const { checkpoint } = await askJob(path, { type: "stop", drain: false, target }, ask);
    expect((await handle.done).savepoint).toEqual(checkpoint);
    await control.close();
    expect(await findJobs(ask)).toEqual([]);
    await expect(access(path)).rejects.toThrow("ENOENT");
  });

  it("cannot be reached any more when its control is closed, and runs on", async () => {
    const handle = await waitingJob(cleanup);
    const control = await openControl(handle);
    await control.close();
    await control.close();
    expect(await findJobs(ask)).toEqual([]);
    expect(handle.status().state).toBe("RUNNING");
  });

  it("does not take the control of another job of its name", async () => {
    const handle = await waitingJob(cleanup);
    const control = await openControl(handle);
    await expect(openControl(await waitingJob(cleanup))).rejects.toMatchObject({
      code: "CONNECTION_FAILED",
    });
    expect((await findJobs(ask)).map((job) => job.id)).toEqual([control.id]);
  });
});
