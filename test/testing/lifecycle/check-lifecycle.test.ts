import { checkLifecycle, type LifecycleOptions } from "headwater/testing";
import { describe, expect, it } from "vitest";
import { type AnyStateMachine, assign, createActor, createMachine } from "xstate";
import { DOOR_EVENTS, Door, type DoorEvent, doorMachine, HastyDoor, shownBy } from "./door.js";

const options = { events: DOOR_EVENTS, expected: shownBy };

/** What is wrong with the door, as text. */
async function failureOf(
  create: () => Door,
  more: LifecycleOptions<typeof doorMachine> = {},
): Promise<Error> {
  return rejection(checkLifecycle(doorMachine, { create }, { ...options, ...more }));
}

async function rejection(work: Promise<unknown>): Promise<Error> {
  const failure = await work.then(
    () => undefined,
    (error: Error) => error,
  );
  if (failure === undefined) throw new Error("nothing failed");
  return failure;
}

class TamperedDoor extends Door {
  readonly #change: (door: TamperedDoor, event: DoorEvent) => boolean;

  constructor(change: (door: TamperedDoor, event: DoorEvent) => boolean) {
    super();
    this.#change = change;
  }

  get at(): string {
    return this.place;
  }

  override send(event: DoorEvent): void {
    if (!this.#change(this, event)) super.send(event);
  }

  moveTo(place: string): void {
    this.place = place;
  }
}

/** Runs nothing: only the machine matters. */
const NOBODY = {
  create: () => {
    throw new Error("no system was to be made");
  },
};

describe("a system that differs from its machine is found", () => {
  it("when it takes an illegal event, with the way there", async () => {
    const failure = await failureOf(
      () =>
        new TamperedDoor((door, { type }) => {
          if (type !== "Open" || door.at !== "closed.locked") return false;
          door.moveTo("open");
          return true;
        }),
    );
    expect(failure.message).toContain("differs from the machine after Open in closed.locked");
    expect(failure.message).toContain('events:\n  Lock {"code":1}\n  Open');
    expect(failure).toMatchObject({
      actual: { state: "open", code: 1 },
      expected: { state: "closed.locked", code: 1 },
    });
  });

  it("when it asks for an effect once too often", async () => {
    class RingingDoor extends Door {
      protected override unlock(code: number): void {
        super.unlock(code);
        if (code !== this.code) this.rang++;
      }
    }
    expect((await failureOf(() => new RingingDoor())).message).toContain("after Unlock");
  });

  it("at its start, and is disposed of all the same", async () => {
    const doors: Door[] = [];
    const failure = await failureOf(() => {
      const door = new TamperedDoor(() => false);
      door.moveTo("open");
      doors.push(door);
      return door;
    });
    expect(failure.message).toContain("differs from the machine at the start");
    expect(doors.map((door) => door.disposed)).toEqual([1]);
  });

  it("only by a random sequence when it takes many events to break, and runs that one again", async () => {
    const create = () => {
      let opened = 0;
      return new TamperedDoor((_, { type }) => {
        if (type === "Open") opened++;
        return type === "Close" && opened >= 4;
      });
    };
    const failure = await failureOf(create);
    expect(failure.message).toContain("found by random sequences");
    const again = /with the options (\{.*\})/.exec(failure.message)?.[1] ?? "";
    const repeated = await failureOf(create, JSON.parse(again));
    expect(repeated.message).toContain("0 times made smaller");
    for (const { message } of [failure, repeated]) {
      const events = /events:((?:\n {2}\S.*)*)/.exec(message)?.[1]?.trim().split(/\n\s*/);
      expect(events).toEqual(["Open", "Open", "Open", "Open", "Close"]);
    }
  });

  it("only by interleavings when two events at once break it, and runs that one again", async () => {
    const create = async (ports: ConstructorParameters<typeof HastyDoor>[0]) =>
      new HastyDoor(ports);
    const quiet = { ...options, interleavings: false as const };
    await checkLifecycle(doorMachine, { create }, quiet);
    const failure = await rejection(checkLifecycle(doorMachine, { create }, options));
    expect(failure.message).toContain("where no order of its events takes the machine");
    const again = /with the options (\{.*\})/.exec(failure.message)?.[1] ?? "";
    const repeated = await rejection(
      checkLifecycle(doorMachine, { create }, { ...options, ...JSON.parse(again) }),
    );
    expect(repeated.message).toContain("0 times made smaller");
  });
});

describe("what is not covered", () => {
  it("is named, with states and transitions", async () => {
    const events = DOOR_EVENTS.filter(({ type }) => type !== "Lock");
    const failure = await failureOf(() => new Door(), { events });
    expect(failure.message).toContain("reach 3 of 4 states and 3 of 6 transitions; missing:");
    expect(failure.message).toContain("state closed.locked");
    expect(failure.message).toContain("transition in closed.unlocked on Lock → closed.locked");
    expect(failure.message).toContain("transition in closed.locked on Unlock (branch 1)");
  });

  it("may be excluded with a reason", async () => {
    const events = DOOR_EVENTS.filter(({ type }) => type !== "Lock");
    const report = await checkLifecycle(
      doorMachine,
      { create: () => new Door() },
      {
        ...options,
        events,
        exclude: [
          { state: "closed.locked", reason: "this door has no lock" },
          { state: "closed.unlocked", event: "Lock", reason: "this door has no lock" },
        ],
      },
    );
    expect(report).toEqual({
      states: 2,
      edges: 8,
      stateNodes: { total: 3, covered: 3 },
      transitions: { total: 3, covered: 3 },
      missing: [],
    });
  });

  it("cannot be excluded in vain", async () => {
    const exclude = [{ state: "closed.open", reason: "there is no such state" }];
    const failure = await failureOf(() => new Door(), { exclude });
    expect(failure.message).toContain(
      'exclusion "there is no such state" (closed.open) excludes nothing',
    );
  });

  it("is not sent to the system when its event is excluded", async () => {
    const sent: string[] = [];
    const create = () =>
      new TamperedDoor((door, event) => {
        sent.push(`${door.at} ${event.type}`);
        return false;
      });
    const exclude = [
      { state: "open", event: "Open", reason: "nobody opens an open door" } as const,
    ];
    await checkLifecycle(doorMachine, { create }, { ...options, exclude });
    expect(sent).toContain("closed.locked Open");
    expect(sent).not.toContain("open Open");
  });
});

describe("a machine that cannot be tested is refused", () => {
  const refusal = (machine: AnyStateMachine, more: LifecycleOptions<AnyStateMachine> = {}) =>
    rejection(checkLifecycle(machine, NOBODY, more));

  it("with invoke or after, saying what to do", async () => {
    const timed = createMachine({
      id: "timed",
      initial: "a",
      states: { a: { after: { 10: "b" } }, b: { invoke: { src: "work" } } },
    });
    expect(await refusal(timed)).toMatchObject({
      code: "UNSUPPORTED_OPERATION",
      message: expect.stringContaining("invoke in timed.b and after in timed.a"),
      hint: expect.stringContaining("send an event when it is done"),
    });
  });

  it("with a context that grows without end, saying which keys", async () => {
    const counting = createMachine({
      id: "counting",
      context: { count: 0, seen: [] as number[], name: "x" },
      on: {
        Tick: {
          actions: assign({
            count: ({ context }) => context.count + 1,
            seen: ({ context }) => [...context.seen, context.count],
          }),
        },
      },
    });
    expect(await refusal(counting, { limit: { states: 100 } })).toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: expect.stringMatching(
        /more than 100 states; .*count \(101 values, 0 … 100\); seen \(101 values, 0 entries … 100 entries\)/,
      ),
      hint: expect.stringContaining("serializeState"),
    });
    const few = { serializeState: () => "the same" };
    await expect(
      checkLifecycle(counting, { create: () => ({ send: () => {}, state: () => "" }) }, few),
    ).resolves.toMatchObject({ states: 1 });
  });

