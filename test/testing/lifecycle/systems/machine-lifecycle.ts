import type { AnyStateMachine, EventFromLogic } from "xstate";
import type {
  LifecycleOptions,
  SystemUnderTest,
} from "../../../../src/testing/lifecycle/system-under-test.js";

/** A machine, the real class that runs it, and how the two are compared. */
export interface MachineLifecycle<M extends AnyStateMachine = AnyStateMachine> {
  readonly machine: M;
  readonly systemUnderTest: SystemUnderTest<EventFromLogic<M>>;
  readonly options: LifecycleOptions<M>;
}

/** Keeps the machine's types where they are known and forgets them for a table of all. */
export function lifecycleOf<M extends AnyStateMachine>(
  machine: M,
  systemUnderTest: SystemUnderTest<EventFromLogic<M>>,
  options: LifecycleOptions<M>,
): MachineLifecycle {
  return { machine, systemUnderTest, options } as unknown as MachineLifecycle;
}

/** The words for these effects, in their order; an effect without a word shows nothing. */
export function wordsOf(
  effects: readonly string[],
  words: Readonly<Record<string, string>>,
): string[] {
  return effects.flatMap((effect) => words[effect] ?? []);
}
