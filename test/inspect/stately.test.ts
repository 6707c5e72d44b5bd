import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { createWebSocketReceiver } from "@statelyai/inspect";
import { createInspectorServer } from "@statelyai/inspect/server";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createMachine } from "xstate";
import { Cleanup } from "../control/control-harness.js";
import { freePort } from "../support/free-port.js";
import { inspected, twoSources } from "./inspect-harness.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

interface Frame {
  readonly type: string;
  readonly sessionId: string;
  readonly _version: string;
  readonly name?: string;
  readonly definition?: string;
  readonly parentId?: string;
  readonly snapshot?: {
    readonly status: string;
    readonly value: unknown;
    readonly context: unknown;
  };
  readonly event?: { readonly type: string };
}

/** What the real receiver passes on. */
class Received {
  readonly frames: Frame[] = [];

  constructor(server: string) {
    createWebSocketReceiver({ server }).subscribe((frame) => {
      this.frames.push(frame as unknown as Frame);
    });
  }

  registrations(): readonly Frame[] {
    return this.frames.filter(({ type }) => type === "@xstate.actor");
  }

  /** By the actor's name: the value of its last snapshot. */
  last(): ReadonlyMap<string, unknown> {
    const names = new Map(this.registrations().map(({ sessionId, name }) => [sessionId, name]));
    return new Map(
      this.frames
        .filter(({ type }) => type === "@xstate.snapshot")
        .map(({ sessionId, snapshot }) => [names.get(sessionId) as string, snapshot?.value]),
    );
  }
}

/** Everything of the job has started. */
function hasAll(received: Received): void {
  const names = received.registrations().map(({ name }) => name);
  expect(names).toContain("inspected%2Fjob/events/subtask/0/attempt/0/fetcher-0");
  expect(names.filter((name) => name?.endsWith("/operator"))).toHaveLength(3);
}

const PATIENT = { timeout: 30_000, interval: 20 };

/** The end of the job, as each of its actors must have told it. */
function checkComplete(received: Received): void {
  const registrations = received.registrations();
  const names = registrations.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const last = received.last();
  expect([...last.keys()].sort()).toEqual([...names].sort());
  const job = "inspected%2Fjob";
  expect(last.get(`${job}/job-master`)).toBe("CANCELED");
  expect(last.get(`${job}/numbers/subtask/0/attempt/0`)).toBe("CLOSED");
  expect(last.get(`${job}/numbers/subtask/1/attempt/0`)).toBe("CLOSED");
  expect(last.get(`${job}/events/subtask/0/attempt/0`)).toBe("CLOSED");
  expect(names).toEqual(
    expect.arrayContaining([
      `${job}/checkpoint-coordinator`,
      `${job}/numbers/coordinator/1`,
      `${job}/events/subtask/0/attempt/0/operator`,
      `${job}/events/subtask/0/attempt/0/fetcher-manager`,
      `${job}/events/subtask/0/attempt/0/fetcher-0`,
    ]),
  );
  // A frame of an actor never comes before its registration.
  const known = new Set<string>();
  for (const { type, sessionId } of received.frames) {
    if (type === "@xstate.actor") known.add(sessionId);
    else expect(known).toContain(sessionId);
  }
}

describe("the format of @statelyai/inspect", { timeout: 90_000 }, () => {
  it("brings its receiver every registration and every actor's last snapshot", async () => {
    const { handle } = await twoSources(cleanup);
    const { statelyUrl } = await inspected(cleanup, handle);
    const received = new Received(statelyUrl);
    await vi.waitFor(() => hasAll(received), PATIENT);
    const late = new Received(statelyUrl);
    await vi.waitFor(() => hasAll(late), PATIENT);
    await handle.checkpoint();
    await handle.cancel();
    for (const one of [received, late]) {
      await vi.waitFor(() => checkComplete(one), PATIENT);
    }
    expect(received.frames.some(({ type }) => type === "@xstate.event")).toBe(true);
  });

  it("is that of the installed release, with definitions that make the machine again", async () => {
    const { handle } = await twoSources(cleanup);
    const received = new Received((await inspected(cleanup, handle)).statelyUrl);
    await vi.waitFor(() => hasAll(received), PATIENT);
    const require = createRequire(import.meta.url);
    const path = require.resolve("@statelyai/inspect").replace(/dist.*$/, "package.json");
    const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
    for (const { _version, definition, snapshot } of received.registrations()) {
      expect(_version).toBe(version);
      const machine = createMachine(JSON.parse(definition as string));
      expect(Object.keys(machine.states).length).toBeGreaterThan(1);
      // A page that comes later is told an actor's last snapshot, which may be its end.
      const status = expect.stringMatching(/^(?:active|done|stopped)$/);
      expect(snapshot).toMatchObject({ status, context: expect.anything() });
    }
  });

  it("reaches its inspector server, which is started for it, and whoever looks there", async () => {
    const { handle } = await twoSources(cleanup);
    const port = await freePort();
    const { statelyPage } = await inspected(cleanup, handle, { stately: port });
    expect(statelyPage).toBe(`http://localhost:${port}`);
    const received = new Received(`ws://localhost:${port}`);
    // Its server remembers the last 200 frames only: what came first counts for this job.
    await vi.waitFor(() => hasAll(received), PATIENT);
    expect(await (await fetch(statelyPage as string)).text()).toContain("inspector");
  });

  it("reaches an inspector server that runs already, to the last snapshot", async () => {
    const port = await freePort();
    const server = createInspectorServer({ port, autoOpen: false });
    cleanup.add(() => server.stop());
    const received = new Received(`ws://localhost:${port}`);
    const { handle } = await twoSources(cleanup, {
      inspect: { port: 0, stately: `ws://localhost:${port}`, announce: () => {} },
    });
    await vi.waitFor(() => hasAll(received), PATIENT);
    await handle.cancel();
    await vi.waitFor(() => checkComplete(received), PATIENT);
  });

  it("says when the inspector server cannot be reached, and the job goes on", async () => {
    const port = await freePort();
    const said: string[] = [];
    const { handle } = await twoSources(cleanup, {
      inspect: {
        port: 0,
        stately: `ws://localhost:${port}`,
        announce: (message) => said.push(message),
      },
    });
    expect(said).toEqual([expect.stringContaining(`ws://localhost:${port} cannot be reached`)]);
    await vi.waitFor(() => expect(handle.status().state).toBe("RUNNING"), PATIENT);
  });

  it("says when the inspector server's port is in use, and the job goes on", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, resolve));
    cleanup.add(() => taken.close());
    const { port } = taken.address() as { port: number };
    const said: string[] = [];
    const { handle } = await twoSources(cleanup, {
      inspect: { port: 0, stately: port, announce: (message) => said.push(message) },
    });
    expect(said).toEqual([expect.stringContaining(`port ${port} cannot be used`)]);
    await vi.waitFor(() => expect(handle.status().state).toBe("RUNNING"), PATIENT);
  });
});
