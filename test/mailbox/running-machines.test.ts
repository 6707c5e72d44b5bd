import { describe, expect, it } from "vitest";
import { jobMachine, splitFetcherMachine } from "../../machines/index.js";
import {
  ActorSystem,
  MachineHost,
  RunningMachines,
  VirtualClock,
} from "../../src/mailbox/index.js";

function host(machines: RunningMachines, id: string): MachineHost<typeof jobMachine> {
  return new MachineHost(jobMachine, { id, inspect: machines.observer() });
}

describe("the machines of an actor system", () => {
  it("are seen by who attaches while they run, and by who was there before; by nobody after that", () => {
    const machines = new RunningMachines();
    const before = host(machines, "a");
    const seen: string[] = [];
    const cancel = machines.observe(({ id }, event) => {
      if (event.type === "@xstate.snapshot") seen.push(`${id} ${event.event.type}`);
    });
    const after = host(machines, "b");
    before.send({ type: "StartRequested" });
    after.send({ type: "StartRequested" });
    expect(seen).toEqual(["b xstate.init", "a StartRequested", "b StartRequested"]);
    cancel();
    before.send({ type: "CancelRequested" });
    expect(seen).toHaveLength(3);
  });

  it("attach and detach ten thousand times over", () => {
    const machines = new RunningMachines();
    const hosts = Array.from(
      { length: 10_000 },
      (_, i) =>
        new MachineHost(splitFetcherMachine, {
          id: `job/source/subtask/${i % 4}/attempt/0/fetcher-${i}`,
          inspect: machines.observer(),
        }),
    );
    let events = 0;
    for (let round = 0; round < 3; round++) {
      const cancel = machines.observe(() => events++);
      cancel();
    }
    for (const one of hosts.slice(0, 100)) one.send({ type: "Shutdown" } as never);
    expect(events).toBe(0);
    machines.actorStopped("job/source/subtask/1/attempt/0");
    expect(machines.size).toBe(7500);
  });

  it("tell watchers of starts and stops, and of one that takes another's id", () => {
    const machines = new RunningMachines();
    const heard: string[] = [];
    machines.watch({
      started: ({ id }) => heard.push(`+${id}`),
      stopped: ({ id }) => heard.push(`-${id}`),
    });
    host(machines, "x/y/z");
    const second = host(machines, "x/y/z");
    expect(machines.get("x/y/z")).toBe(second);
    host(machines, "x");
    machines.actorStopped("x");
    expect(heard).toEqual(["+x/y/z", "-x/y/z", "+x/y/z", "+x", "-x", "-x/y/z"]);
    expect(machines.size).toBe(0);
  });

  it("go with their actor", () => {
    const system = new ActorSystem({ clock: new VirtualClock() });
    system.spawn("job/a", (context) => {
      host(system.machines, context.self);
      host(system.machines, `${context.self}/operator`);
      return { receive() {}, onError() {} };
    });
    expect(system.machines.size).toBe(2);
    system.stop("job/a");
    expect(system.machines.size).toBe(0);
  });

  it("go on when an observer throws, which hears nothing more", () => {
    const machines = new RunningMachines();
    const one = host(machines, "a");
    let calls = 0;
    const cancel = machines.observe(() => {
      calls++;
      throw new Error("the observer's own");
    });
    one.send({ type: "StartRequested" });
    one.send({ type: "CancelRequested" });
    expect(one.snapshot.value).not.toBe("CREATED");
    expect(calls).toBe(1);
    cancel();
  });
});

describe("a journal that is attached while the mailboxes run", () => {
  it("sees what comes until it is detached, or throws", () => {
    const seen: string[] = [];
    const system = new ActorSystem({
      clock: new VirtualClock(),
      journal: { record: ({ event }) => seen.push(`first ${event.type}`) },
    });
    const detach = system.attachJournal({
      record: ({ event }) => seen.push(`second ${event.type}`),
    });
    system.attachJournal({
      record: () => {
        seen.push("third");
        throw new Error("the journal's own");
      },
    });
    system.post("a", "b", { type: "X" });
    detach();
    system.post("a", "b", { type: "Y" });
    expect(seen).toEqual(["first X", "second X", "third", "first Y"]);
  });
});
