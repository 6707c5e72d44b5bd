import { describe, expect, it } from "vitest";
import {
  type ActorContext,
  type ActorEvent,
  ActorSystem,
  type ActorSystemOptions,
  type Envelope,
  type JournalOutcome,
  ManualScheduler,
  type Transport,
  throwOnDeadLetter,
  VirtualClock,
} from "../../src/mailbox/index.js";

/** Holds envelopes until the test delivers them, in any order and as often as it likes. */
class HeldTransport implements Transport {
  readonly held: Envelope[] = [];
  deliver: (envelope: Envelope) => void = () => {};

  connect(deliver: (envelope: Envelope) => void): void {
    this.deliver = deliver;
  }

  send(envelope: Envelope): void {
    this.held.push(envelope);
  }
}

function bench(options: ActorSystemOptions = {}) {
  const clock = new VirtualClock(1000);
  const scheduler = new ManualScheduler();
  const journal: (readonly [string, JournalOutcome, number])[] = [];
  const system = new ActorSystem({
    clock,
    scheduler,
    journal: {
      record: ({ event }, outcome, time) => journal.push([event.type, outcome, time]),
    },
    ...options,
  });
  const received: string[] = [];
  const contexts = new Map<string, ActorContext>();
  const spawn = (name: string, epoch = 0): ActorContext => {
    system.spawn(
      name,
      (context) => {
        contexts.set(name, context);
        return {
          receive: (event: ActorEvent) => received.push(`${name} ${event.type}`),
          onError: (error: unknown) => {
            throw error;
          },
        };
      },
      epoch,
    );
    return contexts.get(name) as ActorContext;
  };
  return { clock, scheduler, system, journal, received, spawn };
}

