import { afterEach, describe, expect, it } from "vitest";
import { splitFetcherMachine } from "../../machines/index.js";
import { type InspectedJob, runsIn } from "../../src/inspect/inspected-job.js";
import { ActorSystem, MachineHost } from "../../src/mailbox/index.js";
import { Cleanup } from "../control/control-harness.js";
import { inspected, Page } from "./inspect-harness.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const COUNT = 10_000;
const BELOW = "many/source-0/subtask/0/attempt/0";

/** A job of ten thousand machines that step only when told. */
function manyMachines() {
  const system = new ActorSystem();
  const inspect = system.machines.observer();
  const hosts = Array.from(
    { length: COUNT },
    (_, i) => new MachineHost(splitFetcherMachine, { id: `${BELOW}/fetcher-${i}`, inspect }),
  );
  const job: InspectedJob = {
    jobName: "many",
    done: new Promise(() => {}),
    metrics: () => ({}),
    status: () => ({
      jobName: "many",
      state: "RUNNING",
      restarts: 0,
      lastError: undefined,
      completedCheckpoints: 0,
      lastCheckpoint: undefined,
      pipelines: [],
    }),
  };
  runsIn(job, system);
  return { hosts, job, system };
}

const step = { type: "PauseOrResumeSplits", sequence: 1, pause: [], resume: [] } as never;

describe("a job with ten thousand actors", { timeout: 120_000 }, () => {
  it("reaches a page whole, in frames of at most 2000 rows, and then only what changes", async () => {
    const { hosts, job } = manyMachines();
    const page = new Page((await inspected(cleanup, job as never)).url, cleanup);
    await page.until(() => page.rows().size > COUNT);
    for (const { rows } of page.of("actors")) expect(rows.length).toBeLessThanOrEqual(500);
    const told = page.of("actors").length;
    const before = page.rows().get(`${BELOW}/fetcher-7`)?.states;
    hosts[7]?.send({ type: "AddSplits", sequence: 1, splits: [{ splitId: "s" }] } as never);
    await page.until(
      () => page.rows().get(`${BELOW}/fetcher-7`)?.states?.join() !== before?.join(),
    );
    const ids = page
      .of("actors")
      .slice(told)
      .flatMap(({ rows }) => rows.map(({ id }) => id));
    expect(ids.filter((id) => id.includes("fetcher"))).toEqual([`${BELOW}/fetcher-7`]);
  });

  it("drops and counts transitions for a page that asks for all and does not read", async () => {
    const { hosts, job } = manyMachines();
    const page = new Page((await inspected(cleanup, job as never)).url, cleanup);
    await page.until(() => page.rows().size > COUNT);
    page.say({ type: "subscribe", transitions: ["*"], snapshots: [`${BELOW}/fetcher-0`] });
    await page.until(() => page.of("snapshot").length > 0);
    page.socket.pause();
    // In one turn of the loop: nothing can be sent meanwhile.
    for (const host of hosts) host.send(step);
    page.socket.resume();
    await page.until(() => {
      const all = page.of("transitions");
      const told = all.reduce((sum, { items, dropped }) => sum + items.length + dropped, 0);
      return told === COUNT;
    });
    const dropped = page.of("transitions").reduce((sum, one) => sum + one.dropped, 0);
    expect(dropped).toBeGreaterThan(0);
    expect(dropped).toBeLessThan(COUNT);
  });
});
