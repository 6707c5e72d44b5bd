import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { type AnyStateMachine, createActor } from "xstate";
import { machines } from "../../machines/index.js";
import { defineJob, discardSink, map, numberSequenceSource } from "../../src/index.js";
import { systemOf } from "../../src/inspect/inspected-job.js";
import { type Inspector, inspectorOf } from "../../src/inspect/inspector.js";
import type { ActorSystem, Cancel, RunningMachine } from "../../src/mailbox/index.js";
import { Cleanup } from "../control/control-harness.js";
import { inspected, Page, twoSources } from "./inspect-harness.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const PATIENT = { timeout: 30_000, interval: 20 };
const EVENTS = "inspected%2Fjob/events";
const ROOT = "inspected%2Fjob/job-master";
const SUBTASK = `${EVENTS}/subtask/0/attempt/0`;

const isRunning = (page: Page): boolean => {
  const rows = page.rows();
  return (
    rows.get(SUBTASK)?.states?.[0] === "RUNNING" &&
    rows.get(`${SUBTASK}/operator`)?.states?.[0] === "READING" &&
    rows.has(`${SUBTASK}/fetcher-0`)
  );
};

describe("the live view", { timeout: 60_000 }, () => {
  it("tells a page that comes late of every actor, and each definition once before its first actor", async () => {
    const { handle } = await twoSources(cleanup);
    const { url } = await inspected(cleanup, handle);
    const first = new Page(url, cleanup);
    await first.until(isRunning);
    const page = new Page(url, cleanup);
    await page.until(isRunning);
    expect(page.messages[0]).toMatchObject({ type: "hello", job: "inspected/job", root: ROOT });
    const known = new Set<string>();
    for (const message of page.messages) {
      if (message.type === "machine") {
        expect(known.has(message.machine)).toBe(false);
        known.add(message.machine);
      }
      if (message.type !== "actors") continue;
      for (const row of message.rows)
        if (row.machine !== undefined) expect(known).toContain(row.machine);
    }
    const rows = page.rows();
    for (const { id, parent } of rows.values()) {
      if (id !== ROOT) expect(rows.has(parent as string), `${id} below ${parent}`).toBe(true);
    }
    const kinds = new Set([...rows.values()].map(({ kind }) => kind));
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        "job",
        "checkpoint-coordinator",
        "pipeline",
        "coordinator",
        "subtask",
        "operator",
        "fetcher-manager",
        "fetcher",
      ]),
    );
  });

  it("shows splits, modes, figures and records as they come", async () => {
    const { handle, emitter } = await twoSources(cleanup);
    const page = new Page((await inspected(cleanup, handle)).url, cleanup);
    await page.until(isRunning);
    await page.until(() => emitter.listenerCount("number") > 0);
    for (let i = 0; i < 10; i++) emitter.emit("number", i);
    await page.until(() => page.rows().get(SUBTASK)?.figures?.records === 10);
    await page.until(() =>
      page.of("figures").some(({ samples }) => samples.some((one) => one.records === 50_010)),
    );
    const modes = page.of("timelines").flatMap((message) => message.modes);
    expect(modes.some(({ actor }) => actor === SUBTASK)).toBe(true);
  });

  it("sends transitions, envelopes and snapshots only to who asks, and only those asked for", async () => {
    const { handle } = await twoSources(cleanup);
    const { url } = await inspected(cleanup, handle);
    const [silent, page] = [new Page(url, cleanup), new Page(url, cleanup)];
    await Promise.all([silent.until(isRunning), page.until(isRunning)]);
    const coordinator = "inspected%2Fjob/checkpoint-coordinator";
    page.say({
      type: "subscribe",
      snapshots: [coordinator],
      transitions: [`${coordinator}*`],
      mailbox: { actors: [`${EVENTS}/*`], events: ["TriggerCheckpoint"], payloads: true },
    });
    await page.until(() => page.of("snapshot").length > 0);
    await handle.checkpoint();
    await page.until(() => page.of("transitions").length > 0 && page.of("mailbox").length > 0);
    await page.until(() => page.of("checkpoints").some(({ completed }) => completed > 0));
    const transitions = page.of("transitions").flatMap(({ items }) => items);
    expect(new Set(transitions.map(({ actor }) => actor))).toEqual(new Set([coordinator]));
    const envelopes = page.of("mailbox").flatMap(({ items }) => items);
    expect(new Set(envelopes.map(({ event }) => event))).toEqual(new Set(["TriggerCheckpoint"]));
    for (const { from, to, payload } of envelopes) {
      expect(from.startsWith(EVENTS) || to.startsWith(EVENTS)).toBe(true);
      expect(payload).toMatchObject({
        type: "TriggerCheckpoint",
        checkpointId: expect.any(Number),
      });
    }
    expect(page.of("snapshot").every(({ actor }) => actor === coordinator)).toBe(true);
    await silent.until(() => silent.of("checkpoints").some(({ completed }) => completed > 0));
    expect(
      silent.messages.filter(({ type }) => ["transitions", "mailbox", "snapshot"].includes(type)),
    ).toEqual([]);
  });

  it.each(["{", "[]", '{"type":"other"}', '{"type":"subscribe","mailbox":{"actors":"*"}}'])(
    "refuses %s and goes on",
    async (text) => {
      const { handle } = await twoSources(cleanup);
      const page = new Page((await inspected(cleanup, handle)).url, cleanup);
      await page.until(() => page.messages.length > 0);
      page.say(text);
      await page.until(() => page.of("refused").length === 1);
      page.say({ type: "subscribe", snapshots: [ROOT] });
      await page.until(() => page.of("snapshot").length > 0);
    },
  );

  it("says how the job has ended, with every actor's last state, and closes", async () => {
    const { handle } = await twoSources(cleanup);
    const page = new Page((await inspected(cleanup, handle)).url, cleanup);
    await page.until(isRunning);
    await handle.cancel();
    expect(await page.closed).toBe(1001);
    expect(page.messages.at(-1)).toMatchObject({ type: "ended", state: "CANCELED" });
    expect(page.rows().get(ROOT)?.states).toEqual(["CANCELED"]);
    expect(page.rows().get(SUBTASK)).toMatchObject({ ended: true });
  });

  it("observes machines while there is a page, mailboxes while one asks for them, and then no more", async () => {
    const { handle } = await twoSources(cleanup);
    const system = systemOf(handle) as ActorSystem;
    const probe = new ProbeMachine("inspected%2Fjob/probe");
    system.machines.add(probe);
    const { url, statelyUrl } = await inspected(cleanup, handle);
    expect(probe.observers).toBe(0);
    expect(readsOfEnvelope(system)).toBe(0);
    const [first, last] = [new Page(url, cleanup), new Page(url, cleanup)];
    await Promise.all([first.until(isRunning), last.until(isRunning)]);
    expect(probe.observers).toBe(1);
    expect(readsOfEnvelope(system)).toBe(0);
    last.say({ type: "subscribe", mailbox: { actors: ["*"] } });
    await vi.waitFor(() => expect(readsOfEnvelope(system)).toBeGreaterThan(0), PATIENT);
    const inspector = new WebSocket(statelyUrl);
    cleanup.add(() => inspector.terminate());
    await vi.waitFor(() => expect(probe.observers).toBe(2), PATIENT);
    first.socket.close();
    inspector.close();
    await vi.waitFor(() => expect(probe.observers).toBe(1), PATIENT);
    last.say({ type: "subscribe" });
    await vi.waitFor(() => expect(readsOfEnvelope(system)).toBe(0), PATIENT);
    last.say({ type: "subscribe", mailbox: { actors: ["*"] } });
    await vi.waitFor(() => expect(readsOfEnvelope(system)).toBeGreaterThan(0), PATIENT);
    last.socket.close();
    await vi.waitFor(() => expect(probe.observers).toBe(0), PATIENT);
    expect(readsOfEnvelope(system)).toBe(0);
    const again = new Page(url, cleanup);
    await again.until(isRunning);
    expect(probe.observers).toBe(1);
  });

  it("observes nothing any more when it is closed before the job ends", async () => {
    const { handle } = await twoSources(cleanup);
    const system = systemOf(handle) as ActorSystem;
    const probe = new ProbeMachine("inspected%2Fjob/probe");
    system.machines.add(probe);
    const inspector = await inspected(cleanup, handle);
    const page = new Page(inspector.url, cleanup);
    await page.until(isRunning);
    page.say({ type: "subscribe", mailbox: { actors: ["*"] } });
    await vi.waitFor(() => expect(readsOfEnvelope(system)).toBeGreaterThan(0), PATIENT);
    expect(probe.observers).toBe(1);
    await inspector.close();
    expect(probe.observers).toBe(0);
    expect(readsOfEnvelope(system)).toBe(0);
    expect(handle.status().state).toBe("RUNNING");
  });

  it("shows no secret of an error", async () => {
    const job = defineJob("secretive", (env) => {
      env
        .fromSource(numberSequenceSource({ from: 1, to: 10 }))
        .pipe(
          map((): number => {
            throw new Error("no way to postgres://me:hunter2@host/db");
          }),
        )
        .sinkTo(discardSink());
    });
    const handle = await job.run({
      inspect: { port: 0, stays: true, announce: () => {} },
    });
    await expect(handle.done).rejects.toThrow();
    const inspector = (await inspectorOf(handle)) as Inspector;
    cleanup.add(() => inspector.close());
    const page = new Page(inspector.url, cleanup);
    await page.until(() => page.of("ended").length > 0 && page.of("figures").length > 0);
    const text = JSON.stringify(page.messages);
    expect(text).toContain("postgres://me:[redacted]@host/db");
    expect(text).not.toContain("hunter2");
  });
});

/** A machine that counts who observes it, as every machine of the job is observed. */
class ProbeMachine implements RunningMachine {
  readonly definition = machines.checkpoint as AnyStateMachine;
  readonly input = undefined;
  readonly snapshot = createActor(this.definition, { input: {} } as never).getSnapshot();
  readonly id: string;
  observers = 0;

  constructor(id: string) {
    this.id = id;
  }

  inspect(): Cancel {
    this.observers++;
    return () => {
      this.observers--;
    };
  }
}

/** How often somebody looks at an envelope that nobody gets. */
function readsOfEnvelope(system: ActorSystem): number {
  let reads = 0;
  const event = {
    get type() {
      reads++;
      return "Probe";
    },
  };
  system.post("inspected%2Fjob/probe", "inspected%2Fjob/nobody", event);
  return reads;
}
