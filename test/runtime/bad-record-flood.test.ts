import { describe, expect, it } from "vitest";
import type { BadRecord, Sink } from "../../src/index.js";
import { dirtyJob } from "../support/dirty-job.js";
import { Gate } from "../support/gate.js";
import { JobHarness } from "../support/job-harness.js";

describe("a flood of bad records", () => {
  it.each([
    ["small ones: so many a chunk as records", undefined, 1024, 65_536],
    ["large ones: a MiB a chunk, and the one that fills it", 700_000, 2, 1_400_000],
    ["huge ones: one a chunk", 5_000_000, 1, 1_048_576],
  ])("does not pile up before a slow receiver: %s", async (_what, badBytes, most, mostBytes) => {
    const gate = new Gate();
    const chunks: BadRecord[][] = [];
    let met = 0;
    const perSplit = badBytes === undefined ? 30_000 : 60;
    const sink: Sink<BadRecord> = {
      name: "slow",
      createWriter: () => ({
        write: (badRecords) => {
          chunks.push([...badRecords]);
          return gate.pass();
        },
      }),
    };
    const { job, written } = dirtyJob({
      perSplit,
      fetchSize: 30_000,
      isBad: () => ++met > 0,
      ...(badBytes === undefined ? {} : { badBytes }),
      policy: { action: "dead-letter", to: sink },
    });
    // Time stands still: only what they hold ends the chunks.
    const harness = await JobHarness.start(job, { tick: 0 });
    await harness.advance(5000);
    expect(met).toBe(8 * most);
    gate.open();
    await harness.finish();

    expect(chunks.flat()).toHaveLength(perSplit);
    expect(written.records).toEqual([]);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBe(most);
    const bytes = chunks.map((chunk) => chunk.reduce((sum, { raw }) => sum + raw.length, 0));
    expect(Math.max(...bytes)).toBeLessThanOrEqual(mostBytes);
  });

  it.each(["skip", { action: "dead-letter", to: () => {} }] as const)(
    "lets others have their turn after 5 ms: %o",
    async (policy) => {
      let met = 0;
      const { job } = dirtyJob({
        perSplit: 2000,
        fetchSize: 2000,
        isBad: () => ++met > 0,
        policy,
      });
      // Each look at the clock takes a millisecond.
      const harness = await JobHarness.start(job);
      let most = 0;
      while (!harness.hasEnded) {
        const before = met;
        if (harness.scheduler.pending > 0) harness.scheduler.runOne();
        else await harness.step(1);
        most = Math.max(most, met - before);
        for (let i = 0; i < 20; i++) await Promise.resolve();
        if (harness.scheduler.pending === 0) harness.advanceOneTimer();
      }
      await harness.end();
      expect(met).toBe(2000);
      expect(most).toBeLessThanOrEqual(5);
    },
  );
});
