import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assign, type InspectionEvent, setup } from "xstate";
import { MachineHost } from "../../src/mailbox/index.js";

const counterMachine = setup({
  types: {
    context: {} as { readonly count: number },
    events: {} as { type: "Add"; n: number } | { type: "Guarded" } | { type: "Finish" },
    input: {} as { readonly start: number },
  },
  actions: {
    add: assign(({ context, event }) =>
      event.type === "Add" ? { count: context.count + event.n } : {},
    ),
    effect: () => {},
    entered: () => {},
  },
  guards: {
    broken: () => {
      throw new Error("the guard is broken");
    },
  },
}).createMachine({
  id: "counter",
  context: ({ input }) => ({ count: input.start }),
  initial: "open",
  states: {
    open: {
      entry: "entered",
      on: {
        Add: { actions: ["add", "effect"] },
        Guarded: { guard: "broken", target: "done" },
        Finish: "done",
      },
    },
    done: {},
  },
});

function host(effects: { effect?: () => void; entered?: () => void } = {}) {
  return new MachineHost(counterMachine, {
    id: "counter",
    input: { start: 1 },
    actions: effects,
  });
}

describe("MachineHost", () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => {
    uncaught.push(error);
  };

  beforeEach(() => {
    uncaught.length = 0;
    process.on("uncaughtException", note);
  });

  afterEach(async () => {
    // XState raises an unhandled error of an actor in a timer of its own.
    await new Promise((resolve) => setTimeout(resolve, 1));
    process.off("uncaughtException", note);
    expect(uncaught).toEqual([]);
  });

  it("starts with the input and runs each event to completion", () => {
    const machine = host();
    machine.send({ type: "Add", n: 2 });
    expect(machine.snapshot.context).toEqual({ count: 3 });
    machine.send({ type: "Finish" });
    expect(machine.snapshot.value).toBe("done");
  });

  it("throws what an action threw at the sender of the event", () => {
    const machine = host({
      effect: () => {
        throw new Error("the effect failed");
      },
    });
    expect(() => machine.send({ type: "Add", n: 1 })).toThrow("the effect failed");
  });

  it("throws what a guard threw at the sender of the event", () => {
    expect(() => host().send({ type: "Guarded" })).toThrow(/the guard is broken/);
  });

  it("throws what an entry action threw when the machine is created", () => {
    const entered = (): void => {
      throw new Error("no entry");
    };
    expect(() => host({ entered })).toThrow("no entry");
  });

  it("takes no event after a failure and says which failure", () => {
    const machine = host({
      effect: () => {
        throw new Error("first");
      },
    });
    expect(() => machine.send({ type: "Add", n: 1 })).toThrow("first");
    expect(() => machine.send({ type: "Finish" })).toThrow(
      expect.objectContaining({
        code: "ILLEGAL_STATE",
        message: "machine counter has failed and takes no Finish",
        cause: new Error("first"),
      }),
    );
  });

  it("queues an event that an effect sends; until then the snapshot is that of before the event", () => {
    const seen: number[] = [];
    const machine: MachineHost<typeof counterMachine> = host({
      effect: () => {
        const { count } = machine.snapshot.context;
        seen.push(count);
        if (count < 3) machine.send({ type: "Add", n: 1 });
      },
    });
    machine.send({ type: "Add", n: 1 });
    expect(machine.snapshot.context.count).toBe(4);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("runs the actions of its own machine, whatever others of the same definition do", () => {
    const done: string[] = [];
    const make = (name: string, count: number) =>
      new MachineHost(counterMachine, {
        id: name,
        input: { start: count },
        actions: {
          entered: ({ context }) => done.push(`${name} enters with ${context.count}`),
          effect: ({ event }) => done.push(`${name} ${event.type}`),
        },
      });
    const [a, b] = [make("a", 1), make("b", 2)];
    const without = new MachineHost(counterMachine, { id: "c", input: { start: 3 } });
    for (const machine of [b, a, without]) machine.send({ type: "Add", n: 1 });
    expect(done).toEqual(["a enters with 1", "b enters with 2", "b Add", "a Add"]);
    expect([a, b, without].map(({ snapshot }) => snapshot.context.count)).toEqual([2, 3, 4]);
  });

  it("builds the statechart once for all of a definition", () => {
    const roots = new Set<unknown>();
    for (let i = 0; i < 3; i++) roots.add((host().snapshot.machine as { root: unknown }).root);
    expect(roots.size).toBe(1);
  });

  it("shows its events to an observer", () => {
    const events: InspectionEvent[] = [];
    const machine = new MachineHost(counterMachine, {
      id: "counter",
      input: { start: 0 },
      inspect: (event) => events.push(event),
    });
    machine.send({ type: "Add", n: 1 });
    const types = events.flatMap((e) => (e.type === "@xstate.event" ? [e.event.type] : []));
    expect(types).toContain("Add");
  });

  it("is seen by each that watches, and by nobody who watches no more", () => {
    const machine = new MachineHost(counterMachine, { id: "counter", input: { start: 1 } });
    const add = (): void => machine.send({ type: "Add", n: 1 });
    const [first, second]: [InspectionEvent[], InspectionEvent[]] = [[], []];
    add();
    const cancelFirst = machine.inspect((event) => first.push(event));
    const cancelSecond = machine.inspect((event) => second.push(event));
    add();
    cancelFirst();
    cancelFirst();
    const seen = first.length;
    expect(seen).toBeGreaterThan(0);
    add();
    expect(first).toHaveLength(seen);
    expect(second.length).toBeGreaterThan(seen);
    cancelSecond();
    const all = second.length;
    add();
    expect(second).toHaveLength(all);
    expect(machine.snapshot.context).toEqual({ count: 5 });
  });
});
