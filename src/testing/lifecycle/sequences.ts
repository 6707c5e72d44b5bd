import fc from "fast-check";
import type { AnyStateMachine, EventFromLogic } from "xstate";
import { Comparison, nameOf } from "./comparison.js";
import type { Exploration } from "./explore.js";
import { throwFailure } from "./random-failure.js";
import type { LifecycleOptions, SystemUnderTest } from "./system-under-test.js";

/** Larger than any alphabet, and divided evenly among most of them. */
const CHOICES = 2 ** 20;
const RUNS = 50;
const LONGEST = 30;

interface Real<M extends AnyStateMachine> {
  readonly comparison: Comparison<M>;
  hasEnded: boolean;
}

/** The event at a place in whatever alphabet the state has that it meets. */
class EventCommand<M extends AnyStateMachine> implements fc.AsyncCommand<object, Real<M>> {
  readonly #choice: number;
  readonly #exploration: Exploration<M>;
  #event: EventFromLogic<M> | undefined;

  constructor(choice: number, exploration: Exploration<M>) {
    this.#choice = choice;
    this.#exploration = exploration;
  }

  check(): boolean {
    return true;
  }

  async run(_: object, real: Real<M>): Promise<void> {
    if (real.hasEnded) return;
    const { comparison } = real;
    const events = this.#exploration.eventsIn(comparison.snapshot);
    const event = events[this.#choice % Math.max(1, events.length)];
    if (event === undefined) return;
    this.#event = event;
    const effects = await comparison.send(event);
    const transition = { to: comparison.snapshot, effects, taken: [], entered: [] };
    real.hasEnded = this.#exploration.endsWith(transition);
  }

  toString(): string {
    return this.#event === undefined ? "(nothing)" : nameOf(this.#event);
  }
}

/** Sends random sequences of events; throws the shortest that it finds to fail. */
export async function runSequences<M extends AnyStateMachine>(
  exploration: Exploration<M>,
  systemUnderTest: SystemUnderTest<EventFromLogic<M>>,
  options: LifecycleOptions<M>,
): Promise<void> {
  if (options.sequences === false) return;
  const { runs = RUNS, events = LONGEST, path, replayPath } = options.sequences ?? {};
  const command = fc.nat(CHOICES).map((choice) => new EventCommand<M>(choice, exploration));
  const commands = fc.commands([command], {
    maxCommands: events,
    size: "max",
    ...(replayPath === undefined ? {} : { replayPath }),
  });
  const property = fc.asyncProperty(commands, async (chosen) => {
    const comparison = await Comparison.start(exploration.model, systemUnderTest, options);
    try {
      const real: Real<M> = { comparison, hasEnded: false };
      await fc.asyncModelRun(() => ({ model: {}, real }), chosen);
    } finally {
      await comparison.dispose();
    }
  });
  const seed = options.seed ?? 1;
  const parameters = { seed, numRuns: runs, ...(path === undefined ? {} : { path }) };
  throwFailure("sequences", await fc.check(property, parameters));
}