  it("with more edges, or more time, than the limits", async () => {
    const limits = [
      { limit: { edges: 10 }, what: "10 edges" },
      { limit: { milliseconds: -1 }, what: "-1 ms" },
    ];
    for (const { limit, what } of limits) {
      const failure = await rejection(
        checkLifecycle(doorMachine, NOBODY, { events: DOOR_EVENTS, limit }),
      );
      expect(failure.message).toContain(what);
    }
  });

  it("with a guard that needs a payload, and an input that it lacks", async () => {
    const picky = createMachine({
      id: "picky",
      context: ({ input }) => ({ size: (input as { size: number }).size }),
      on: { Take: { guard: ({ event }) => event.item.size > 1 } },
    });
    expect(await refusal(picky)).toMatchObject({
      code: "ILLEGAL_ARGUMENT",
      message: expect.stringContaining("picky cannot start"),
    });
    expect(await refusal(picky, { input: { size: 1 } })).toMatchObject({
      message: expect.stringContaining("picky cannot take Take in"),
      hint: expect.stringContaining("`events`"),
    });
  });
});

describe("any context", () => {
  it("tells states with BigInt, Map, Set, cycles, dates and bytes apart, and ends", async () => {
    type Ring = { next?: Ring; size: number };
    const ringOf = (size: number): Ring => {
      const ring: Ring = { size };
      ring.next = ring;
      return ring;
    };
    const values = (turn: number) => [
      BigInt(turn),
      new Map([[{ turn }, new Set([turn, "x"])]]),
      ringOf(turn),
      new Date(turn),
      new Uint8Array([turn]),
      turn === 0 ? undefined : Number.NaN,
    ];
    for (const index of values(0).keys()) {
      const machine = createMachine({
        id: "strange",
        context: { value: values(0)[index] },
        initial: "on",
        states: { on: { on: { Turn: { actions: assign({ value: () => values(1)[index] }) } } } },
      });
      const create = () => {
        const actor = createActor(machine).start();
        return {
          send: (event: { readonly type: string }) => actor.send(event),
          state: () => actor.getSnapshot().context.value,
        };
      };
      const report = await checkLifecycle(
        machine,
        { create },
        { expected: ({ context }) => context.value, sequences: { runs: 3 } },
      );
      expect([index, report.states]).toEqual([index, 2]);
    }
  });

  it("takes sets and maps with another order for the same", async () => {
    const machine = createMachine({
      id: "sets",
      context: { members: new Set<string>() },
      initial: "on",
      states: {
        on: {
          on: {
            A: {
              actions: assign({ members: ({ context }) => new Set([...context.members, "a"]) }),
            },
            B: {
              actions: assign({ members: ({ context }) => new Set([...context.members, "b"]) }),
            },
          },
        },
      },
    });
    const create = () => {
      const members = new Set<string>();
      return {
        send: ({ type }: { readonly type: string }) => void members.add(type.toLowerCase()),
        state: () => members,
      };
    };
    const report = await checkLifecycle(
      machine,
      { create },
      { expected: ({ context }) => context.members },
    );
    expect(report).toMatchObject({ states: 4, edges: 8, missing: [] });
  });
});
