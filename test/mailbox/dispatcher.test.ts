import { describe, expect, it } from "vitest";
import {
  type Actor,
  type ActorContext,
  type ActorEvent,
  ActorSystem,
  type ActorSystemOptions,
  type DefaultActionResult,
  ManualScheduler,
  throwOnDeadLetter,
  VirtualClock,
} from "../../src/mailbox/index.js";

/** An actor made of what a test wants it to do; writes what it gets into the log. */
class Scripted implements Actor {
  readonly errors: unknown[] = [];
  readonly receive: (event: ActorEvent) => void;
  readonly runDefaultAction?: () => DefaultActionResult;

  constructor(receive: (event: ActorEvent) => void, action?: () => DefaultActionResult) {
    this.receive = receive;
    if (action !== undefined) this.runDefaultAction = action;
  }

  onError(error: unknown): void {
    this.errors.push(error);
  }
}

function bench(options: ActorSystemOptions = {}) {
  const clock = new VirtualClock();
  const scheduler = new ManualScheduler();
  const system = new ActorSystem({ clock, scheduler, onDeadLetter: throwOnDeadLetter, ...options });
  const post = (to: string, type: string): void => system.post("test", to, { type });
  return { clock, scheduler, system, post, log: [] as string[] };
}

describe("the dispatcher", () => {
  it("runs nothing inside post: an event is handled in a later turn", () => {
    const { system, scheduler, post, log } = bench();
    system.spawn("a", () => new Scripted((event) => log.push(event.type)));
    post("a", "One");
    expect(log).toEqual([]);
    scheduler.runAll();
    expect(log).toEqual(["One"]);
  });

  it("runs an event to completion before the one that it posts", () => {
    const { system, scheduler, post, log } = bench();
    system.spawn("a", (context) => {
      return new Scripted((event) => {
        log.push(`${event.type} begins`);
        if (event.type === "One") context.post("a", { type: "Two" });
        log.push(`${event.type} ends`);
      });
    });
    post("a", "One");
    scheduler.runAll();
    expect(log).toEqual(["One begins", "One ends", "Two begins", "Two ends"]);
  });

  it("gives an actor at most its share of events before the next one's turn", () => {
    const { system, scheduler, post, log } = bench({ dispatcher: { eventsPerActor: 2 } });
    for (const name of ["a", "b"]) system.spawn(name, () => new Scripted(() => log.push(name)));
    for (let i = 0; i < 4; i++) post("a", "Work");
    post("b", "Work");
    scheduler.runAll();
    expect(log).toEqual(["a", "a", "b", "a", "a"]);
  });

  it("yields when its turn's budget is used up, and goes on with whoever was next in line", () => {
    const { system, scheduler, clock, post, log } = bench({ dispatcher: { turnBudget: 5 } });
    for (const name of ["a", "b", "c"]) {
      system.spawn(
        name,
        () =>
          new Scripted(() => {
            log.push(name);
            clock.advance(3);
          }),
      );
      post(name, "Work");
    }
    scheduler.runOne();
    expect(log).toEqual(["a", "b"]);
    expect(scheduler.pending).toBe(1);
    post("a", "Work");
    scheduler.runOne();
    expect(log).toEqual(["a", "b", "c", "a"]);
  });

  it("runs one slice of the default action when the mailbox is empty, then looks again", () => {
    const { system, scheduler, post, log } = bench();
    let slices = 0;
    system.spawn("a", () => {
      const act = (): DefaultActionResult => {
        log.push("slice");
        if (slices++ === 0) post("a", "Event");
        return slices < 3 ? "CONTINUE" : "SUSPEND";
      };
      return new Scripted((event) => log.push(event.type), act);
    });
    post("a", "First");
    scheduler.runAll();
    expect(log).toEqual(["First", "slice", "Event", "slice", "slice"]);
  });

  it("does not run the default action while events wait, however many there are", () => {
    const { system, scheduler, post, log } = bench({ dispatcher: { eventsPerActor: 2 } });
    system.spawn("a", () => {
      const act = (): DefaultActionResult => {
        log.push("slice");
        return "SUSPEND";
      };
      return new Scripted((event) => log.push(event.type), act);
    });
    for (const type of ["One", "Two", "Three"]) post("a", type);
    scheduler.runAll();
    expect(log).toEqual(["One", "Two", "Three", "slice"]);
  });

  it("lets other actors run between two slices of a default action that never ends", () => {
    const { system, scheduler, post, log } = bench();
    system.spawn(
      "busy",
      () =>
        new Scripted(
          () => {},
          () => {
            log.push("slice");
            return "CONTINUE";
          },
        ),
    );
    system.spawn("b", () => new Scripted(() => log.push("b")));
    for (let i = 0; i < 3; i++) {
      post("b", "Work");
      scheduler.runOne();
    }
    expect(log.filter((name) => name === "b")).toHaveLength(3);
    expect(scheduler.pending).toBe(1);
  });

  it("waits after SUSPEND until it is woken, and runs once for several wake-ups", () => {
    const { system, scheduler, log } = bench();
    let context: ActorContext | undefined;
    system.spawn("a", (given) => {
      context = given;
      return new Scripted(
        () => {},
        () => {
          log.push("slice");
          return "SUSPEND";
        },
      );
    });
    scheduler.runAll();
    expect(log).toEqual(["slice"]);
    context?.wakeDefaultAction();
    context?.wakeDefaultAction();
    scheduler.runAll();
    expect(log).toEqual(["slice", "slice"]);
  });

  it("does not lose a wake-up that comes while the default action runs", () => {
    const { system, scheduler, log } = bench();
    system.spawn("a", (context) => {
      return new Scripted(
        () => {},
        () => {
          log.push("slice");
          if (log.length === 1) context.wakeDefaultAction();
          return "SUSPEND";
        },
      );
    });
    scheduler.runAll();
    expect(log).toEqual(["slice", "slice"]);
  });

  it("hands what receive throws to onError and goes on with the next event", () => {
    const { system, scheduler, post, log } = bench();
    const actor = system.spawn(
      "a",
      () =>
        new Scripted((event) => {
          if (event.type === "Bad") throw new Error("bad");
          log.push(event.type);
        }),
    );
    post("a", "Bad");
    post("a", "Good");
    scheduler.runAll();
    expect(actor.errors).toEqual([new Error("bad")]);
    expect(log).toEqual(["Good"]);
  });

  it("hands what the default action throws to onError and does not repeat it unasked", () => {
    const { system, scheduler } = bench();
    let context: ActorContext | undefined;
    const actor = system.spawn("a", (given) => {
      context = given;
      return new Scripted(
        () => {},
        () => {
          context?.wakeDefaultAction();
          throw new Error("bad");
        },
      );
    });
    scheduler.runAll(10);
    expect(actor.errors).toEqual([new Error("bad")]);
  });

  it("keeps all actors in line when an onError itself throws", () => {
    const { system, scheduler, post, log } = bench();
    const actor = new Scripted((event) => {
      if (event.type === "Bad") throw new Error("bad");
      log.push(event.type);
    });
    actor.onError = () => {
      throw new Error("onError failed");
    };
    system.spawn("a", () => actor);
    system.spawn("b", () => new Scripted(() => log.push("b")));
    post("a", "Bad");
    post("a", "Good");
    post("b", "Work");
    expect(() => scheduler.runAll()).toThrow("onError failed");
    scheduler.runAll();
    expect(log).toEqual(["b", "Good"]);
  });

  it("handles no event after the one in which the actor stops itself", () => {
    const { system, scheduler, post, log } = bench();
    system.spawn("a", (context) => {
      return new Scripted(
        (event) => {
          log.push(event.type);
          context.stop();
        },
        () => {
          log.push("slice");
          return "CONTINUE";
        },
      );
    });
    post("a", "One");
    post("a", "Two");
    scheduler.runAll(10);
    expect(log).toEqual(["One"]);
  });
});
