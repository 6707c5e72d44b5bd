import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { committerMachine } from "../../../machines/index.js";
import { recordJob } from "../../../src/inspect/recording/record-job.js";
import { parseRecordOptions } from "../../../src/inspect/recording/record-options.js";
import type { RecordStore } from "../../../src/inspect/recording/record-writer.js";
import { ActorSystem, MachineHost, RealClock } from "../../../src/mailbox/index.js";
import { Cleanup, temporaryDirectory } from "../../control/control-harness.js";
import { type Line, linesOf, replayed, rewrite } from "./recorded-job.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe("a machine whose steps were dropped from a record", { timeout: 60_000 }, () => {
  it("is described again before its next step, and replayed from there", async () => {
    const system = new ActorSystem({ clock: new RealClock() });
    let text = "";
    let release = (): void => {};
    let hasWritten = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const written = new Promise<void>((resolve) => {
      hasWritten = resolve;
    });
    const store: RecordStore = {
      async write(some) {
        await released;
        text += some;
        if (some.includes("Big")) hasWritten();
      },
      rotate: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const options = parseRecordOptions("slow.ndjson");
    const recording = await recordJob("slow", system, options, () => Promise.resolve(store));
    const host = new MachineHost(committerMachine, {
      id: "slow/committer",
      input: { maxRetries: 5 },
      inspect: system.machines.observer(),
    });
    host.send({ type: "CommitRequested" });
    const big = "x".repeat(9000);
    for (let i = 0; i < 1200; i++) {
      system.post("slow/a", "slow/b", { type: "Big", big } as { type: string });
    }
    // This step is nowhere.
    host.send({ type: "CommitPostponed" });
    release();
    await written;
    // The recorder has heard of it too.
    await setImmediate();
    host.send({ type: "RetryDelayElapsed" });
    host.send({ type: "CommitSucceeded" });
    await recording.close("FINISHED");

    const file = join(await temporaryDirectory(cleanup), "slow.ndjson");
    await rewrite(file, text.trimEnd().split("\n"));
    const lines = await linesOf(file);
    const ofMachine = lines.filter(({ session }) => session !== undefined);
    expect(ofMachine.map(({ kind, event }) => (event as Line | undefined)?.type ?? kind)).toEqual([
      "machine",
      "CommitRequested",
      "machine",
      "RetryDelayElapsed",
      "CommitSucceeded",
    ]);
    expect(ofMachine[2]).toMatchObject({ isLate: true, value: "WaitingToRetry" });
    expect(lines.some(({ kind }) => kind === "dropped")).toBe(true);
    const replay = replayed(cleanup, file);
    expect(replay.differences).toEqual([]);
    const [machine] = replay.machines;
    expect(machine).toMatchObject({ states: ["Idle"], snapshot: { context: { retries: 0 } } });
    expect(machine?.followed).toBeUndefined();
  });
});
