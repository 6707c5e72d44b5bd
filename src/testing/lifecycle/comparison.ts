import { AssertionError } from "node:assert";
import type { AnyMachineSnapshot, AnyStateMachine, EventFromLogic, SnapshotFrom } from "xstate";
import { ImmediateScheduler, ManualScheduler } from "../../mailbox/index.js";
import { canonicalText } from "./canonical-text.js";
import { typeOf } from "./explore.js";
import { type Model, stateOf } from "./model.js";
import type {
  LifecycleOptions,
  LifecyclePorts,
  LifecycleSystem,
  ModelStep,
  SystemUnderTest,
} from "./system-under-test.js";

const IMMEDIATE = new ImmediateScheduler();

/** What the machine shows after what it has done. */
export function expectedOf<M extends AnyStateMachine>(
  options: LifecycleOptions<M>,
  snapshot: SnapshotFrom<M>,
  steps: readonly (readonly string[])[],
): unknown {
  const { context } = snapshot as AnyMachineSnapshot;
  const state = stateOf(snapshot);
  const effects = steps.flat();
  const step = { state, context, effects, steps, snapshot } as unknown as ModelStep<M>;
  return options.expected === undefined ? state : options.expected(step);
}

/** An AssertionError whose difference a test runner can print. */
export function mismatch(message: string, actual: unknown, expected: unknown): AssertionError {
  return new AssertionError({
    message: `${message}\nmachine: ${canonicalText(expected)}\nsystem:  ${canonicalText(actual)}`,
    actual,
    expected,
    operator: "deepStrictEqual",
  });
}

/** An event as a reader of a report wants it. */
export function nameOf(event: unknown): string {
  const { type, ...payload } = event as { readonly type: string };
  return Object.keys(payload).length === 0 ? type : `${type} ${canonicalText(payload)}`;
}

/**
 * A fresh system beside the machine: after each event both must show the same.
 *
 * Owns: the system until `dispose`.
 */
export class Comparison<M extends AnyStateMachine> {
  readonly #model: Model<M>;
  readonly #options: LifecycleOptions<M>;
  readonly #system: LifecycleSystem<EventFromLogic<M>>;
  readonly #scheduler: ManualScheduler;
  readonly #events: EventFromLogic<M>[] = [];
  snapshot: SnapshotFrom<M>;

  private constructor(
    model: Model<M>,
    options: LifecycleOptions<M>,
    system: LifecycleSystem<EventFromLogic<M>>,
    scheduler: ManualScheduler,
  ) {
    this.#model = model;
    this.#options = options;
    this.#system = system;
    this.#scheduler = scheduler;
    this.snapshot = model.initial.to;
  }

  /** Creates a system, which must show what the machine shows at its start. */
  static async start<M extends AnyStateMachine>(
    model: Model<M>,
    systemUnderTest: SystemUnderTest<EventFromLogic<M>>,
    options: LifecycleOptions<M>,
  ): Promise<Comparison<M>> {
    const scheduler = new ManualScheduler();
    const ports: LifecyclePorts = { scheduler, gate: (work) => work, isInterleaved: false };
    const system = await settled(scheduler, systemUnderTest.create(ports));
    const comparison = new Comparison(model, options, system, scheduler);
    try {
      await comparison.#compare(model.initial.effects, "at the start");
      return comparison;
    } catch (error) {
      await comparison.dispose();
      throw error;
    }
  }

  /** Sends the event to both and compares; says what the machine has asked for. */
  async send(event: EventFromLogic<M>): Promise<readonly string[]> {
    const from = stateOf(this.snapshot);
    const { to, effects } = this.#model.transition(this.snapshot, event);
    this.#events.push(event);
    this.snapshot = to;
    await settled(this.#scheduler, this.#system.send(event));
    await this.#compare(effects, `after ${typeOf(event)} in ${from}`);
    return effects;
  }

  async dispose(): Promise<void> {
    await this.#system.dispose?.();
  }

  async #compare(effects: readonly string[], when: string): Promise<void> {
    await this.#scheduler.settle();
    const actual = await settled(this.#scheduler, this.#system.state());
    const expected = expectedOf(this.#options, this.snapshot, [effects]);
    if (canonicalText(actual) === canonicalText(expected)) return;
    const events = this.#events.map((event) => `\n  ${nameOf(event)}`).join("");
    const path = events === "" ? "" : `\nevents:${events}`;
    const { id } = this.#model.machine;
    throw mismatch(`${id}: the system differs from the machine ${when}${path}`, actual, expected);
  }
}

/** Runs what is deferred until the work is done, which may wait for that. */
async function settled<T>(scheduler: ManualScheduler, work: T | Promise<T>): Promise<T> {
  let isDone = false;
  const done = Promise.resolve(work).finally(() => {
    isDone = true;
  });
  // A rejection is heard of below, where it is awaited.
  done.catch(() => {});
  for (await scheduler.settle(); !isDone; await scheduler.settle()) {
    // It waits for something outside of the scheduler, such as real I/O.
    await Promise.race([done, new Promise<void>((turn) => IMMEDIATE.defer(turn))]);
  }
  return done;
}