describe("ActorSystem", () => {
  it("numbers envelopes from 1 for each pair of sender and receiver", () => {
    const transport = new HeldTransport();
    const { system } = bench({ transport });
    for (const [from, to] of [
      ["a", "x"],
      ["a", "y"],
      ["a", "x"],
      ["b", "x"],
    ] as const) {
      system.post(from, to, { type: "E" }, 3);
    }
    expect(transport.held.map(({ from, to, sequence }) => `${from}${to}${sequence}`)).toEqual([
      "ax1",
      "ay1",
      "ax2",
      "bx1",
    ]);
    expect(transport.held[0]?.epoch).toBe(3);
  });

  it("drops an envelope that it has seen, so at-least-once delivery is enough", () => {
    const transport = new HeldTransport();
    const { system, scheduler, received, spawn } = bench({ transport });
    spawn("x");
    system.post("a", "x", { type: "One" });
    system.post("a", "x", { type: "Two" });
    for (const i of [0, 0, 1, 0, 1]) transport.deliver(transport.held[i] as Envelope);
    scheduler.runAll();
    expect(received).toEqual(["x One", "x Two"]);
    expect(system.counts).toEqual({ delivered: 2, duplicates: 3, fenced: 0, deadLetters: 0 });
  });

  it("drops what an earlier epoch has sent and takes what a later one sends", () => {
    const { system, scheduler, received, spawn } = bench();
    spawn("x", 2);
    system.post("a", "x", { type: "Old" }, 1);
    system.post("a", "x", { type: "Same" }, 2);
    system.post("a", "x", { type: "Later" }, 3);
    scheduler.runAll();
    expect(received).toEqual(["x Same", "x Later"]);
    expect(system.counts.fenced).toBe(1);
  });

  it("lets an actor post with the epoch that it was spawned with", () => {
    const { scheduler, received, spawn } = bench();
    const old = spawn("old", 1);
    spawn("x", 2);
    old.post("x", { type: "Late" });
    scheduler.runAll();
    expect(received).toEqual([]);
  });

  it("fences what comes for a stopped actor and calls what never lived a dead letter", () => {
    const deadLetters: string[] = [];
    const { system, received, scheduler, spawn } = bench({
      onDeadLetter: ({ to }) => deadLetters.push(to),
    });
    spawn("x");
    system.post("a", "x", { type: "InTheMailbox" });
    system.stop("x");
    system.post("a", "x", { type: "Late" });
    system.post("a", "nobody", { type: "Lost" });
    scheduler.runAll();
    expect(received).toEqual([]);
    expect(deadLetters).toEqual(["nobody"]);
    expect(system.counts).toEqual({ delivered: 1, duplicates: 0, fenced: 1, deadLetters: 1 });
  });

  it("tells tests of a wrong address at the sender", () => {
    const { system } = bench({ onDeadLetter: throwOnDeadLetter });
    expect(() => system.post("a", "typo", { type: "Lost" })).toThrow(
      expect.objectContaining({
        code: "DEAD_LETTER",
        message: "nobody has ever lived at typo: Lost from a",
      }),
    );
  });

  it("remembers a limited number of stopped addresses", () => {
    const { system, spawn } = bench();
    for (let i = 0; i <= 10_000; i++) {
      spawn(`x${i}`);
      system.stop(`x${i}`);
    }
    system.post("a", "x0", { type: "Late" });
    system.post("a", "x10000", { type: "Late" });
    expect(system.counts).toMatchObject({ deadLetters: 1, fenced: 1 });
  });

  it("delivers the first events of a second life at an address, in both directions", () => {
    const { system, scheduler, received, spawn } = bench();
    spawn("master");
    const first = spawn("x");
    for (const type of ["One", "Two", "Three"]) first.post("master", { type });
    system.post("master", "x", { type: "Down" });
    scheduler.runAll();
    first.stop();
    received.length = 0;
    const second = spawn("x");
    second.post("master", { type: "Again" });
    system.post("master", "x", { type: "Down" });
    scheduler.runAll();
    expect(received.sort()).toEqual(["master Again", "x Down"]);
    expect(system.counts.duplicates).toBe(0);
  });

  it("refuses a second actor at an address", () => {
    const { spawn } = bench();
    spawn("x");
    expect(() => spawn("x")).toThrow("there is already an actor at x");
  });

  it("journals every envelope once, with what became of it and when, before it is handled", () => {
    const transport = new HeldTransport();
    const { system, clock, journal, received, spawn } = bench({ transport });
    spawn("x", 1);
    system.post("a", "x", { type: "Good" }, 1);
    system.post("a", "x", { type: "Old" }, 0);
    system.post("a", "nobody", { type: "Lost" }, 1);
    const [good, old, lost] = transport.held as [Envelope, Envelope, Envelope];
    transport.deliver(good);
    clock.advance(5);
    for (const envelope of [good, old, lost]) transport.deliver(envelope);
    system.stop("x");
    transport.deliver(good);
    expect(journal).toEqual([
      ["Good", "delivered", 1000],
      ["Good", "duplicate", 1005],
      ["Old", "fenced", 1005],
      ["Lost", "dead-letter", 1005],
      ["Good", "fenced", 1005],
    ]);
    expect(received).toEqual([]);
  });

  it("posts to an actor itself after a delay, unless that is cancelled", () => {
    const { clock, scheduler, received, spawn } = bench();
    const context = spawn("x");
    context.postAfter(10, { type: "Kept" });
    const cancel = context.postAfter(10, { type: "Cancelled" });
    cancel();
    cancel();
    clock.advance(9);
    scheduler.runAll();
    expect(received).toEqual([]);
    clock.advance(1);
    scheduler.runAll();
    expect(received).toEqual(["x Kept"]);
  });

  it("cancels an actor's timers when it stops, and starts none afterwards", () => {
    const { clock, scheduler, received, spawn } = bench();
    const context = spawn("x");
    context.postAfter(10, { type: "Timer" });
    context.stop();
    expect(clock.pendingTimers).toBe(0);
    context.postAfter(10, { type: "Timer" });
    expect(clock.pendingTimers).toBe(0);
    spawn("x");
    clock.advance(20);
    scheduler.runAll();
    expect(received).toEqual([]);
  });

  it("leaves nothing behind of an actor whose factory throws", () => {
    const { clock, system } = bench();
    expect(() =>
      system.spawn("x", (context) => {
        context.postAfter(10, { type: "Timer" });
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(clock.pendingTimers).toBe(0);
    expect(system.addresses).toEqual([]);
  });
});
